"""Load a model folder by what is in it, for projects that name no `load` of their own.

An MLflow model (`MLmodel`), one skops file or one ONNX file; each through its own library, out of the
project's pins. Needs the standard library alone until a model is loaded. Whether a folder holds files that
run code when they are loaded is looked at before (:mod:`ml_stages.model.pickles`).
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from ml_stages.model.answers import PredictorError
from ml_stages.model.onnx_model import is_column

LOAD = "ml_stages.model.formats:load"
"""The entry point that stands for this module where the project names none."""
EXPORT = "ml_stages.model.formats:export"


def load(model_dir: str | Path) -> Any:
    """An object with ``predict``; raises :class:`PredictorError` for a folder that says nothing of itself."""
    folder = Path(model_dir)
    if (folder / "MLmodel").is_file():
        return _library("mlflow.pyfunc", "MLflow model").load_model(str(folder))
    if (file := _only(folder, ".skops")) is not None:
        return _load_skops(_library("skops.io", "skops file"), file)
    if (file := onnx_file(folder)) is not None:
        return OnnxPredictor(_library("onnxruntime", "ONNX model"), file)
    found = ", ".join(sorted(path.name for path in folder.iterdir())) or "nothing"
    raise PredictorError(
        f"predictor.load names no function, and the model folder holds {found}; expected MLflow's MLmodel,"
        " or one .skops or .onnx file. Weights alone (safetensors, arrays) need a function that knows their"
        " model"
    )


def _load_skops(skops: Any, file: Path) -> Any:
    if unknown := skops.get_untrusted_types(file=file):
        raise PredictorError(
            f"{file.name} holds types that skops does not trust by itself; if you do, name a function in"
            f" predictor.load that returns skops.io.load(file, trusted={unknown!r})"
        )
    return skops.load(file)


def export(model_dir: str | Path, target: str) -> None:
    """A model that is ONNX already is served as such."""
    file = onnx_file(Path(model_dir))
    if file is None:
        raise PredictorError("there is no ONNX file in the model folder")
    shutil.copyfile(file, target)


def onnx_file(folder: Path) -> Path | None:
    """The only ONNX file of a model folder that is nothing else."""
    return None if (folder / "MLmodel").is_file() else _only(folder, ".onnx")


def _only(folder: Path, suffix: str) -> Path | None:
    found = sorted(folder.glob(f"*{suffix}"))
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise PredictorError(f"the model folder holds {names}; expected one, or predictor.load to say which")
    return found[0] if found else None


def _library(name: str, what: str) -> Any:
    import importlib  # noqa: PLC0415 - only here

    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise PredictorError(
            f"the {what} is loaded with {name.partition('.')[0]}: there is no module {error.name!r}; expected"
            " it in the project's lock"
        ) from error


class OnnxPredictor:
    """An ONNX model asked with a data frame: inputs of one column each by its name, or one for all of them.

    Labels are its first output; probabilities are used where the model says whose they are (the mapping
    that skl2onnx makes).
    """

    def __init__(self, onnxruntime: Any, file: Path) -> None:
        self._session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
        self._inputs = self._session.get_inputs()
        if len(self._session.get_outputs()) > 1 and "map" in self._session.get_outputs()[1].type:
            self.predict_proba = self._probabilities
            self.classes_: list[Any] | None = None

    def predict(self, frame: Any) -> list[Any]:
        """One label or number a row."""
        values = self._run(frame)[0]
        return values.ravel().tolist() if hasattr(values, "ravel") else list(values)

    def _probabilities(self, frame: Any) -> list[list[float]]:
        rows: list[dict[Any, float]] = self._run(frame)[1]
        self.classes_ = list(rows[0]) if rows else []
        return [list(row.values()) for row in rows]

    def _run(self, frame: Any) -> list[Any]:
        names = [one.name for one in self._inputs]
        if set(names) <= set(frame.columns) and all(is_column(one.shape) for one in self._inputs):
            feed = {one.name: _tensor(frame[[one.name]], one.type) for one in self._inputs}
            for one in self._inputs:
                if len(one.shape) == 1:
                    feed[one.name] = feed[one.name][:, 0]
        elif len(self._inputs) == 1:
            feed = {self._inputs[0].name: _tensor(frame, self._inputs[0].type)}
        else:
            raise PredictorError(f"the ONNX model's inputs are {names}; expected columns, or one for all")
        found: list[Any] = self._session.run(None, feed)
        return found


_TYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(int64)": "int64",
    "tensor(bool)": "bool",
}


def _tensor(columns: Any, kind: str) -> Any:
    if kind == "tensor(string)":
        return columns.fillna("").astype(str).to_numpy(dtype=object)
    if kind not in _TYPES:
        raise PredictorError(f"the ONNX model takes a {kind}, which no column can fill")
    return columns.to_numpy(dtype=_TYPES[kind])
