"""Every metric by name, with its direction and range; light, so that configuration can name them."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace
from enum import StrEnum


class Task(StrEnum):
    """What is predicted: one of two classes or of several, a number, a set of labels, an order of rows."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"
    MULTILABEL = "multilabel"
    RANKING = "ranking"


MULTILABEL = Task.MULTILABEL.value
"""The task in which a row may have no label at all, written as an empty cell."""
NUMERIC = (Task.REGRESSION.value, Task.RANKING.value)
"""Tasks whose labels and predictions are numbers."""
CLASSIFICATION = (Task.BINARY, Task.MULTICLASS)
BY_CONFIGURATION: dict[str, tuple[Task, ...]] = {
    "classification": CLASSIFICATION,
    "regression": (Task.REGRESSION,),
    "multilabel": (Task.MULTILABEL,),
    "ranking": (Task.RANKING,),
}
"""The `task` of a configuration to what it can be."""


@dataclass(frozen=True)
class MetricSpec:
    """What a metric's name means."""

    name: str
    tasks: tuple[Task, ...]
    meaning: str
    greater_is_better: bool = True
    lowest: float | None = 0.0
    highest: float | None = 1.0
    needs_probabilities: bool = False


CATALOGUE: tuple[MetricSpec, ...] = (
    MetricSpec("accuracy", CLASSIFICATION, "share of rows that are right"),
    MetricSpec("balanced_accuracy", CLASSIFICATION, "recall, averaged over the classes"),
    MetricSpec(
        "precision", CLASSIFICATION, "share of predicted positives that are; macro average over classes"
    ),
    MetricSpec("recall", CLASSIFICATION, "share of positives that are found; macro average over classes"),
    MetricSpec("specificity", (Task.BINARY,), "share of negatives that are predicted as such"),
    MetricSpec("f1", CLASSIFICATION, "harmonic mean of precision and recall; macro average over classes"),
    MetricSpec("f1_macro", (*CLASSIFICATION, Task.MULTILABEL), "F1 of each class, averaged"),
    MetricSpec(
        "f1_micro",
        (*CLASSIFICATION, Task.MULTILABEL),
        "F1 over all decisions; with one label a row this is accuracy",
    ),
    MetricSpec("f1_weighted", CLASSIFICATION, "F1 of each class, averaged by its rows"),
    MetricSpec("mcc", CLASSIFICATION, "correlation of labels and predictions (Matthews)", lowest=-1.0),
    MetricSpec("selection_rate", (Task.BINARY,), "share of rows predicted positive; no direction of its own"),
    MetricSpec(
        "roc_auc",
        CLASSIFICATION,
        "chance that a positive outranks a negative; one class against the rest, averaged",
        needs_probabilities=True,
    ),
    MetricSpec(
        "pr_auc",
        CLASSIFICATION,
        "average precision; one class against the rest, averaged",
        needs_probabilities=True,
    ),
    MetricSpec(
        "log_loss",
        CLASSIFICATION,
        "mean of -ln(probability of the true class)",
        greater_is_better=False,
        highest=None,
        needs_probabilities=True,
    ),
    MetricSpec(
        "brier",
        CLASSIFICATION,
        "mean squared error of the probability (several classes: summed over them, up to 2)",
        greater_is_better=False,
        highest=2.0,
        needs_probabilities=True,
    ),
    MetricSpec(
        "calibration_error",
        CLASSIFICATION,
        "distance of predicted probabilities from observed shares, without bias",
        greater_is_better=False,
        needs_probabilities=True,
    ),
    MetricSpec("mae", (Task.REGRESSION,), "mean absolute error", greater_is_better=False, highest=None),
    MetricSpec(
        "rmse", (Task.REGRESSION,), "root of the mean squared error", greater_is_better=False, highest=None
    ),
    MetricSpec("r2", (Task.REGRESSION,), "share of the label's variance that is explained", lowest=None),
    MetricSpec(
        "mape",
        (Task.REGRESSION,),
        "mean absolute error as a share of the label, which must nowhere be 0",
        greater_is_better=False,
        highest=None,
    ),
    MetricSpec("subset_accuracy", (Task.MULTILABEL,), "share of rows whose whole set of labels is right"),
    MetricSpec(
        "hamming_loss",
        (Task.MULTILABEL,),
        "share of all labels of all rows that are wrong; of those that occur in the holdout",
        greater_is_better=False,
    ),
    MetricSpec("jaccard", (Task.MULTILABEL,), "shared labels over all labels of a row, averaged over rows"),
    MetricSpec("precision_micro", (Task.MULTILABEL,), "share of predicted labels that are right"),
    MetricSpec("recall_micro", (Task.MULTILABEL,), "share of labels that are predicted"),
    MetricSpec("ndcg", (Task.RANKING,), "discounted gain of the order, as a share of the best order's"),
    MetricSpec("mrr", (Task.RANKING,), "mean of 1 / rank of the first relevant row of a query"),
)

