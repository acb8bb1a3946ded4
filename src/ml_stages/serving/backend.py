"""A loaded model as the server asks it: checked columns in, answers out."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from ml_stages.model.answers import Answers
from ml_stages.model.predictor import Predictor, load_predictor
from ml_stages.serving.fault import RequestFault
from ml_stages.serving.features import Columns


class Backend(Protocol):
    """A model that answers for columns."""

    def enter_thread(self) -> None:
        """Called once in a thread other than the one that loaded the model, before it is asked there."""
        ...

    def answer(self, columns: Columns, rows: int) -> Answers:
        """One prediction a row; runs in any thread, one call at a time.

        Raises :class:`RequestFault` when a value cannot be handed to the model.
        """
        ...


class FrameBackend:
    """The project's own predictor, asked with a ``pandas.DataFrame``."""

    def __init__(self, predictor: Predictor, schema: Mapping[str, Any]) -> None:
        # pandas takes longer to import than all else of the server, and only this backend needs it.
        from ml_stages.data.frame import FrameError, frame_from_columns  # noqa: PLC0415

        self._predictor = predictor
        self._schema = schema
        self._frame = frame_from_columns
        self._error = FrameError
        # How many threads torch computes with holds for the thread that said so: another takes all
        # processors again, and a small model then waits for them ten times as long as it computes.
        self._torch = sys.modules.get("torch")
        self._torch_threads = self._torch.get_num_threads() if self._torch else 0

    def enter_thread(self) -> None:
        """Let the thread compute as the loading one does."""
        if self._torch is not None:
            self._torch.set_num_threads(self._torch_threads)

    def answer(self, columns: Columns, rows: int) -> Answers:  # noqa: ARG002 - the frame knows its rows
        """Build the frame and ask the predictor."""
        try:
            frame = self._frame(columns, self._schema)
        except self._error as error:
            raise RequestFault(422, "type", str(error), column=error.column, row=error.row) from None
        return self._predictor.answer(frame)


class OnnxBackend:
    """A converted model, asked with arrays: no pandas, nothing of the project."""

    def __init__(self, folder: Path, schema: Mapping[str, Any]) -> None:
        from ml_stages.model.onnx_model import OnnxModel  # noqa: PLC0415 - only this format needs it

        classes = json.loads((folder / "classes.json").read_text(encoding="utf-8"))
        self._model = OnnxModel(folder / "model.onnx", schema, classes)

    def enter_thread(self) -> None:
        """Nothing to do: the session has its own threads."""

    def answer(self, columns: Columns, rows: int) -> Answers:
        """Fill the tensors and run the model."""
        return self._model.answer(columns, rows)


def load_backend(bundle: Path, manifest_format: str, load: str, schema: Mapping[str, Any]) -> Backend:
    """Load the bundle's model; raises what the project's own code raises."""
    if manifest_format == "onnx":
        return OnnxBackend(bundle / "onnx", schema)
    if manifest_format != "predictor":
        raise ValueError(f"this server cannot serve the format {manifest_format!r}")
    return FrameBackend(load_predictor(load, bundle / "model"), schema)
