"""Ask a predictor for several tables, each by itself: ``python -m ... offline_parts TASK``.

A table that the predictor cannot answer leaves an ``error.json`` and does not stop the others.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from ml_stages.data.frame import FrameError, read_features
from ml_stages.model.failure import sensitive_columns, told
from ml_stages.model.predictor import load_predictor
from ml_stages.wrapper.offline import explained, read_keys, write_predictions


def main(task_file: str) -> None:
    task = json.loads(Path(task_file).read_text(encoding="utf-8"))
    schema = json.loads(Path(task["schema"]).read_text(encoding="utf-8"))
    with explained(schema):
        predictor = load_predictor(task["load"], Path(task["model"]), task["allowed"])
    for part in sorted(Path(task["rows"]).iterdir()):
        if not list(part.glob("features.*")):
            continue  # there was nothing to change, as its part.json says
        output = Path(task["output"], part.name)
        output.mkdir()
        _answer(part, output, schema, predictor)
        variant = json.loads((part / "part.json").read_text(encoding="utf-8"))["variant"]
        print(f"answered: {variant}", flush=True)


def _answer(part: Path, output: Path, schema: dict[str, Any], predictor: Any) -> None:
    (features,) = part.glob("features.*")
    try:
        frame = read_features(features, schema)
    except FrameError as error:  # the predictor is not to blame for it: no such row reaches it
        _write(output, {"fault": str(error)})
        return
    try:
        answers = predictor.answer(frame)
        write_predictions(output / "predictions.csv", read_keys(part), answers)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever the project's code raises is reported
        _write(output, {"error": told(error, is_sensitive=bool(sensitive_columns(schema)))})


def _write(output: Path, said: dict[str, str]) -> None:
    (output / "error.json").write_text(json.dumps(said), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