SPECS: dict[str, MetricSpec] = {spec.name: spec for spec in CATALOGUE}

PARAMETRISED: tuple[MetricSpec, ...] = (
    MetricSpec(
        "top_k@K",
        (Task.MULTICLASS,),
        "share of rows whose class is among the K most probable",
        needs_probabilities=True,
    ),
    MetricSpec("precision[CLASS]", CLASSIFICATION, "share of rows predicted as CLASS that are"),
    MetricSpec("recall[CLASS]", CLASSIFICATION, "share of rows of CLASS that are predicted so"),
    MetricSpec("f1[CLASS]", CLASSIFICATION, "harmonic mean of precision and recall of CLASS"),
    MetricSpec(
        "quantile_loss@Q",
        (Task.REGRESSION,),
        "mean pinball loss of a prediction of the quantile Q, between 0 and 1",
        greater_is_better=False,
        highest=None,
    ),
    MetricSpec("ndcg@K", (Task.RANKING,), "the same for the first K rows of each query"),
    MetricSpec("precision@K", (Task.RANKING,), "share of relevant rows among the first K of each query"),
)
"""Metrics with a parameter; they are computed where they are named."""

_PARAMETER = re.compile(r"(?P<kind>\w+)(@(?P<number>[0-9.]+)|\[(?P<label>.+)\])$")


@dataclass(frozen=True)
class Parameter:
    """A metric's name taken apart: `top_k@3`, `recall[cat]`."""

    kind: str
    value: str
    number: float | None


def parameter(name: str) -> Parameter | None:
    """The parts of a name with a parameter; ``None`` for any other."""
    found = _PARAMETER.fullmatch(name)
    if found is None:
        return None
    if found["label"] is not None:
        return Parameter(found["kind"], found["label"], None)
    try:
        return Parameter(found["kind"], found["number"], float(found["number"]))
    except ValueError:
        return None


def spec_of(name: str, tasks: tuple[Task, ...]) -> MetricSpec | None:
    """What a name means for one of the tasks; ``None`` where it means nothing."""
    plain = (spec for spec in CATALOGUE if spec.name == name and set(spec.tasks) & set(tasks))
    found = next(plain, None)
    parts = parameter(name)
    if found is not None or parts is None:
        return found
    mark = "[" if parts.number is None else "@"
    shape = next((s for s in PARAMETRISED if s.name.startswith(parts.kind + mark)), None)
    if shape is None or not set(shape.tasks) & set(tasks) or not _sensible(parts):
        return None
    return replace(shape, name=name)


def _sensible(parts: Parameter) -> bool:
    if parts.number is None:
        return True
    return (
        0 < parts.number < 1 if parts.kind == "quantile_loss" else parts.value.isdigit() and parts.number >= 1
    )


def fault(name: str, tasks: tuple[Task, ...]) -> str | None:
    """Why a name is no metric of the tasks, with the nearest that is; ``None`` where it is one.

    Beside a metric of another task the nearest one measures something else, so all are named.
    """
    if spec_of(name, tasks) is not None:
        return None
    known = list(dict.fromkeys(known for task in tasks for known in names(task)))
    shapes = [spec.name for spec in PARAMETRISED if set(spec.tasks) & set(tasks)]
    if others := [task for task in Task if spec_of(name, (task,)) is not None]:
        theirs, ours = ", ".join(others), ", ".join([*known, *shapes])
        return f"{name!r} is no metric of this task, but one of {theirs}; known: {ours}"
    return f"{name!r} is no metric of this task; {nearest(name, [*known, *shapes])}"


def names(task: Task) -> list[str]:
    """The metrics of a task, in the order of the reports."""
    return [spec.name for spec in CATALOGUE if task in spec.tasks]


def nearest(name: str, known: list[str]) -> str:
    """A hint for an unknown metric: the nearest known name, or all of them."""
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"
