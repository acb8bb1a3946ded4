"""Whether the configured positive class fits the label; asked before the training, and of files."""

from __future__ import annotations

from collections.abc import Sequence

from ml_stages.report.numbers import listed

_NAMED = 10
"""Classes that a message names."""


def positive_fault(wanted: str, classes: Sequence[str], label: str, *, is_sensitive: bool = False) -> str:
    """Why ``data.positive`` does not fit the classes of ``label``; empty where it does.

    Of a sensitive one the classes are not named.
    """
    named = f"{len(classes):,} masked classes" if is_sensitive else listed(classes, _NAMED)
    if wanted not in classes:
        return f"data.positive is {wanted!r}, which is no class of {label}: {named}"
    if len(classes) > 2:
        has = named if is_sensitive else f"{len(classes):,}: {named}"
        return (
            f"data.positive is {wanted!r}, which says that there are two classes, and {label} has"
            f" {has}. Precision, recall and F1 would be averages over all of them: take"
            " the rows of the others out of the data, or leave data.positive out"
        )
    return ""
