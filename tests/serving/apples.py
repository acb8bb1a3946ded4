"""A model that is small and still real, its bundle, and its server."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml_stages.job import Job
from ml_stages.model import bundle as bundle_stage
from ml_stages.serving.probing.target import Target
from tests.projects import HELD_OUT

SOURCE = '''\
"""Ripe apples are heavy, and red ones need less weight."""

import json
import os
import time
from pathlib import Path

import pandas as pd


class Scale:
    classes_ = ["no", "yes"]

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold

    def predict_proba(self, table: pd.DataFrame) -> list[list[float]]:
        if (table["colour"] == "slow").any():
            time.sleep(0.3)
        if (table["colour"] == "crash").any():
            raise RuntimeError("secret words of the model")
        if (table["colour"] == "refuse").any():
            raise ValueError("found unknown colour")
        shift = (table["colour"] == "red") * 1.0
        ripe = 1 / (1 + 2.0 ** (self.threshold - table["weight"].fillna(0) - shift))
        return [[1 - share, share] for share in ripe.tolist()]

    def predict(self, table: pd.DataFrame) -> list[str]:
        return ["yes" if share[1] > 0.5 else "no" for share in self.predict_proba(table)]


def load(model_dir: str) -> Scale:
    return Scale(**json.loads(Path(model_dir, "model.json").read_text()))
'''

SCHEMA: dict[str, Any] = {
    "features": [
        {"name": "weight", "type": "float", "nullable": True},
        {"name": "colour", "type": "string", "nullable": False},
        {"name": "spots", "type": "int", "nullable": False},
        {"name": "organic", "type": "bool", "nullable": False},
        {"name": "picked", "type": "date", "nullable": False},
    ],
    "label": {"name": "ripe", "type": "string", "classes": ["no", "yes"]},
    "key": ["id"],
    "null_values": ["NA"],
}

ROW: dict[str, Any] = {"weight": 11.5, "colour": "red", "spots": 3, "organic": True, "picked": "2024-08-31"}


def rows(count: int) -> list[dict[str, Any]]:
    """Rows that differ, so that mixed-up answers show."""
    return [
        {**ROW, "weight": round(8 + number * 0.013, 3), "colour": ("red", "green")[number % 2]}
        for number in range(count)
    ]


def share_of(row: Mapping[str, Any]) -> float:
    """What the model says about a row, computed apart."""
    return float(1 / (1 + 2.0 ** (10 - (row["weight"] or 0) - (row["colour"] == "red"))))


def make_bundle(
    root: Path,
    *,
    source: str = SOURCE,
    schema: Mapping[str, Any] = SCHEMA,
    package: Mapping[str, Any] | None = None,
    **predictor: Any,
) -> Path:
    """Run the stage `build-image` and give its bundle."""
    for name in ("model", "code", "schema", "bundle"):
        (root / name).mkdir(parents=True, exist_ok=True)
    if not (root / "model" / "model.json").exists():
        (root / "model" / "model.json").write_text('{"threshold": 10}')
    (root / "code" / "apples.py").write_text(source)
    (root / "schema" / "schema.json").write_text(json.dumps(schema))
    (root / "project.lock").write_text("pandas==2.2.0\n")
    job = Job(
        stage="build-image",
        config={
            "name": "apples",
            "task": "classification",
            **HELD_OUT,
            "predictor": {"load": "apples:load", **predictor},
            "package": package,
        },
        parameters={
            "python": sys.executable,
            "lock": str(root / "project.lock"),
            "labels": {"org.opencontainers.image.title": "apples"},
        },
        inputs={name: root / name for name in ("model", "code", "schema")},
        outputs={"bundle": root / "bundle"},
        report=root / "report.json",
    )
    bundle_stage.run(job)
    return root / "bundle"


def write_holdout(root: Path, table: Sequence[Mapping[str, Any]]) -> tuple[Path, Path]:
    """The artifacts `holdout-features` and `predictions` for some rows."""
    features, predictions = root / "holdout-features", root / "predictions"
    features.mkdir()
    predictions.mkdir()
    texts = [{name: "" if value is None else value for name, value in row.items()} for row in table]
    _write(features / "features.csv", texts)
    _write(features / "keys.csv", [{"key": number} for number in range(len(table))])
    shares = [share_of(row) for row in table]
    answers = [
        {
            "key": number,
            "prediction": "yes" if share > 0.5 else "no",
            "probability_no": repr(1 - share),
            "probability_yes": repr(share),
        }
        for number, share in enumerate(shares)
    ]
    _write(predictions / "predictions.csv", answers)
    return features, predictions


def _write(file: Path, table: Sequence[Mapping[str, Any]]) -> None:
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(table[0]))
        writer.writeheader()
        writer.writerows(table)


@dataclass(frozen=True)
class Running:
    """A server that answers."""

    target: Target
    process: subprocess.Popen[str]
    log: Path

    def score(self, document: Any) -> tuple[int, Any]:
        reply = self.target.ask(
            "POST", "/invocations", json.dumps(document).encode(), {"Content-Type": "application/json"}
        )
        return reply.status, reply.json()

    def workers(self) -> list[int]:
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in listed.split()]


@contextmanager
def serving(bundle: Path, log: Path, *options: str, **environment: str) -> Iterator[Running]:
    """A server for the length of the block."""
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, str(bundle / "serve"), "--port", "0", *options],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, **environment},
        )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line.startswith("listening on http://127.0.0.1:"), line + log.read_text()
        yield Running(Target(line.removeprefix("listening on ").strip()), process, log)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        process.stdout.close()


def wait_for(condition: Any, seconds: float = 15) -> None:
    """Wait until something is true."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.02)
