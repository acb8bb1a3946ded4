"""Ask a predictor for every row of a table, and time single rows: ``python -m ... offline TASK``.

A process of its own, so that whatever the project's code does to it is seen from outside.
"""

from __future__ import annotations

import csv
import json
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ml_stages.data.frame import FrameError, read_features
from ml_stages.model.failure import sensitive_columns, told_whole
from ml_stages.model.predictor import PredictorError, load_predictor

_TIMED_ROWS = 100
_TIMED_SECONDS = 0.5
_NAMED = 10


def main(task_file: str) -> None:
    task = json.loads(Path(task_file).read_text(encoding="utf-8"))
    schema = json.loads(Path(task["schema"]).read_text(encoding="utf-8"))
    with explained(schema):
        frame = _read_frame(task, schema)
        predictor = load_predictor(task["load"], Path(task["model"]), task["allowed"])
        answers = predictor.answer(frame)
        latency = _latency(predictor, frame)
    keys = read_keys(Path(task["features"]))
    write_predictions(Path(task["output"], "predictions.csv"), keys, answers)
    measured = {"rows": len(keys), "classes": _texts(answers.classes), **latency}
    Path(task["measured"]).write_text(json.dumps(measured), encoding="utf-8")
    print(f"{len(keys)} rows predicted")


def _read_frame(task: Mapping[str, Any], schema: Mapping[str, Any]) -> Any:
    """What the predictor is given; a published model also gets columns that are no features any more."""
    (features,) = Path(task["features"]).glob("features.*")
    if "others" not in task:
        return read_features(features, schema)
    try:
        return read_features(features, schema, next(Path(task["others"]).glob("features.*"), None))
    except FrameError as error:
        name = f"column {error.column!r}"
        said = f"it cannot read the {name}" if sensitive_columns(schema) else str(error)
        raise PredictorError(
            f"the published model cannot be asked about today's rows: {said}; expected the columns that it "
            "was published with. To publish without a comparison, run with `--baseline none`"
        ) from error


@contextmanager
def explained(schema: Mapping[str, Any]) -> Iterator[None]:
    """End the process with a line for people where a traceback alone would not say what is wrong.

    A traceback says nothing that may hold a value of a sensitive column.
    """
    is_sensitive = bool(sensitive_columns(schema))
    try:
        yield
    except PredictorError as error:
        sys.exit(str(error))
    except Exception as error:
        unseen = _unseen(error, schema, is_sensitive=is_sensitive)
        if not unseen and not is_sensitive:
            raise
        print(told_whole(error, is_sensitive=is_sensitive), file=sys.stderr)
        sys.exit(unseen or 1)


def _unseen(error: Exception, schema: Mapping[str, Any], *, is_sensitive: bool) -> str:
    """Which column the predictor missed, where that is what is wrong, and why."""
    name = error.args[0] if isinstance(error, KeyError) and error.args else None
    features = [column["name"] for column in schema["features"]]
    if not isinstance(name, str) or name in features:
        return ""
    of_the_table = name == schema["label"]["name"] or name in schema.get("key", [])
    # Any other text may be a value that a table of the predictor's own does not know.
    return "" if is_sensitive and not of_the_table else f"{name!r}{_why_unseen(name, schema, features)}"


def _why_unseen(name: str, schema: Mapping[str, Any], features: list[str]) -> str:
    if name == schema["label"]["name"]:
        return " is the label, which no predictor is given"
    if name in schema.get("key", []):
        return f" is part of the key, which the predictor sees where data.columns.{name}.feature = true"
    more = f" and {len(features) - _NAMED:,} more" if len(features) > _NAMED else ""
    return f" is no column that the predictor is given; it gets {', '.join(features[:_NAMED])}{more}"


def _texts(classes: list[Any] | None) -> list[str] | None:
    return None if classes is None else [str(name) for name in classes]


def read_keys(folder: Path) -> list[str]:
    """The keys of the rows beside a table of features."""
    with Path(folder, "keys.csv").open(newline="", encoding="utf-8") as stream:
        lines = csv.reader(stream)
        place = next(lines).index("key")
        return [line[place] for line in lines if line]


def write_predictions(file: Path, keys: list[str], answers: Any) -> None:
    head = ["key", "prediction", *(f"probability_{name}" for name in answers.classes or [])]
    columns = zip(*answers.probabilities, strict=True) if answers.probabilities else []
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(head)
        writer.writerows(zip(keys, answers.predictions, *columns, strict=True))


def _latency(predictor: Any, frame: Any) -> dict[str, float]:
    """Seconds for one row alone: the median and the 99th percentile of up to a hundred."""
    seconds: list[float] = []
    until = time.perf_counter() + _TIMED_SECONDS
    for row in range(min(len(frame), _TIMED_ROWS)):
        started = time.perf_counter()
        predictor.answer(frame.iloc[row : row + 1])
        seconds.append(time.perf_counter() - started)
        if time.perf_counter() > until:
            break
    ordered = sorted(seconds)
    return {"latency_p50": ordered[len(ordered) // 2], "latency_p99": ordered[int(len(ordered) * 0.99)]}


if __name__ == "__main__":
    main(*sys.argv[1:])
