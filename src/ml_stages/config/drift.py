"""``[drift]``: from which difference on current data has drifted away from the baseline's."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field, model_validator

from ml_stages.config.section import Section


class Severity(StrEnum):
    """How much it matters, least first."""

    NONE = "none"
    INCONCLUSIVE = "inconclusive"
    MINOR = "minor"
    MAJOR = "major"

    @property
    def rank(self) -> int:
        """Its place in that order."""
        return list(Severity).index(self)


class Limits(Section):
    """From which effect on drift is minor, and major."""

    minor: float = Field(ge=0)
    major: float = Field(ge=0)

    @model_validator(mode="after")
    def _minor_comes_first(self) -> Limits:
        if self.minor > self.major:
            raise ValueError(f"minor ({self.minor:g}) is greater than major ({self.major:g})")
        return self

    def of(self, effect: float) -> Severity:
        """The severity of a proven effect."""
        if effect >= self.major:
            return Severity.MAJOR
        return Severity.MINOR if effect >= self.minor else Severity.NONE


class DriftConfig(Section):
    """What counts as drift."""

    alpha: float = Field(default=0.05, gt=0, lt=1)
    """Share of comparisons of equal data that may raise any false alarm."""
    min_rows: int = Field(default=100, ge=1)
    """Rows (not missing) below which a column is `inconclusive`."""
    numbers: Literal["psi", "jensen-shannon", "wasserstein"] = "psi"
    """Effect by which numbers are judged, and the lengths of texts of which there are too many different."""
    values: Literal["cramers-v", "psi", "jensen-shannon"] = "cramers-v"
    """Effect by which texts, booleans and codes are judged."""
    psi: Limits = Limits(minor=0.1, major=0.25)
    """Population stability index, corrected for its bias."""
    jensen_shannon: Limits = Limits(minor=0.1, major=0.2)
    """Jensen-Shannon distance, base 2."""
    wasserstein: Limits = Limits(minor=0.2, major=0.5)
    """Mean distance that a value moved, in standard deviations of the reference."""
    cramers_v: Limits = Limits(minor=0.1, major=0.25)
    """Cramér's V, as for samples of equal size."""
    missing: Limits = Limits(minor=0.02, major=0.1)
    """Difference of the shares of missing or infinite values."""
    new_values: Limits = Limits(minor=0.01, major=0.1)
    """Share of rows with values that only one side has, beyond what rare values explain."""
    ignore: list[str] = []
    """Columns that are not compared."""

    def limits(self, effect: str) -> Limits:
        """The limits of an effect by its name in a report."""
        limits: Limits = getattr(self, effect.replace("-", "_"))
        return limits
