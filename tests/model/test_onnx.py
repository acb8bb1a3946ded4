"""Models converted to ONNX: kept only when they agree, and served as they were tested."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline

from ml_stages import digest, startup
from ml_stages.evidence import BundleReport
from ml_stages.job import Job
from ml_stages.model import bundle as bundle_stage
from ml_stages.model import formats
from ml_stages.model.onnx_model import OnnxError, OnnxModel
from ml_stages.serving import probe
from ml_stages.serving.probing.probe_report import ProbeReport
from tests.projects import HELD_OUT
from tests.serving.apples import serving

SOURCE = """\
import json
from pathlib import Path

import numpy as np

NAMES = ["width", "length"]


class Linear:
    def __init__(self, weights, bias, classes):
        self.weights, self.bias = np.array(weights), np.array(bias)
        if classes:
            self.classes_ = classes
            self.predict_proba = self._shares

    def _shares(self, table):
        ripe = 1 / (1 + np.exp(-(table[NAMES].to_numpy() @ self.weights[0] + self.bias[0])))
        return np.column_stack([1 - ripe, ripe])

    def predict(self, table):
        if hasattr(self, "classes_"):
            return [self.classes_[place] for place in self._shares(table).argmax(axis=1)]
        return table[NAMES].to_numpy() @ self.weights + self.bias


def load(folder):
    return Linear(**json.loads(Path(folder, "model.json").read_text()))


def export(folder, target, shift=0.0):
    from skl2onnx import to_onnx
    from sklearn.linear_model import LinearRegression, LogisticRegression

    model = load(folder)
    if hasattr(model, "classes_"):
        estimator, options = LogisticRegression(), {"zipmap": False}
        estimator.classes_ = np.array(model.classes_)
    else:
        estimator, options = LinearRegression(), None
    estimator.coef_, estimator.intercept_ = model.weights, model.bias + shift
    estimator.n_features_in_ = 2
    sample = np.zeros((1, 2), dtype=np.float32)
    graph = to_onnx(estimator, sample, options={id(estimator): options} if options else None)
    Path(target).write_bytes(graph.SerializeToString())


def export_another(folder, target):
    export(folder, target, shift=0.5)


def export_nothing(folder, target):
    raise RuntimeError("no exporter for this model")


def export_settings(folder, target):
    import os

    raise RuntimeError(os.environ.get("NPY_DISABLE_CPU_FEATURES", "as NumPy does"))
