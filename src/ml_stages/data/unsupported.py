"""Types of columns that no predictor is given, and how the same values can be stored instead."""

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
    instead = _STORED_AS.get(dtype.split("(", maxsplit=1)[0])
    lacks = f"columns of {dtype} cannot be given to a predictor"
    return f"{lacks}; store them as {instead}" if instead else lacks
