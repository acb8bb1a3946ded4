"""What the model sees of an application: numbers, codes and flags as one row of numbers.

Race and marital status are in the data for looking at the model's decisions by group; they are no features.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

LABEL: Final = "approved"
CLASSES: Final = ("no", "yes")

NUMBERS: Final = ("debt_to_income", "housing_to_income", "loan_to_value", "industry_unemployment")
# Codes, not scales: consumer code 4 is "too little history", mortgage code 2 "no mortgage so far".
CODES: Final = {"consumer_credit_score": (1, 2, 3, 4, 5, 6), "mortgage_credit_score": (1, 2, 3, 4)}
FLAGS: Final = ("public_bad_record", "insurance_denied", "self_employed", "condominium")
FEATURES: Final = (*NUMBERS, *CODES, *FLAGS)

# Lenders ask for insurance above 80 % of the value, and rarely lend above 95 %.
LOAN_TO_VALUE_STEPS: Final = (0.8, 0.95)
# A few ratios are far out (debts of three times the income); they must not set the scale.
TAIL: Final = 0.005


@dataclass(frozen=True)
class Scale:
    """How a number is clipped and standardised, and what stands in for a missing one."""

    low: float
    high: float
    mean: float
    deviation: float
    median: float

    @classmethod
    def fit(cls, values: Matrix) -> Scale:
        """Learn the scale from the values that are there."""
        known = values[~np.isnan(values)]
        low, high = np.quantile(known, (TAIL, 1 - TAIL))
        clipped = known.clip(low, high)
        deviation = float(clipped.std()) or 1.0
        return cls(float(low), float(high), float(clipped.mean()), deviation, float(np.median(known)))

    def apply(self, values: Matrix) -> Matrix:
        """Standardise."""
        scaled: Matrix = (values.clip(self.low, self.high) - self.mean) / self.deviation
        return scaled


@dataclass(frozen=True)
class Preprocessing:
    """Everything about the features that is learned from the training rows.

    A missing number becomes the median of the training rows, a missing code or flag their most frequent
    one. No training row lacks a value, so a mark for "missing" could not be learned.
    """

    scales: Mapping[str, Scale]
    modes: Mapping[str, float]

    @classmethod
    def fit(cls, frame: pd.DataFrame) -> Preprocessing:
        """Learn from the training rows."""
        columns = _columns(frame)
        return cls(
            scales={name: Scale.fit(columns[name]) for name in NUMBERS},
            modes={name: _most_frequent(columns[name]) for name in (*CODES, *FLAGS)},
        )

    @property
    def width(self) -> int:
        """How many numbers a row becomes."""
        return len(NUMBERS) + len(LOAN_TO_VALUE_STEPS) + sum(map(len, CODES.values())) + len(FLAGS)

    def transform(self, frame: pd.DataFrame) -> Matrix:
        """Turn applications into a matrix of shape (rows, width); the order of the columns is free."""
        columns = {name: self._filled(name, values) for name, values in _columns(frame).items()}
        parts: list[NDArray[Any]] = [self.scales[name].apply(columns[name]) for name in NUMBERS]
        parts += [columns["loan_to_value"] > step for step in LOAN_TO_VALUE_STEPS]
        parts += [columns[name] == code for name, codes in CODES.items() for code in codes]
        parts += [columns[name] for name in FLAGS]
        return np.column_stack(parts).astype(np.float64)

    def _filled(self, name: str, values: Matrix) -> Matrix:
        default = self.scales[name].median if name in self.scales else self.modes[name]
        return np.where(np.isnan(values), default, values)

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Preprocessing:
        """Back from JSON values."""
        scales = {name: Scale(**scale) for name, scale in values["scales"].items()}
        return cls(scales=scales, modes=dict(values["modes"]))


def labels(frame: pd.DataFrame) -> Matrix:
    """1 for an approved application, 0 for a denied one."""
    return _coded(frame[LABEL], LABEL, {"no": 0.0, "yes": 1.0})


def _columns(frame: pd.DataFrame) -> dict[str, Matrix]:
    if missing := [name for name in FEATURES if name not in frame.columns]:
        raise ValueError(f"the applications lack the columns {', '.join(missing)}")
    return {
        **{name: _numbers(frame[name]) for name in NUMBERS},
        **{name: _coded(frame[name], name, {code: code for code in codes}) for name, codes in CODES.items()},
        **{name: _coded(frame[name], name, {"no": 0.0, "yes": 1.0}) for name in FLAGS},
    }


def _numbers(column: pd.Series[Any]) -> Matrix:
    return pd.to_numeric(column).to_numpy(dtype=np.float64, na_value=np.nan)


def _coded(column: pd.Series[Any], name: str, codes: Mapping[Any, float]) -> Matrix:
    coded = column.map(codes)
    if len(unknown := column[coded.isna() & column.notna()]):
        known = ", ".join(map(str, codes))
        raise ValueError(f"column {name} holds {unknown.tolist()[0]!r}, expected one of {known}")
    return coded.to_numpy(dtype=np.float64, na_value=np.nan)


def _most_frequent(values: Matrix) -> float:
    found, counts = np.unique(values[~np.isnan(values)], return_counts=True)
    return float(found[counts.argmax()])