"""


def _job(root: Path, task: str, export: str, **predictor: Any) -> Job:
    """A trained model, its offline predictions, and the job that packs them."""
    draw = np.random.default_rng(3)
    table = pd.DataFrame(draw.normal(size=(80, 2)), columns=["width", "length"])
    target = table["width"] * 2 - table["length"] + draw.normal(size=80)
    classes = ["ripe", "unripe"] if task == "classification" else None
    for name in ("model", "code", "schema", "bundle", "holdout-features", "predictions"):
        (root / name).mkdir(parents=True)
    lines: list[list[Any]]
    if classes:
        fitted = LogisticRegression().fit(table.to_numpy(), np.where(target > 0, "unripe", "ripe"))
        shares = fitted.predict_proba(table.to_numpy()).tolist()
        lines = [[row, label, *shares[row]] for row, label in enumerate(fitted.predict(table.to_numpy()))]
    else:
        fitted = LinearRegression().fit(table.to_numpy(), target)
        lines = [[row, value] for row, value in enumerate(fitted.predict(table.to_numpy()).tolist())]
    settings = {
        "weights": fitted.coef_.tolist(),
        "bias": np.atleast_1d(fitted.intercept_).tolist(),
        "classes": classes,
    }
    (root / "model" / "model.json").write_text(json.dumps(settings))
    (root / "code" / "fruit.py").write_text(SOURCE)
    feature = {"type": "float", "nullable": False}
    schema = {
        "features": [{"name": "width", **feature}, {"name": "length", **feature}],
        "label": {"name": "ripe", "type": "string" if classes else "float", "classes": classes},
        "key": [],
    }
    (root / "schema" / "schema.json").write_text(json.dumps(schema))
    table.to_csv(root / "holdout-features" / "features.csv", index=False)
    _write(root / "holdout-features" / "keys.csv", ["key"], [[row] for row in range(80)])
    head = ["key", "prediction", *(f"probability_{name}" for name in classes or [])]
    _write(root / "predictions" / "predictions.csv", head, lines)
    return Job(
        stage="build-image",
        config={
            "name": "fruit",
            "task": task,
            **HELD_OUT,
            "predictor": {"load": "fruit:load", "export": f"fruit:{export}", **predictor},
        },
        parameters={"python": sys.executable, "lock": None, "labels": {}},
        inputs={name: root / name for name in ("model", "code", "schema", "holdout-features", "predictions")},
        outputs={"bundle": root / "bundle"},
        report=root / "report.json",
    )


def _write(file: Path, head: list[str], lines: list[list[Any]]) -> None:
    with file.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([head, *lines])


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """The classifier, packed once for all tests that look at its bundle."""
    job = _job(tmp_path_factory.mktemp("onnx"), "classification", "export")
    bundle_stage.run(job)
    return job


@pytest.fixture(scope="module")
def packed_regression(tmp_path_factory: pytest.TempPathFactory) -> Job:
    job = _job(tmp_path_factory.mktemp("onnx"), "regression", "export")
    bundle_stage.run(job)
    return job


@pytest.mark.parametrize("which", ["packed", "packed_regression"])
def test_a_model_that_agrees_is_served_as_onnx_without_the_project(
    request: pytest.FixtureRequest, tmp_path: Path, which: str
) -> None:
    """If this fails, converted models answer otherwise than tested, or still need the project's libraries."""
    job: Job = request.getfixturevalue(which)
    report = BundleReport.model_validate_json(job.report.read_text())
    assert "served as ONNX: all 80 holdout rows agree within 1e-05" in report.notes[0]
    bundle = job.outputs["bundle"]
    assert json.loads((bundle / "bundle.json").read_text())["format"] == "onnx"
    probed = job.model_copy(
        update={
            "config": {"task": job.config["task"], "probe": {}},
            "parameters": {"command": [sys.executable, str(bundle / "serve")]},
            "inputs": {**job.inputs, "bundle": bundle},
            "report": tmp_path / "probe.json",
        }
    )
    probe.run(probed)
    checks = ProbeReport.model_validate_json(probed.report.read_text()).checks
    assert [check for check in checks if check.status == "failed"] == []


def test_serving_onnx_imports_neither_pandas_nor_the_project(packed: Job, tmp_path: Path) -> None:
    """If this fails, an image without the project's libraries cannot serve, and starts are slow."""
    shutil.copytree(packed.outputs["bundle"], tmp_path / "bundle")
    source = tmp_path / "bundle" / "source" / "fruit.py"
    manifest = tmp_path / "bundle" / "bundle.json"
    text = 'raise SystemExit("imported")\n'
    source.write_text(text)
    fields = json.loads(manifest.read_text())
    fields["files"]["source/fruit.py"] = digest.of_bytes(text.encode())
    manifest.write_text(json.dumps(fields))
    with serving(tmp_path / "bundle", tmp_path / "log") as server:
        status, answer = server.score({"instances": [[1.0, 2.0], [-1, 0.5]]})
        assert status == 200, answer
        assert set(answer) == {"predictions", "probabilities", "classes"}
        (worker,) = server.workers()
        mapped = Path(f"/proc/{worker}/maps").read_text()
        assert "onnxruntime" in mapped
        assert "/pandas/" not in mapped


@pytest.mark.parametrize(
    ("export", "predictor", "wording"),
    [
        ("export_another", {}, "not served as ONNX: it does not agree with the tested model: row 1 of"),
        (
            "export",
            {"export_tolerance": 0.0},
            "not served as ONNX: it does not agree with the tested model: row",
        ),
        (
            "export_nothing",
            {},
            "not converted to ONNX: fruit:export_nothing failed: RuntimeError: no exporter",
        ),
    ],
)
def test_what_does_not_agree_is_not_kept_and_the_reason_said(
    tmp_path: Path, export: str, predictor: dict[str, Any], wording: str
) -> None:
    """If this fails, a wrong conversion is served, or a failed one stops the release."""
    job = _job(tmp_path, "classification", export, **predictor)
    bundle_stage.run(job)
    (note,) = BundleReport.model_validate_json(job.report.read_text()).notes
    assert wording in note
    assert json.loads((tmp_path / "bundle" / "bundle.json").read_text())["format"] == "predictor"
    assert not (tmp_path / "bundle" / "onnx").exists()


