"""What the label's values say about the task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Literal

from ml_stages.data.profile import ColumnProfile
from ml_stages.evaluation.multilabel import SEPARATOR

Task = Literal["classification", "regression", "multilabel"]

MOST_CLASSES = 20
"""Different whole numbers up to which they are classes."""
_LISTS = 0.2
"""Share of the rows whose text holds the separator of labels, from which on they may be several labels."""


def task_of(label: ColumnProfile | None) -> Task:
    """Numbers of many values are a regression, texts put together of the same labels are sets of labels.

    All else are classes.
    """
    if label is None or label.distribution is None:
        return "classification"
    if label.type not in {"int", "float"}:
        return "multilabel" if may_be_sets(label) and _recur(_texts(label)) else "classification"
    few = label.distribution.distinct <= MOST_CLASSES
    return "classification" if few and label.type == "int" else "regression"


def may_be_sets(label: ColumnProfile) -> bool:
    """Whether many of its texts are such as `a|b`."""
    texts = _texts(label)
    lists = sum(count for text, count in texts.items() if SEPARATOR in text)
    return lists > _LISTS * sum(texts.values())


def _texts(label: ColumnProfile) -> Mapping[str, int]:
    values = label.distribution and label.distribution.values
    return values.counts if label.type == "string" and values else {}


def _recur(texts: Mapping[str, int]) -> bool:
    """Whether most labels are in more than one text, and none twice in one: `A|A` is a class by itself."""
    sets = [text.split(SEPARATOR) for text in texts]
    within = Counter(label for labels in sets for label in {*labels})
    again = sum(count > 1 for count in within.values())
    return all(len({*labels}) == len(labels) for labels in sets) and again > len(within) / 2
