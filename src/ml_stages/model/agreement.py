"""Whether a converted model says what the tested one said: ``python -m ml_stages.model.agreement TASK``.

Runs in the project's interpreter, with the server's dependencies behind it. All holdout rows are asked
for in one table, and some of them alone.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ml_stages.model.failure import sensitive_columns, told

_PREFIX = "probability_"
_ALONE = 20


def main(task_file: str) -> None:
    task = json.loads(Path(task_file).read_text(encoding="utf-8"))
    sys.path.append(task["site"])
    lines = _read(Path(task["predictions"], "predictions.csv"))
    schema = json.loads(Path(task["schema"]).read_text(encoding="utf-8"))
    try:
        result = _compare(task, schema, lines)
    except Exception as error:  # noqa: BLE001 - whatever the runtime says of the model
        result = {"fault": told(error, is_sensitive=bool(sensitive_columns(schema)))}
    Path(task["result"]).write_text(json.dumps(result), encoding="utf-8")


def _read(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def _compare(task: dict[str, Any], schema: dict[str, Any], lines: Sequence[dict[str, str]]) -> dict[str, Any]:
    from ml_stages.data.frame import read_features  # noqa: PLC0415 - needs the project's pandas
    from ml_stages.model.onnx_model import OnnxModel  # noqa: PLC0415 - needs what `site` holds

    (features,) = Path(task["features"]).glob("features.*")
    frame = read_features(features, schema)
    columns = {name: _plain(frame[name]) for name in frame.columns}
    model = OnnxModel(Path(task["model"]), schema, task["classes"])
    whole = model.answer(columns, len(lines))
    worst = 0.0
    for row, line in enumerate(lines):
        difference = _difference(line, whole, row)
        if difference > task["tolerance"]:
            named = f"row {row + 1} of the holdout"  # its key may be sensitive
            return {"fault": f"{named} differs by {difference:.3g} ({_shown(line, whole, row)})"}
        worst = max(worst, difference)
    for row in range(0, len(lines), max(1, len(lines) // _ALONE)):
        alone = model.answer({name: values[row : row + 1] for name, values in columns.items()}, 1)
        if _difference(lines[row], alone, 0) > task["tolerance"]:
            return {"fault": f"row {row + 1} of the holdout alone is answered otherwise than among others"}
    return {"fault": None, "rows": len(lines), "worst": worst}


def _plain(series: Any) -> list[Any]:
    """A column as the server holds it: nulls as ``None``, times as texts."""
    texts = (value.isoformat() if hasattr(value, "isoformat") else value for value in series.tolist())
    return [None if missing else value for value, missing in zip(texts, series.isna(), strict=True)]


def _difference(line: dict[str, str], answers: Any, row: int) -> float:
    """The largest difference of a number, relative above 1, else absolute; infinite for another label."""
    shares = {name.removeprefix(_PREFIX): text for name, text in line.items() if name.startswith(_PREFIX)}
    prediction = answers.predictions[row]
    if answers.classes is None and not shares and type(prediction) in {int, float}:
        return _distance(float(line["prediction"]), float(prediction))
    if str(prediction) != line["prediction"]:
        return float("inf")
    if not shares:
        return 0.0
    if answers.probabilities is None:
        return float("inf")
    served = dict(zip(map(str, answers.classes), answers.probabilities[row], strict=True))
    return max(_distance(float(text), served[name]) for name, text in shares.items())


def _distance(offline: float, other: float) -> float:
    return abs(offline - other) / max(1.0, abs(offline))


def _shown(line: dict[str, str], answers: Any, row: int) -> str:
    offline = {name: text for name, text in line.items() if name != "key"}
    shares = None if answers.probabilities is None else answers.probabilities[row]
    return f"offline {offline}, ONNX {answers.predictions[row]!r} {shares}"


if __name__ == "__main__":
    main(*sys.argv[1:])
