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
from ml_stages.evaluation.predicted_shares import Shares
from ml_stages.evaluation.read import KEY, PREDICTION, PROBABILITY, read_predictions
from ml_stages.evaluation.text import canonical, canonical_value
from ml_stages.evidence import Behaviour, Metric

_EXAMPLES = 5
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
    if (answers / "error.json").is_file():
        error = json.loads((answers / "error.json").read_text(encoding="utf-8"))["error"]
        return Behaviour(**known, rows=pl.read_csv(rows / "keys.csv").height, error=error)
    try:
        found = read_predictions(answers, numeric=holdout.numeric)
    except StageError as error:  # what is answered is no answer: NaN, or nothing
        return Behaviour(**known, rows=pl.read_csv(rows / "keys.csv").height, error=str(error))
    if part.operation == "train":
        metrics = judge(pl.read_parquet(rows / "labels.parquet"), found)
        return Behaviour(**known, rows=found.height, metrics=metrics)
    both = found.join(holdout.predictions, on=KEY, how="inner", suffix="_before", maintain_order="left")
    hits = _broken(both, part, holdout)
    broken = both.filter(hits)
    behaviour = Behaviour(
        **known, rows=both.height, broken=broken.height, examples=broken[KEY].head(_EXAMPLES).to_list()
    )
    if not both.height:
        return behaviour
    share = holdout.shares_of(both.select(KEY)).metric("broken", broken.height, both.height, hits.to_numpy)
    return behaviour.model_copy(update={"share": share})


def _broken(both: pl.DataFrame, part: Part, holdout: Holdout) -> pl.Series:
    """Which rows do not behave as expected."""
    if part.expects == "any":
        return pl.repeat(value=False, n=both.height, dtype=pl.Boolean, eager=True)
    if part.expects == "same" and not holdout.numeric:
        return canonical(both[PREDICTION]) != canonical(both[f"{PREDICTION}_before"])
    name = PREDICTION if holdout.numeric else _probability(both, part, holdout.positive)
    moved = both[name] - both[f"{name}_before"]
    if part.expects == "same":
        return moved.abs() > part.tolerance
    return moved < -part.tolerance if part.expects == "increase" else moved > part.tolerance


def _probability(both: pl.DataFrame, part: Part, positive: str | None) -> str:
    columns = [name for name in both.columns if name.startswith(PROBABILITY) and not name.endswith("_before")]
    if not columns:
        raise StageError(
            f"the gate {part.gate!r} wants a probability to move, and the predictor gives none; "
            "expected predict_proba"
        )
    wanted = positive if part.of is None else canonical_value(part.of)
    if wanted is None:
        return positive_column(columns)
    for name in columns:
        if canonical_value(name.removeprefix(PROBABILITY)) == wanted:
            return name
    classes = ", ".join(name.removeprefix(PROBABILITY) for name in columns)
    raise StageError(f"the gate {part.gate!r} names the class {wanted!r}; there are: {classes}")
