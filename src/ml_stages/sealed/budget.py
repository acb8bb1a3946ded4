"""How many answers a sealed holdout may give, and how much error each of them may have."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import comb


class Adaptivity(StrEnum):
    """What a developer may learn from one answer before the next candidate."""

    FIRST_CHANGE = "first-change"
    """The holdout is retired at its first pass: all answers before are the same, `no`."""
    FULL = "full"
    """Every answer is read, and the next candidate may depend on all of them."""


@dataclass(frozen=True)
class Budget:
    """What is promised, and for how many answers."""

    error: float
    """Chance that any answer is wrong: 1 - reliability."""
    runs: int
    adaptivity: Adaptivity = Adaptivity.FULL
    most_passes: int | None = None
    """Most passes there can be, where each must gain something: (1 - accuracy) / gain."""

    @property
    def error_per_run(self) -> float:
        """The error left for each candidate that the answers could have led to.

        ``runs`` histories with `first-change`. With `full` one for each sequence of answers: 2**runs,
        or fewer where only ``most_passes`` of them can be passes.
        """
        if self.adaptivity is Adaptivity.FIRST_CHANGE:
            return self.error / self.runs
        passes = self.runs if self.most_passes is None else min(self.most_passes, self.runs)
        return self.error / sum(comb(self.runs, number) for number in range(passes + 1))
