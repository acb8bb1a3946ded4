"""Model folders that say themselves how they are loaded."""

from __future__ import annotations

import importlib
import json
import sys
import tarfile
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from onnx import TensorProto
from onnx.helper import make_graph, make_model, make_node, make_opsetid, make_tensor_value_info
from onnx.numpy_helper import from_array
from skl2onnx import to_onnx
from sklearn.linear_model import LogisticRegression, Perceptron, RidgeClassifier
from sklearn.naive_bayes import GaussianNB

from ml_stages.config.sections import PredictorConfig
from ml_stages.evidence import BundleReport
from ml_stages.job import Job
from ml_stages.model import bundle as bundle_stage
from ml_stages.model.answers import PredictorError
from ml_stages.model.formats import LOAD
from ml_stages.model.pickles import find_pickles
from ml_stages.model.predictor import load_predictor
from tests.projects import HELD_OUT
from tests.serving.apples import serving

TABLE = pd.DataFrame({"width": [1.0, -1.0, 0.5], "length": [0.0, 2.0, 1.0]})


def _fitted() -> LogisticRegression:
    draw = np.random.default_rng(5)
    table = draw.normal(size=(60, 2)).astype(np.float32)
    return LogisticRegression().fit(table, np.where(table[:, 0] > table[:, 1], "wide", "long"))


def test_without_a_function_the_folder_decides() -> None:
    """If this fails, the default of the configuration names a function that is not there."""
    assert PredictorConfig().load == LOAD


@pytest.mark.parametrize("zipmap", [True, False])
def test_an_onnx_file_needs_no_function(tmp_path: Path, zipmap: bool) -> None:
    """If this fails, a model that is ONNX already needs code around it."""
    model = _fitted()
    options: dict[Any, Any] = {id(model): {"zipmap": zipmap}}
    graph = to_onnx(model, np.zeros((1, 2), dtype=np.float32), options=options)
    (tmp_path / "model.onnx").write_bytes(graph.SerializeToString())
    answers = load_predictor(LOAD, tmp_path, []).answer(TABLE)
    assert answers.predictions == model.predict(TABLE.to_numpy()).tolist()
    assert answers.classes == model.classes_.tolist()
    assert np.allclose(answers.probabilities or [], model.predict_proba(TABLE.to_numpy()), atol=1e-6)


def test_classes_that_an_onnx_graph_takes_by_place_are_found(tmp_path: Path) -> None:
    """If this fails, only models with a classifier node of their own have probabilities as a tensor."""
    model = GaussianNB().fit(TABLE.to_numpy(), [7, 3, 7])
    graph = to_onnx(model, np.zeros((1, 2), dtype=np.float32), options={"zipmap": False})
    (tmp_path / "model.onnx").write_bytes(graph.SerializeToString())
    answers = load_predictor(LOAD, tmp_path, []).answer(TABLE)
    assert answers.classes == [3, 7]
    assert np.allclose(answers.probabilities or [], model.predict_proba(TABLE.to_numpy()), atol=1e-5)


@pytest.mark.parametrize("zipmap", [True, False])
@pytest.mark.parametrize("model", [Perceptron(), RidgeClassifier()])
def test_scores_of_an_onnx_model_are_no_probabilities(tmp_path: Path, model: Any, zipmap: bool) -> None:
    """If this fails, a model that has scores is refused for them, or they are taken for probabilities."""
    table = TABLE.to_numpy(dtype=np.float32)
    model.fit(table, ["wide", "long", "wide"])
    graph = to_onnx(model, table[:1], options={"zipmap": zipmap})
    (tmp_path / "model.onnx").write_bytes(graph.SerializeToString())
    with pytest.warns(UserWarning, match=r"second output has scores such as .*, no probabilities"):
        answers = load_predictor(LOAD, tmp_path, []).answer(TABLE)
    assert answers.predictions == model.predict(table).tolist()
    assert answers.probabilities is None


