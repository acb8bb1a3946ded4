"""Load a model folder by what is in it, for projects that name no `load` of their own.

An MLflow model (`MLmodel`), one skops file or one ONNX file; each through its own library, out of the
project's pins. Needs the standard library alone until a model is loaded. Whether a folder holds files that
run code when they are loaded is looked at before (:mod:`ml_stages.model.pickles`).
"""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from typing import Any

from ml_stages.model.answers import ROUNDING, PredictorError
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

    Labels are its first output; probabilities, its second, are used where the model says whose they are: in
    the mapping that skl2onnx makes, or, where they are a tensor (``zipmap=False``), in its graph, which the
    ``onnx`` library reads. Where it does not, or has scores in their place (linear models), a warning says
    so.
    """

    def __init__(self, onnxruntime: Any, file: Path) -> None:
        self._session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
        self._inputs = self._session.get_inputs()
        self.classes_: list[Any] | None = None
        outputs = self._session.get_outputs()
        if len(outputs) > 1 and "map" in outputs[1].type:
            self.predict_proba = self._mapped
        elif len(outputs) > 1 and len(outputs[1].shape) == 2 and "float" in outputs[1].type:
            self.classes_ = _classes_in_graph(file, columns=outputs[1].shape[1])
            if self.classes_ is not None:
                self.predict_proba = self._tabled

    def predict(self, frame: Any) -> list[Any]:
        """One label or number a row; an output of several columns is refused, as nothing names them."""
        values = self._run(frame)[0]
        if getattr(values, "ndim", 1) > 1 and values.size > len(values):
            raise PredictorError(
                f"the ONNX model's first output has the shape {list(values.shape)}; expected one label or "
                "number a row: name a `load` whose predict chooses among the columns"
            )
        return values.ravel().tolist() if hasattr(values, "ravel") else list(values)

    def _tabled(self, frame: Any) -> list[list[float]] | None:
        return self._shares(self._run(frame)[1].tolist())

    def _mapped(self, frame: Any) -> list[list[float]] | None:
        rows: list[dict[Any, float]] = self._run(frame)[1]
        self.classes_ = list(rows[0]) if rows else []
        return self._shares([list(row.values()) for row in rows])

    def _shares(self, rows: list[list[float]]) -> list[list[float]] | None:
        """The rows, or ``None``, with a warning, where they are scores: what linear models have instead."""
        width = len(self.classes_ or [])
        odd = next((row for row in rows if len(row) != width or _are_scores(row)), None)
        if odd is None:
            return rows
        told = ", ".join(f"{value:.4g}" for value in odd[:5])
        warnings.warn(
            f"the ONNX model's second output has scores such as {told}, no probabilities; it is not used",
            stacklevel=2,
        )
        return None

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


_FLOAT32_SUM = 1e-3
"""How far from 1 the sum of a row's float32 probabilities may lie."""


def _are_scores(row: list[float]) -> bool:
    """Whether some value is outside 0 to 1, or their sum is not 1; NaN is neither, and is refused later."""
    return any(value < -ROUNDING or value > 1 + ROUNDING for value in row) or abs(sum(row) - 1) > _FLOAT32_SUM


_SAME_LABELS = {"Cast", "Flatten", "Identity", "Reshape", "Squeeze"}
"""What may stand between where a graph chooses a label and its output."""


def _classes_in_graph(file: Path, columns: object) -> list[Any] | None:
    """The classes that the first output of an ONNX classifier is chosen from, in the order of its columns.

    A classifier node has them as its ``classlabels``; what skl2onnx makes of other models takes them by place
    from a constant. ``None``, with a warning, where there is neither or they are not as many as the columns.
    """
    untold = f"{file.name} has probabilities that are not used: "
    try:
        onnx = _library("onnx", "classes' order in an ONNX model without a mapping (zipmap)")
    except PredictorError as error:
        warnings.warn(f"{untold}{error}", stacklevel=2)
        return None
    graph = onnx.load(str(file), load_external_data=False).graph
    makers = {output: node for node in graph.node for output in node.output}
    constants = {one.name: one for one in graph.initializer}
    node = makers.get(graph.output[0].name)
    while node is not None and node.op_type in _SAME_LABELS:
        node = makers.get(node.input[0])
    classes: list[Any] = []
    if node is not None and node.op_type == "ArrayFeatureExtractor" and node.input[0] in constants:
        classes = onnx.numpy_helper.to_array(constants[node.input[0]]).ravel().tolist()
    elif node is not None:
        held = [one for one in node.attribute if one.name.startswith("classlabels")]
        classes = [label for one in held for label in one.ints]
        classes = classes or [label.decode("utf-8") for one in held for label in one.strings]
    if not classes or (isinstance(columns, int) and len(classes) != columns):
        told = f"{len(classes)} classes for {columns} columns" if classes else "no classes"
        warnings.warn(f"{untold}its graph names {told}; write them as a mapping (zipmap)", stacklevel=2)
        return None
    return classes


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
