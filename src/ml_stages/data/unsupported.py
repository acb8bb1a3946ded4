"""Types of columns that no predictor is given, no label has, and how to store the same values instead."""

from __future__ import annotations

_STORED_AS = {
    "Binary": "base64 texts",
    "List": "a column for each value, or as JSON texts",
    "Array": "a column for each value, or as JSON texts",
    "Struct": "a column for each field, or as JSON texts",
    "Duration": "numbers of seconds",
    "Time": "texts",
    "Int128": "texts or floats",
    "UInt128": "texts or floats",
}


def predictors_lack(dtype: str) -> str:
    """Say that no predictor is given columns of such a type of Polars, and how to store them instead."""
    instead = _STORED_AS.get(_name(dtype))
    lacks = f"columns of {dtype} cannot be given to a predictor"
    return f"{lacks}; store them as {instead}" if instead else lacks


def labels_lack(dtype: str) -> str:
    """Say that no label can be of such a type, and how to store it instead."""
    several = ' of several labels a row (task = "multilabel")' if _name(dtype) in {"List", "Array"} else ""
    instead = "texts such as a|b" if several else "texts or numbers"
    return f"the label holds {dtype}, which is neither a class nor a number; store it as {instead}{several}"


def _name(dtype: str) -> str:
    return dtype.split("(", maxsplit=1)[0]
