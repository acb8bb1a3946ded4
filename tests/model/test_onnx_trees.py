"""XGBoost and LightGBM through their converter, in an interpreter that has them.

They are too large for the development lock. The interpreter is this one where it has xgboost, lightgbm and
onnxmltools, else that which ML_PIPELINE_TREES_PYTHON names; without either the tests are skipped.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ml_stages.evidence import BundleReport
from ml_stages.job import Job
from ml_stages.model import bundle as bundle_stage
from tests.projects import HELD_OUT
from tests.serving.apples import serving

_NEEDED = ("xgboost", "lightgbm", "onnxmltools", "skl2onnx", "pandas")

SOURCE = '''\
"""Boosted trees in their own formats, none of which runs code when it is loaded."""

import lightgbm
import numpy as np
import xgboost
from onnxmltools import convert_lightgbm, convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType

NAMES = ["width", "length", "weight"]
CLASSES = ["ripe", "unripe"]
FAMILIES = {
    ("xgboost", "classification"): xgboost.XGBClassifier,
    ("xgboost", "regression"): xgboost.XGBRegressor,
    ("lightgbm", "classification"): lightgbm.LGBMClassifier,
    ("lightgbm", "regression"): lightgbm.LGBMRegressor,
}


class Trees:
    def __init__(self, model, task):
        self.model, self.task = model, task
        if task == "classification":
            self.classes_ = CLASSES
            self.predict_proba = self._shares

    def _raw(self, table):
        values = table[NAMES].to_numpy(dtype=np.float32)
        if isinstance(self.model, lightgbm.Booster):
            return self.model.predict(values)
        return self.model.predict(xgboost.DMatrix(values))

    def _shares(self, table):
        unripe = self._raw(table)
        return np.column_stack([1 - unripe, unripe])

    def predict(self, table):
        if self.task == "regression":
            return self._raw(table)
        return [CLASSES[place] for place in self._shares(table).argmax(axis=1)]


def load(folder):
    task = (folder_of(folder) / "task").read_text()
    file = folder_of(folder) / "model.txt"
    if file.exists():
        return Trees(lightgbm.Booster(model_file=str(file)), task)
    booster = xgboost.Booster()
    booster.load_model(folder_of(folder) / "model.json")
    return Trees(booster, task)


def folder_of(folder):
    from pathlib import Path

    return Path(folder)


def export(folder, target):
    trees = load(folder)
    types = [("features", FloatTensorType([None, len(NAMES)]))]
    if isinstance(trees.model, lightgbm.Booster):
        graph = convert_lightgbm(trees.model, initial_types=types, zipmap=False)
    else:
        model = FAMILIES["xgboost", trees.task]()
        model.load_model(folder_of(folder) / "model.json")
        graph = convert_xgboost(model, initial_types=types)
    folder_of(target).write_bytes(graph.SerializeToString())


def train(library, task, root):
    """A model of made-up fruit, and its answers for rows of which some lack a value."""
    import pandas as pd

    draw = np.random.default_rng(4)
    table = pd.DataFrame(draw.normal(size=(600, 3)).astype(np.float32), columns=NAMES)
    table.loc[draw.random(600) < 0.1, "weight"] = np.nan
    target = table["width"] ** 2 - table["length"] + table["weight"].fillna(1)
    if task == "classification":
        target = (target > target.median()).astype(int)
    options = {"n_estimators": 30, "max_depth": 4, "n_jobs": 1, "random_state": 0}
    options |= {"verbose": -1} if library == "lightgbm" else {}
    model = FAMILIES[library, task](**options).fit(table.to_numpy(), target)
    if library == "lightgbm":
        model.booster_.save_model(root / "model" / "model.txt")
    else:
        model.save_model(root / "model" / "model.json")
    (root / "model" / "task").write_text(task)
    holdout = table.iloc[:100]
    holdout.to_csv(root / "holdout-features" / "features.csv", index=False)
    pd.DataFrame({"key": range(100)}).to_csv(root / "holdout-features" / "keys.csv", index=False)
    trees = load(root / "model")
    answers = pd.DataFrame({"key": range(100), "prediction": trees.predict(holdout)})
    if task == "classification":
        answers[["probability_ripe", "probability_unripe"]] = trees.predict_proba(holdout)
    answers.to_csv(root / "predictions" / "predictions.csv", index=False)


if __name__ == "__main__":
    import sys

    train(sys.argv[1], sys.argv[2], folder_of(sys.argv[3]))
'''


@pytest.fixture(scope="module")
def python() -> str:
    """An interpreter with the libraries."""
    chosen = os.environ.get("ML_PIPELINE_TREES_PYTHON", sys.executable)
    tried = subprocess.run([chosen, "-c", f"import {', '.join(_NEEDED)}"], check=False, capture_output=True)
    if tried.returncode:
        pytest.skip(f"{', '.join(_NEEDED)} are needed; name a Python with them in ML_PIPELINE_TREES_PYTHON")
    return chosen


def _packed(root: Path, python: str, library: str, task: str) -> BundleReport:
    for name in ("model", "code", "schema", "bundle", "holdout-features", "predictions"):
        (root / name).mkdir()
    (root / "code" / "fruit.py").write_text(SOURCE)
    subprocess.run([python, str(root / "code" / "fruit.py"), library, task, str(root)], check=True)
    is_class = task == "classification"
    features = [{"name": name, "type": "float", "nullable": True} for name in ("width", "length", "weight")]
    label = {"type": "string" if is_class else "float", "classes": ["ripe", "unripe"] if is_class else None}
    (root / "schema" / "schema.json").write_text(
        json.dumps({"features": features, "label": {"name": "ripe", **label}, "key": []})
    )
    job = Job(
        stage="build-image",
        config={
            "name": "fruit",
            "task": task,
            **HELD_OUT,
            "predictor": {"load": "fruit:load", "export": "fruit:export"},
        },
        parameters={"python": python, "lock": None, "labels": {}},
        inputs={name: root / name for name in ("model", "code", "schema", "holdout-features", "predictions")},
        outputs={"bundle": root / "bundle"},
        report=root / "report.json",
    )
    bundle_stage.run(job)
    return BundleReport.model_validate_json(job.report.read_text())


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_boosted_trees_are_served_as_onnx(
    tmp_path: Path, python: str, library: str, task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If this fails, a model of XGBoost or LightGBM needs its library in the image, or answers wrongly."""
    monkeypatch.setenv(
        "OMP_NUM_THREADS", "1"
    )  # threads that wait for each other in a spin, on a busy machine
    report = _packed(tmp_path, python, library, task)
    assert report.format == "onnx", report.notes
    assert any("all 100 holdout rows agree" in note for note in report.notes)
    with (tmp_path / "holdout-features" / "features.csv").open() as stream:
        table = list(csv.DictReader(stream))
    rows = [{name: float(text) if text else None for name, text in row.items()} for row in table]
    with (tmp_path / "predictions" / "predictions.csv").open() as stream:
        expected = [row["prediction"] for row in csv.DictReader(stream)]
    assert any(row["weight"] is None for row in rows)
    with serving(tmp_path / "bundle", tmp_path / "server.log") as server:
        status, answer = server.score({"dataframe_records": rows})
    assert status == 200, answer
    if task == "regression":
        assert answer["predictions"] == pytest.approx(list(map(float, expected)), abs=1e-4)
    else:
        assert answer["predictions"] == expected
