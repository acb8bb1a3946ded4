"""A complete project in a few files, to be broken in every way a real one breaks."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml_stages.config.data import DataConfig
from ml_stages.config.sections import EvaluationConfig

CONFIG = """\
[project]
name = "apples"
version = "1"

[tool.ruff]
line-length = 100

[tool.ml-pipeline]
name = "apples"
task = "classification"

[tool.ml-pipeline.data]
path = "apples.csv"
key = ["id"]
label = "ripe"

[tool.ml-pipeline.data.columns]
weight = { type = "float", min = 0, max_null = 0.01 }
colour = { type = "string", allowed = ["green", "red"] }

[tool.ml-pipeline.environment]
interpreter = "current"

[tool.ml-pipeline.baseline]
first_run = "allow"

[tool.ml-pipeline.train]
command = "python train.py {train} {model} {seed}"

[tool.ml-pipeline.predictor]
load = "apples:load"

[tool.ml-pipeline.publish]
registry = "registry"

[[tool.ml-pipeline.gates]]
kind = "threshold"
metric = "accuracy"
min = 0.7

[[tool.ml-pipeline.gates]]
kind = "no-regression"
metric = "accuracy"
margin = 0.05
"""

TRAIN = '''\
"""Find the weight above which apples are ripe."""

import json
import sys
from pathlib import Path

import pandas as pd

train, model, _seed = sys.argv[1:]
table = pd.read_csv(train)
ripe = table[table["ripe"] == "yes"]["weight"].mean()
unripe = table[table["ripe"] == "no"]["weight"].mean()
print("training on", len(table), "rows")
Path(model, "model.json").write_text(json.dumps({"threshold": (ripe + unripe) / 2}))
'''

PREDICTOR = '''\
"""Ripe apples are heavy."""

import json
from pathlib import Path

import pandas as pd


class Scale:
    classes_ = ("no", "yes")

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold

    def predict(self, table: pd.DataFrame) -> list[str]:
        return ["yes" if weight > self.threshold else "no" for weight in table["weight"]]

    def predict_proba(self, table: pd.DataFrame) -> list[list[float]]:
        ripe = (1 / (1 + 2.0 ** (self.threshold - table["weight"]))).tolist()
        return [[1 - share, share] for share in ripe]


def load(model_dir: str) -> Scale:
    return Scale(**json.loads(Path(model_dir, "model.json").read_text()))
'''

TESTS = '''\
"""Scales weigh."""

import pandas as pd

from apples import Scale


def test_heavy_is_ripe() -> None:
    assert Scale(10).predict(pd.DataFrame({"weight": [9.0, 11.0]})) == ["no", "yes"]
'''


HELD_OUT: dict[str, Any] = {
    "data": DataConfig(path="t.csv", label="y").model_dump(mode="json"),
    "evaluation": EvaluationConfig().model_dump(mode="json"),
}
"""What a stage that packs is told of the split."""


@dataclass(frozen=True)
class Ran:
    """How a run of the command ended."""

    exit_status: int
    output: str
    folder: Path
    """The output folder."""

    @property
    def verdict(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "verdict.json").read_text())
        return found

    def stage(self, name: str) -> dict[str, Any]:
        return next(stage for stage in self.verdict["stages"] if stage["name"] == name)

    def gate(self, name: str) -> dict[str, Any]:
        return next(gate for gate in self.verdict["gates"] if gate["name"] == name)


@dataclass(frozen=True)
class TinyProject:
    """A project on disk; every method breaks or runs it for real."""

    root: Path

    @classmethod
    def create(cls, root: Path) -> TinyProject:
        project = cls(root)
        (root / "data").mkdir(parents=True)
        (root / "tests").mkdir()
        project.write("pyproject.toml", CONFIG)
        project.write("train.py", TRAIN)
        project.write("apples.py", PREDICTOR)
        project.write("tests/test_apples.py", TESTS)
        project.write_table(_rows(800))
        return project

    def write(self, name: str, text: str) -> None:
        (self.root / name).write_text(text, encoding="utf-8")

    def read(self, name: str) -> str:
        return (self.root / name).read_text(encoding="utf-8")

    def edit(self, name: str, old: str, new: str) -> None:
        text = self.read(name)
        assert old in text
        self.write(name, text.replace(old, new))

    def table(self) -> list[dict[str, Any]]:
        head, *lines = (self.root / "data" / "apples.csv").read_text().splitlines()
        return [dict(zip(head.split(","), line.split(","), strict=True)) for line in lines]

    def write_table(self, rows: Sequence[dict[str, Any]]) -> None:
        lines = [",".join(rows[0]), *(",".join(str(value) for value in row.values()) for row in rows)]
        self.write("data/apples.csv", "\n".join(lines) + "\n")

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "ml_stages.cli", *arguments]

    def run(self, *options: str, command: str = "run") -> Ran:
        """Run the command as a user would in CI, from the folder above the project, and wait for it."""
        output = self.root / ".ml-pipeline"
        for index, option in enumerate(options):
            if option == "--output":
                output = Path(options[index + 1])
        ended = subprocess.run(
            self.command(command, self.root.name, *options),
            cwd=self.root.parent,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            env={**os.environ, "CI": "true"},
        )
        return Ran(ended.returncode, ended.stdout + ended.stderr, output)


def _rows(count: int) -> list[dict[str, Any]]:
    draw = random.Random(7)
    rows = []
    for number in range(count):
        weight = draw.gauss(10, 2)
        ripe = weight + draw.gauss(0, 0.7) > 10
        colour = draw.choice(["green", "red"])
        rows.append(
            {"id": number, "weight": round(weight, 3), "colour": colour, "ripe": "yes" if ripe else "no"}
        )
    return rows
