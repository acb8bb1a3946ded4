"""The project's own predictor: loaded and asked in one way, offline and by the server.

Runs in the project's interpreter; needs the standard library alone.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml_stages.model import formats  # loaded by its name where the project has no `load` of its own
from ml_stages.model.answers import Answers, PredictorError, make_answers
from ml_stages.model.pickles import find_pickles

__all__ = ["Answers", "Predictor", "PredictorError", "formats", "load_predictor"]

RUNS_CODE = (
    "loading a pickle runs whatever code is in it. Store arrays and settings instead (safetensors, ONNX,"
    " skops, JSON), or allow it by name with predictor.allow_pickle ="
)


@dataclass(frozen=True)
class Predictor:
    """A loaded model that answers for data frames."""

    model: Any
    """What the project's ``load`` gave."""

    def answer(self, frame: Any) -> Answers:
        """Ask for every row of a ``pandas.DataFrame`` of features.

        Raises :class:`PredictorError` when the answers are unusable; what the project's own code
        raises comes through as it is.
        """
        probability = getattr(self.model, "predict_proba", None)
        rows = len(frame)  # before the project's code has it, which may drop some
        if probability is None:
            return make_answers(rows, self.model.predict(frame))
        predictions, shares = self.model.predict(frame), probability(frame)
        return make_answers(rows, predictions, shares, getattr(self.model, "classes_", None))


def load_predictor(entry_point: str, model_dir: Path, allowed: Sequence[str] | None = None) -> Predictor:
    """Load the model of a folder through ``package.module:function``.

    The project's code must be importable. ``allowed`` are globs of files that may run code when they are
    loaded; with ``None`` the folder was looked at when it was packed. Raises :class:`PredictorError` before
    anything is loaded when there are others. Raises :class:`PredictorError` when the entry point does
    not exist or what it gives has no ``predict``; what the project's own code raises comes through.
    """
    refused = [] if allowed is None else find_pickles(model_dir, allowed)[0]
    if refused:
        raise PredictorError(f"the model holds {', '.join(refused)}: {RUNS_CODE} {refused!r}")
    name, _, function = entry_point.partition(":")
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        raise PredictorError(
            f"predictor.load = {entry_point!r}: there is no module {error.name!r}; expected it in the"
            " project's root, in its src folder, or installed"
        ) from error
    load = getattr(module, function, None)
    if not callable(load):
        raise PredictorError(f"predictor.load = {entry_point!r}: {name} has no function {function!r}")
    model = load(model_dir)
    if not callable(getattr(model, "predict", None)):
        raise PredictorError(
            f"predictor.load = {entry_point!r} gave {type(model).__name__!r}, which has no method predict"
        )
    return Predictor(model)
