"""Every metric by name, with its direction and range; light, so that configuration can name them."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from enum import StrEnum


class Task(StrEnum):
    """What is predicted: one of two classes, one of several classes, or a number."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"


CLASSIFICATION = (Task.BINARY, Task.MULTICLASS)


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
    MetricSpec("f1_macro", CLASSIFICATION, "F1 of each class, averaged"),
    MetricSpec("f1_micro", CLASSIFICATION, "F1 over all decisions; with one label a row this is accuracy"),
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
)

SPECS: dict[str, MetricSpec] = {spec.name: spec for spec in CATALOGUE}


def names(task: Task) -> list[str]:
    """The metrics of a task, in the order of the reports."""
    return [spec.name for spec in CATALOGUE if task in spec.tasks]


def nearest(name: str, known: list[str]) -> str:
    """A hint for an unknown metric: the nearest known name, or all of them."""
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"