def test_the_project_converts_without_our_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If this fails, a model is compared by libraries that run otherwise than those that trained it."""
    monkeypatch.setattr(startup, "_BEFORE", {"NPY_DISABLE_CPU_FEATURES": None})
    monkeypatch.setenv("NPY_DISABLE_CPU_FEATURES", "X86_V4")
    job = _job(tmp_path, "classification", "export_settings")
    bundle_stage.run(job)
    (note,) = BundleReport.model_validate_json(job.report.read_text()).notes
    assert "RuntimeError: as NumPy does" in note


def test_without_predictions_nothing_is_converted(tmp_path: Path) -> None:
    """If this fails, a conversion that nobody compared is served."""
    job = _job(tmp_path, "classification", "export")
    inputs = {name: path for name, path in job.inputs.items() if name != "predictions"}
    bundle_stage.run(job.model_copy(update={"inputs": inputs}))
    (note,) = BundleReport.model_validate_json(job.report.read_text()).notes
    assert "no offline predictions to compare with" in note


def test_a_column_that_the_model_does_not_use_needs_no_input(tmp_path: Path) -> None:
    """If this fails, a model that leaves one column aside cannot be served as ONNX."""
    table = pd.DataFrame(np.random.default_rng(1).normal(size=(50, 2)), columns=["width", "length"])
    columns = ColumnTransformer([("all", "passthrough", ["width", "length"])])
    fitted = make_pipeline(columns, LinearRegression()).fit(table, table["width"] - table["length"])
    types = [(name, FloatTensorType([None, 1])) for name in ("length", "width")]
    (tmp_path / "fruit.onnx").write_bytes(to_onnx(fitted, initial_types=types).SerializeToString())
    features = [{"name": name, "type": "float", "nullable": False} for name in ("width", "note", "length")]
    schema = {"features": features, "label": {"name": "sweetness", "type": "float", "classes": None}}
    asked: dict[str, list[Any]] = {"width": [3.0, 1.0], "note": ["a", "b"], "length": [1.0, 2.0]}
    model = OnnxModel(tmp_path / "fruit.onnx", schema, None)
    assert model.answer(asked, 2).predictions == pytest.approx([2.0, -1.0], abs=1e-5)
    assert formats.load(tmp_path).predict(pd.DataFrame(asked)) == pytest.approx([2.0, -1.0], abs=1e-5)
    with pytest.raises(OnnxError, match=r"width .*expected some of the columns by name, \['note'\]"):
        OnnxModel(tmp_path / "fruit.onnx", {**schema, "features": features[1:2]}, None)


@pytest.mark.parametrize("classes", [["False", "True"], ["false", "true"], ["FALSE", "TRUE"]])
def test_a_truth_value_is_one_however_the_table_writes_it(tmp_path: Path, classes: list[str]) -> None:
    """Answers were 0 and 1 or all false, so that no model of truth values was ever served as ONNX."""
    table = np.array([[-1.0], [-2.0], [1.0], [2.0]], dtype=np.float32)
    fitted = LogisticRegression().fit(table, [0, 0, 1, 1])
    (tmp_path / "model.onnx").write_bytes(
        to_onnx(fitted, table, options={"zipmap": False}).SerializeToString()
    )
    feature = {"name": "width", "type": "float", "nullable": False}
    schema = {"features": [feature], "label": {"name": "ripe", "type": "bool", "classes": classes}}
    model = OnnxModel(tmp_path / "model.onnx", schema, classes)
    answers = model.answer({"width": [-3.0, 3.0]}, 2)
    assert [str(value) for value in answers.predictions] == ["False", "True"], (
        "as the predictor's are written"
    )
    assert answers.classes == [False, True]