def test_scores_without_labels_are_refused_with_what_to_write(tmp_path: Path) -> None:
    """If this fails, a network's logits are told as too many predictions."""
    weights = from_array(np.ones((2, 3), dtype=np.float32), "weights")
    given = make_tensor_value_info("given", TensorProto.FLOAT, ["rows", 2])
    scores = make_tensor_value_info("scores", TensorProto.FLOAT, ["rows", 3])
    graph = make_graph(
        [make_node("MatMul", ["given", "weights"], ["scores"])], "net", [given], [scores], [weights]
    )
    model = make_model(graph, ir_version=9, opset_imports=[make_opsetid("", 17)])
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(PredictorError, match=r"shape \[3, 3\]; expected one label .* name a `load`"):
        load_predictor(LOAD, tmp_path, []).answer(TABLE)


@pytest.mark.parametrize("missing", ["classes", "columns", "onnx"])
def test_probabilities_of_unknown_classes_are_told_and_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    """If this fails, probabilities are taken for those of other classes, or go missing without a word."""
    model = GaussianNB().fit(TABLE.to_numpy(), ["wide", "long", "wide"])
    graph = to_onnx(model, np.zeros((1, 2), dtype=np.float32), options={"zipmap": False})
    told = "no module 'onnx'"
    if missing == "onnx":
        monkeypatch.setitem(sys.modules, "onnx", None)
    elif missing == "columns":
        kept = next(one for one in graph.graph.initializer if one.name == "classes")
        kept.CopyFrom(from_array(np.array(["long", "wide", "more"], dtype=object), "classes"))
        told = "its graph names 3 classes for 2 columns"
    else:
        graph.graph.output[0].CopyFrom(make_tensor_value_info("kept", TensorProto.STRING, ["rows"]))
        graph.graph.node.append(make_node("SplitToSequence", ["label"], ["parts"], axis=0))
        graph.graph.node.append(make_node("ConcatFromSequence", ["parts"], ["kept"], axis=0))
        told = "its graph names no classes"
    (tmp_path / "model.onnx").write_bytes(graph.SerializeToString())
    with pytest.warns(UserWarning, match=f"model.onnx has probabilities that are not used: .*{told}"):
        answers = load_predictor(LOAD, tmp_path, []).answer(TABLE)
    assert answers.predictions == model.predict(TABLE.to_numpy()).tolist()
    assert answers.probabilities is None


def test_an_mlflow_model_is_loaded_by_mlflow(tmp_path: Path) -> None:
    """If this fails, a model that MLflow wrote must be wrapped by hand."""
    mlflow = pytest.importorskip("mlflow.pyfunc")

    class Doubled(mlflow.PythonModel):  # type: ignore[misc, name-defined]
        def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> list[float]:
            return [float(value) for value in model_input["width"] * 2]

    mlflow.save_model(str(tmp_path / "model"), python_model=Doubled(), pip_requirements=[])
    refused, _ = find_pickles(tmp_path / "model", [])
    assert refused == ["python_model.pkl"]
    with pytest.raises(PredictorError, match=r"python_model\.pkl: loading a pickle runs"):
        load_predictor(LOAD, tmp_path / "model", [])
    predictor = load_predictor(LOAD, tmp_path / "model", ["*.pkl"])
    assert predictor.answer(TABLE).predictions == [2.0, -2.0, 1.0]


def test_modules_in_an_mlflow_model_count_as_code(tmp_path: Path) -> None:
    """If this fails, whoever can write a model runs code through the modules that MLflow imports from it."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "evil.py").write_text("raise SystemExit")
    assert find_pickles(tmp_path, [])[0] == []
    (tmp_path / "MLmodel").write_text("flavors: {python_function: {loader_module: evil, code: code}}")
    assert find_pickles(tmp_path, [])[0] == ["code/evil.py"]


def test_pickles_in_tar_archives_are_found(tmp_path: Path) -> None:
    """If this fails, a pickle in an archive that a library unpacks by itself is loaded."""
    (tmp_path / "weights").write_bytes(b"\x80\x04N.")
    with tarfile.open(tmp_path / "model.nemo", "w:gz") as archive:
        archive.add(tmp_path / "weights", "weights")
    (tmp_path / "weights").unlink()
    assert find_pickles(tmp_path, [])[0] == ["model.nemo"]


def test_a_skops_file_is_loaded_by_skops(tmp_path: Path) -> None:
    """If this fails, scikit-learn's safe format needs code around it, or a missing library is not said."""
    file = tmp_path / "model.skops"
    try:
        skops = importlib.import_module("skops.io")  # not among what the tests need
    except ModuleNotFoundError:
        file.write_bytes(b"")
        with pytest.raises(PredictorError, match="loaded with skops: there is no module 'skops'"):
            load_predictor(LOAD, tmp_path, [])
        return
    model = LogisticRegression().fit(TABLE, ["wide", "long", "wide"])
    skops.dump(model, file)
    answers = load_predictor(LOAD, tmp_path, []).answer(TABLE)
    assert answers.predictions == model.predict(TABLE).tolist()


