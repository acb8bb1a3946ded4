"""The columns that a model expects, and whether values fit them.

Types, nulls, and which columns there are must be right; ranges and allowed values of the schema are
what the training saw, not what a model can answer, and are left to monitoring.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from ml_stages.serving.fault import RequestFault, shown

Columns = dict[str, list[Any]]
"""Values by column, all of one length, ``None`` for null."""

_TRUE, _FALSE = frozenset({"true", "1"}), frozenset({"false", "0"})
_MIDNIGHT = re.compile(r"[T ]00:00(:00(\.0+)?)?(Z|\+00:?00)?", re.ASCII)
_EXACT = 2**53
"""Integers up to here are exact as a float."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One column: its name, its type in the schema's words, whether it may be null."""

    name: str
    type: str
    nullable: bool
    sensitive: bool = False

    def check(self, values: list[Any]) -> list[Any]:
        """The values as the model is given them; raises :class:`RequestFault` (422) for the first wrong."""
        usual, fits, _ = _TYPES[self.type]
        # The distinct types of a column are found at the speed of C; rows are looked at one by one
        # only where something is unusual.
        kinds = set(map(type, values))
        if kinds <= usual or (self.type == "float" and kinds == {float} and all(map(math.isfinite, values))):
            return values
        return [self._one(value, row, fits) for row, value in enumerate(values)]

    def parse(self, texts: Sequence[str], nulls: frozenset[str]) -> list[Any]:
        """Values out of the texts of a CSV column."""
        _, _, read = _TYPES[self.type]
        return [None if text in nulls else self._read(text, row, read) for row, text in enumerate(texts)]

    def _one(self, value: Any, row: int, fits: Callable[[Any], Any]) -> Any:
        if value is None:
            if self.nullable:
                return None
            raise RequestFault(
                422, "null", f"column {self.name!r} must not be null", column=self.name, row=row
            )
        fitting = fits(value)
        if fitting is None:
            raise self._mismatch(value, row)
        return fitting

    def _read(self, text: str, row: int, read: Callable[[str], Any]) -> Any:
        try:
            return read(text)
        except (ValueError, OverflowError):
            raise self._mismatch(text, row) from None

    def _mismatch(self, value: Any, row: int) -> RequestFault:
        got = "another value, which is sensitive" if self.sensitive else shown(value)
        message = f"column {self.name!r} expects {_WORDING[self.type]}, got {got}"
        return RequestFault(422, "type", message, column=self.name, row=row)


def _fit_int(value: Any) -> int | None:
    if type(value) is float and value.is_integer() and abs(value) <= _EXACT:
        return int(value)
    return value if type(value) is int and -(2**63) <= value < 2**63 else None


def _fit_float(value: Any) -> float | None:
    if type(value) is float:
        return value if math.isfinite(value) else None
    return float(value) if type(value) is int and abs(value) < 2**1023 else None


def _fit_bool(value: Any) -> bool | None:
    return value if type(value) is bool else None


def _fit_string(value: Any) -> str | None:
    # Half of a surrogate pair is no text: nothing could encode it again.
    return value if type(value) is str and _encodable(value) else None


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _fit_date(value: Any) -> str | None:
    """A date, also as the midnight that clients with pandas make of it."""
    if type(value) is not str or not (len(value) == 10 or _MIDNIGHT.fullmatch(value, 10)):
        return None
    try:
        return date.fromisoformat(value[:10]).isoformat() if value[4:5] == "-" else None
    except ValueError:
        return None


def _fit_datetime(value: Any) -> str | None:
    try:
        datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return value if len(value) >= 10 else None


def _required(fit: Callable[[Any], Any], convert: Callable[[str], Any]) -> Callable[[str], Any]:
    """Read a text and hold the value to what the same column expects in JSON."""

    def read(text: str) -> Any:
        value = fit(convert(text))
        if value is None:
            raise ValueError(text)
        return value

    return read


def _bool_text(text: str) -> bool:
    lowered = text.lower()
    if lowered not in _TRUE | _FALSE:
        raise ValueError(text)
    return lowered in _TRUE


def _number_text(text: str) -> float | None:
    """A number; NaN is how some tools write a null."""
    value = _number(text)
    if math.isinf(value):
        raise ValueError(text)
    return None if math.isnan(value) else value


def _number(text: str) -> float:
    if "_" in text:  # Python's own spelling, nobody else's
        raise ValueError(text)
    return float(text)


def _whole(text: str) -> int | float:
    try:
        return int(text) if "_" not in text else _number(text)
    except ValueError:
        return _number(text)


_NOTHING: frozenset[type] = frozenset()
_TYPES: dict[str, tuple[frozenset[type], Callable[[Any], Any], Callable[[str], Any]]] = {
    "int": (_NOTHING, _fit_int, _required(_fit_int, _whole)),
    "float": (_NOTHING, _fit_float, _number_text),
    "bool": (frozenset({bool}), _fit_bool, _bool_text),
    "string": (_NOTHING, _fit_string, str),
    "date": (_NOTHING, _fit_date, _required(_fit_date, str)),
    "datetime": (_NOTHING, _fit_datetime, _required(_fit_datetime, str)),
}
"""By type of the schema: Python types that always fit; what a value becomes, ``None`` when it does not
fit; what a text becomes."""

_WORDING = {
    "int": "a whole number of 64 bits",
    "float": "a finite number",
    "bool": "true or false",
    "string": "a text",
    "date": "a date such as 2024-01-31",
    "datetime": "a time such as 2024-01-31T12:00:00",
}


@dataclass(frozen=True)
class FeatureTable:
    """All columns in the order of the schema."""

    features: tuple[Feature, ...]
    null_values: frozenset[str] = frozenset({""})

    @classmethod
    def from_schema(cls, schema: Mapping[str, Any]) -> FeatureTable:
        """Out of the content of ``schema.json``."""
        features = tuple(
            Feature(one["name"], one["type"], one["nullable"], one.get("sensitive", False))
            for one in schema["features"]
        )
        return cls(features, frozenset({"", *schema.get("null_values", [])}))

    @property
    def names(self) -> list[str]:
        return [feature.name for feature in self.features]

    def check(self, columns: Mapping[str, list[Any]]) -> Columns:
        """The columns in order with fitting values; raises :class:`RequestFault` for the first wrong."""
        self.check_names(columns)
        return {feature.name: feature.check(columns[feature.name]) for feature in self.features}

    def check_names(self, found: Sequence[str] | Mapping[str, Any], row: int | None = None) -> None:
        """Raises :class:`RequestFault` (422) unless exactly the expected columns are there."""
        for feature in self.features:
            if feature.name not in found:
                hint = "; where it has no value, send null" if feature.nullable else ""
                message = f"column {feature.name!r} is missing{hint}"
                raise RequestFault(422, "missing_column", message, column=feature.name, row=row)
        if len(found) > len(self.features):
            self._refuse_unknown(found, row)

    def _refuse_unknown(self, found: Sequence[str] | Mapping[str, Any], row: int | None) -> None:
        names = self.names
        unknown = next((name for name in found if name not in names), None)
        if unknown is None:
            raise RequestFault(400, "repeated_column", "a column is there more than once", row=row)
        near = difflib.get_close_matches(unknown, names, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        message = f"there is no column {shown(unknown)}{hint}"
        raise RequestFault(422, "unknown_column", message, column=unknown[:100], row=row)
