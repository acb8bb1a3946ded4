"""An ONNX model that answers for columns; needs numpy and onnxruntime, and neither pandas nor the project.

Inputs are either tensors of one column each, by its name (what skl2onnx makes of columns; a column that
the model does not use has none), or a single tensor of shape ``[rows, columns]`` with all of them in order.
Outputs: for regression one number a row; for classification a label a row (its text, or its place among the
classes), or probabilities of shape ``[rows, classes]``, or both; where there is no label it is the likeliest
class.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ml_stages.model.answers import Answers, Plain, make_answers

_LARGE_BYTES = 16 * 1024 * 1024
"""Models from this size on compute with several threads; in a smaller one they would wait on each other."""
_TYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(float16)": "float16",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(bool)": "bool",
    "tensor(string)": "object",
}


class OnnxError(Exception):
    """The ONNX model does not fit the schema; the message says where."""


class OnnxModel:
    """A loaded ONNX model."""

    def __init__(self, path: Path, schema: Mapping[str, Any], classes: Sequence[str] | None) -> None:
        """Load the model; ``classes`` are texts in the order of its probabilities, ``None`` for numbers.

        Raises :class:`OnnxError` when its inputs are not the schema's columns.
        """
        import numpy as np  # noqa: PLC0415 - only this format needs them
        import onnxruntime  # noqa: PLC0415

        self._numpy = np
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        threads = 1 if path.stat().st_size < _LARGE_BYTES else os.cpu_count() or 1
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self._features: Sequence[Mapping[str, Any]] = schema["features"]
        self._inputs = self._plan_inputs()
        kind = schema["label"]["type"]
        self._classes = None if classes is None else [_typed(text, kind) for text in classes]

    def answer(self, columns: Mapping[str, Sequence[Any]], rows: int) -> Answers:
        """One prediction a row; columns as the server checked them."""
        feed = {name: self._tensor(names, columns, dtype, rank) for name, names, dtype, rank in self._inputs}
        return self._answers(rows, self._session.run(None, feed))

    def _plan_inputs(self) -> list[tuple[str, Sequence[str], str, int]]:
        """For each input: its name, the columns that fill it, its type and its rank."""
        inputs = self._session.get_inputs()
        names = [feature["name"] for feature in self._features]
        for one in inputs:
            if one.type not in _TYPES:
                raise OnnxError(f"the input {one.name!r} is a {one.type}, which no column can fill")
        if {one.name for one in inputs} <= set(names) and all(is_column(one.shape) for one in inputs):
            self._check_nulls({one.name: one.type for one in inputs})
            return [(one.name, [one.name], _TYPES[one.type], len(one.shape)) for one in inputs]
        if len(inputs) == 1 and len(inputs[0].shape) == 2 and inputs[0].shape[1] in {len(names), None}:
            return [(inputs[0].name, names, _TYPES[inputs[0].type], 2)]
        found = ", ".join(f"{one.name} {one.shape}" for one in inputs)
        raise OnnxError(
            f"its inputs are {found}; expected some of the columns by name, {names}, or one input of all "
            f"{len(names)}; a column that no model uses may be `feature = false`"
        )

    def _check_nulls(self, types: Mapping[str, str]) -> None:
        for feature in self._features:
            kind = types.get(feature["name"])
            if feature["nullable"] and kind in {"tensor(int64)", "tensor(int32)", "tensor(bool)"}:
                raise OnnxError(f"column {feature['name']!r} may be null, and its input is a {kind}")

    def _tensor(
        self, names: Sequence[str], columns: Mapping[str, Sequence[Any]], dtype: str, rank: int
    ) -> Any:
        lists = [columns[name] for name in names]
        if dtype == "object":
            lists = [["" if value is None else value for value in values] for values in lists]
        # numpy makes NaN of None in arrays of floats.
        array = self._numpy.array(lists, dtype=dtype)
        return array[0] if rank == 1 else array.T

    def _answers(self, rows: int, outputs: Sequence[Any]) -> Answers:
        labels: Any = None
        shares: Any = None
        for output in outputs:
            if _is_table(output):
                shares = _table(output)
            elif labels is None:
                labels = output
        if self._classes is None:
            return make_answers(rows, shares if labels is None else labels)
        if shares is None:
            return make_answers(rows, self._named(labels.ravel().tolist()))
        if labels is None:
            places = self._numpy.argmax(self._numpy.asarray(shares), axis=1).tolist()
            return make_answers(rows, [self._classes[place] for place in places], shares, self._classes)
        return make_answers(rows, self._named(labels.ravel().tolist()), shares, self._classes)

    def _named(self, labels: list[Any]) -> list[Plain]:
        """Labels as the project calls them: a whole number that is none of them is a place among them."""
        classes = self._classes or []
        if labels and type(labels[0]) is int and {type(name) for name in classes} != {int}:
            return [classes[place] for place in labels]
        return labels


def is_column(shape: Sequence[Any]) -> bool:
    """Whether an input takes one value a row; a size without a number is open."""
    return len(shape) == 1 or (len(shape) == 2 and (shape[1] == 1 or not isinstance(shape[1], int)))


def _is_table(output: Any) -> bool:
    """Whether an output has several columns (or is skl2onnx's list of mappings)."""
    return isinstance(output, list) or (len(output.shape) == 2 and output.shape[1] > 1)


def _table(output: Any) -> Any:
    return [list(row.values()) for row in output] if isinstance(output, list) else output


def _typed(text: str, kind: str) -> Plain:
    """A class as the project's own type, out of its text."""
    if kind == "int":
        return int(text)
    if kind == "float":
        return float(text)
    # A predictor's own classes are written as Python does, those of the table as it has them: `true`, `TRUE`.
    return text.lower() == "true" if kind == "bool" else text
