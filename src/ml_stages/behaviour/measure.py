"""Count what the predictor answered for changed rows, beside its answers for the rows as they are."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ml_stages.behaviour.part import Part
from ml_stages.errors import StageError
from ml_stages.evaluation.classes import positive_column
from ml_stages.evaluation.masked_keys import MaskedKeys
from ml_stages.evaluation.metrics_report import Behaviour, Metric
from ml_stages.evaluation.multilabel import SEPARATOR
from ml_stages.evaluation.predicted_shares import Shares
from ml_stages.evaluation.read import KEY, PREDICTION, PROBABILITY, read_predictions
from ml_stages.evaluation.text import canonical, canonical_value

_EXAMPLES = 5
_ROUNDING = 1e-6
"""A change of a number that is none, relative above 1: sums are rounded otherwise among other rows."""
Judge = Callable[[pl.DataFrame, pl.DataFrame], list[Metric]]
"""Labels and predictions of rows of the train set to their metrics."""


@dataclass(frozen=True)
class Holdout:
    """The candidate's predictions of the rows as they are."""

    predictions: pl.DataFrame
    numeric: bool
    positive: str | None
    """The configured positive class, as canonical text."""
    shares_of: Callable[[pl.DataFrame], Shares]
    """Rows, by their keys, to how shares of them get their intervals."""
    sets: bool = False
    """Whether a prediction is a set of labels such as `red|round`, or nothing."""
    masked: MaskedKeys | None = None

    def texts(self, predictions: pl.Series) -> pl.Series:
        """Predicted classes, or sets of labels, as texts that are equal where they mean the same."""
        if not self.sets:
            return canonical(predictions)
        sets = predictions.cast(pl.String).fill_null("").str.split(SEPARATOR)
        return sets.list.unique().list.sort().list.join(SEPARATOR)


def behaviours(rows: Path, answers: Path, holdout: Holdout, judge: Judge) -> list[Behaviour]:
    """What each part of the perturbed rows showed."""
    return [
        _behaviour(folder, answers / folder.name, holdout, judge)
        for folder in sorted(rows.iterdir())
        if (folder / "part.json").is_file()
    ]


def _behaviour(rows: Path, answers: Path, holdout: Holdout, judge: Judge) -> Behaviour:
    part = Part.model_validate_json((rows / "part.json").read_text(encoding="utf-8"))
    known = {"gate": part.gate, "variant": part.variant}
    if part.fault or part.idle:
        return Behaviour(**known, rows=0, fault=part.fault, idle=part.idle)
    # Rows of the train set are numbered: they have no keys here.
    found = _answered(answers, holdout, None if part.operation == "train" else holdout.masked)
    if isinstance(found, dict):
        return Behaviour(**known, rows=pl.read_csv(rows / "keys.csv").height, **found)
    if part.operation == "train":
        metrics = judge(pl.read_parquet(rows / "labels.parquet"), found)
        return Behaviour(**known, rows=found.height, metrics=metrics)
    both = found.join(holdout.predictions, on=KEY, how="inner", suffix="_before", maintain_order="left")
    try:
        hits, moved = _broken(both, part, holdout)
    except StageError as error:
        return Behaviour(**known, rows=both.height, fault=str(error))
    broken = both.filter(hits)
    examples = broken[KEY].head(_EXAMPLES).to_list()
    behaviour = Behaviour(**known, rows=both.height, broken=broken.height, moved=moved, examples=examples)
    if not both.height:
        return behaviour
    share = holdout.shares_of(both.select(KEY)).metric("broken", broken.height, both.height, hits.to_numpy)
    return behaviour.model_copy(update={"share": share})


def _answered(answers: Path, holdout: Holdout, masked: MaskedKeys | None) -> pl.DataFrame | dict[str, str]:
    """The predictions, or why there are none: fields of a behaviour."""
    if (answers / "error.json").is_file():
        said: dict[str, str] = json.loads((answers / "error.json").read_text(encoding="utf-8"))
        return said
    if not (answers / "predictions.csv").is_file():
        return {"error": "it ended its process before it had answered"}
    try:
        known = holdout.predictions[PREDICTION]
        hide = masked.hide if masked else None
        return read_predictions(answers, known, numeric=holdout.numeric, holes=holdout.sets, hide=hide)
    except StageError as error:  # what is answered is no answer: NaN, or nothing
        return {"error": str(error)}


def _broken(both: pl.DataFrame, part: Part, holdout: Holdout) -> tuple[pl.Series, int | None]:
    """Which rows do not behave as expected, and how many moved where one way is expected."""
    if part.expects == "any":
        return pl.repeat(value=False, n=both.height, dtype=pl.Boolean, eager=True), None
    if part.expects == "same" and not holdout.numeric:
        return holdout.texts(both[PREDICTION]) != holdout.texts(both[f"{PREDICTION}_before"]), None
    name = PREDICTION if holdout.numeric else _probability(both, part, holdout.positive)
    before = both[f"{name}_before"]
    rounding = _ROUNDING * before.abs().clip(lower_bound=1.0)
    moved, least = both[name] - before, rounding + part.tolerance
    if part.expects == "same":
        return moved.abs() > least, None
    wrong = moved < -least if part.expects == "increase" else moved > least
    return wrong, int((moved.abs() > rounding).sum())


def _probability(both: pl.DataFrame, part: Part, positive: str | None) -> str:
    columns = [name for name in both.columns if name.startswith(PROBABILITY) and not name.endswith("_before")]
    if not columns:
        raise StageError("a probability is to move, and the predictor gives none; expected predict_proba")
    wanted = positive if part.of is None else canonical_value(part.of)
    if wanted is None:
        return positive_column(columns)
    for name in columns:
        if canonical_value(name.removeprefix(PROBABILITY)) == wanted:
            return name
    classes = ", ".join(name.removeprefix(PROBABILITY) for name in columns)
    raise StageError(f"`of` names the class {wanted!r}; there are: {classes}")