def test_types_that_skops_does_not_trust_are_told_with_what_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If this fails, who saves a ColumnTransformer as skops gets an exception's name and no way on."""
    (tmp_path / "model.skops").write_bytes(b"")
    types = ["sklearn.compose._column_transformer._RemainderColsList"]
    skops = ModuleType("skops.io")
    monkeypatch.setattr(skops, "get_untrusted_types", lambda *, file: types, raising=False)
    monkeypatch.setitem(sys.modules, "skops", ModuleType("skops"))
    monkeypatch.setitem(sys.modules, "skops.io", skops)
    with pytest.raises(
        PredictorError, match=r"predictor\.load that returns skops\.io\.load\(file, trusted=\['skl"
    ):
        load_predictor(LOAD, tmp_path, [])


@pytest.mark.parametrize(
    ("files", "wording"),
    [
        (["weights.safetensors"], "a function that knows their model"),
        (["one.onnx", "two.onnx"], "expected one, or predictor.load to say which"),
        ([], "holds nothing"),
    ],
)
def test_a_folder_that_says_nothing_is_told(tmp_path: Path, files: list[str], wording: str) -> None:
    """If this fails, a project without a function to load its model ends in a traceback of ours."""
    for name in files:
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(PredictorError, match=wording):
        load_predictor(LOAD, tmp_path, [])


def test_an_onnx_folder_is_served_as_onnx(tmp_path: Path) -> None:
    """If this fails, a model that is ONNX is served through pandas and the project's libraries."""
    model = _fitted()
    for name in ("model", "code", "schema", "bundle", "holdout-features", "predictions"):
        (tmp_path / name).mkdir()
    graph = to_onnx(model, np.zeros((1, 2), dtype=np.float32), options={id(model): {"zipmap": False}})
    (tmp_path / "model" / "fruit.onnx").write_bytes(graph.SerializeToString())
    feature = {"type": "float", "nullable": False}
    schema = {
        "features": [{"name": name, **feature} for name in TABLE.columns],
        "label": {"name": "shape", "type": "string", "classes": ["long", "wide"]},
        "key": [],
    }
    (tmp_path / "schema" / "schema.json").write_text(json.dumps(schema))
    TABLE.to_csv(tmp_path / "holdout-features" / "features.csv", index=False)
    labels = load_predictor(LOAD, tmp_path / "model", []).answer(TABLE).predictions
    lines = ["key,prediction", *(f"{row},{label}" for row, label in enumerate(labels))]
    (tmp_path / "predictions" / "predictions.csv").write_text("\n".join(lines) + "\n")
    read = ("model", "code", "schema", "holdout-features", "predictions")
    job = Job(
        stage="build-image",
        config={"name": "fruit", "task": "classification", "predictor": {}, **HELD_OUT},
        parameters={"python": sys.executable, "lock": None, "labels": {}},
        inputs={name: tmp_path / name for name in read},
        outputs={"bundle": tmp_path / "bundle"},
        report=tmp_path / "report.json",
    )
    bundle_stage.run(job)
    assert "served as ONNX" in BundleReport.model_validate_json(job.report.read_text()).notes[0]
    with serving(tmp_path / "bundle", tmp_path / "log") as server:
        status, answer = server.score({"instances": TABLE.to_numpy().tolist()})
        assert (status, answer["predictions"]) == (200, labels)
