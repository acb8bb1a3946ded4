"""``[sealed]``: a part of the holdout that answers one bit a candidate."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from ml_stages.config.section import Section


class SealedConfig(Section):
    """A part of the holdout of which no report shows anything but one answer a candidate.

    Who reads numbers on a holdout and goes on working fits it in the end. These rows answer `yes` or
    `no`, only `runs` times, by a test whose error is divided among all that the answers can lead to,
    so that with a chance of `reliability` no `yes` is ever wrong.
    """

    share: float = Field(default=0.5, gt=0, lt=1)
    """Share of the holdout that is sealed; by a hash of the key, so that a row stays where it is. A greater
    share seals rows of which reports have told already: choose it once."""
    metric: Literal["accuracy", "recall", "specificity"] = "accuracy"
    """What is judged: a share of rows (for two classes also of the positive or of the negative ones)."""
    min: float | None = Field(default=None, gt=0, lt=1)
    """The metric is above this."""
    margin: float | None = Field(default=None, ge=0, lt=1)
    """The metric is not worse than the baseline's by this much or more."""
    reliability: float = Field(default=0.99, gt=0.5, lt=1)
    """Chance that all answers together are right."""
    tolerance: float = Field(default=0.05, gt=0, lt=1)
    """By how much the estimate of a good candidate exceeds what is asked for: it sets how many rows are
    needed, not what passes."""
    runs: int = Field(default=32, ge=1)
    """Answers that these rows give."""
    adaptivity: Literal["first-change", "full"] = "full"
    """`full`: every answer is read and the next candidate may depend on it; `first-change`: the rows are
    retired at their first `yes`, which needs far fewer of them."""
    discordance: float | None = Field(default=None, gt=0, lt=1)
    """Largest share of rows on which one of candidate and baseline alone is right, where it is known: the
    plan then needs fewer rows. What passes does not rest on it."""
    ledger: str = "sealed-ledger"
    """Folder, relative to the project, that says what is spent; keep it under version control."""

    @model_validator(mode="after")
    def _asks_something(self) -> SealedConfig:
        if self.min is None and self.margin is None:
            raise ValueError("a sealed holdout needs `min`, `margin` or both: what its answer is about")
        if self.min is not None and self.min + self.tolerance >= 1:
            raise ValueError(
                f"nothing exceeds {self.min:g} by {self.tolerance:g}: lower `min` or `tolerance`"
            )
        if self.discordance is not None and self.margin is None:
            raise ValueError("`discordance` goes with `margin`")
        return self

    def asked(self) -> str:
        """The condition in words."""
        parts = [
            f"{self.metric} above {self.min:g}" if self.min is not None else "",
            f"{self.metric} not worse than the baseline's by {self.margin:g}"
            if self.margin is not None
            else "",
        ]
        return " and ".join(part for part in parts if part)
