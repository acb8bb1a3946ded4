"""What groups of rows say about the uncertainty of a number, and the tail that few of them do not show.

Where a handful of groups is far worse than the others, a sample of ten or twenty mostly holds too few of
those, and looks harmless just when the mean is too low. What is known to second order does not help, since
it corrects by the skewness that was seen: Hall's cubed t (J. R. Stat. Soc. B 54:221 (1992)) and the
bootstrap-t over groups (Hall, Ann. Stat. 16:927 (1988)) miss 10 % on that side, where ten groups of losses
are lognormal (1), and 14 % where they are so by 1.5, the interval of ``influence`` 9 and 17. No method is
right for all tails (Bahadur and Savage, Ann. Math. Stat. 27:1115 (1956)). What can be used is what is known
besides:

- A loss is never below nothing. If groups differ by as much as their mean, most must lie below it and some
  far above: the ratio of the two, which few groups already tell, stands for the skewness that they do not.
- Of a number that may be anything, the skewness of all groups says what the large ones among them may do,
  which are too few to say it themselves; one more group of middling size may be as skewed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ml_stages.evaluation.influence import (
    Groups,
    Moments,
    Spread,
    by_group,
    moments,
    spread_of,
)

Floats = NDArray[np.float64]

_STEEP, _MORE, _FEW = 12.0, 1.15, 15.0
"""Of :func:`skewness_of_losses`: chosen by simulation (benchmarks/soundness says how), so that groups of
lognormal losses (0.25 to 1.5) are misjudged in at most 2.5 %, from ten groups on."""
BEYOND = 1.1
"""A group that was not seen may lie so many times as far out as the farthest, where nothing else is known;
chosen likewise, for groups that differ by lognormal numbers (0.5)."""
_WIDE = 1.0
_CLOSE = 1e-9  # as far as rounding may move a whole number


@dataclass(frozen=True)
class Reach:
    """What is known of how far a group that was not seen may lie from the others."""

    unseen: float
    """The most that one may contribute."""
    losses: float | None = None
    """The number less what it is without a loss, where it is a mean of losses: positive where these raise
    it, negative where they lower it."""
    most: float | None = None
    """The largest loss that a row can have, where there is one."""
    free: bool = False
    """Whether nothing else is known: the skewness of all groups then stands for that of the large ones."""


def spread_over(influence: Floats, groups: Groups, reach: Reach) -> Spread:
    """Second and third moments of what groups contribute (at least two), with the tail they may have."""
    return Grouped.of(influence, groups).spread(reach)


def freedom_of(shares: Floats) -> int:
    """Degrees of freedom over groups that hold such shares of the rows: one less than there are, or fewer.

    A group with many rows pulls the number towards itself, so that its own distance is too small, and one
    that holds half of the rows decides nearly alone. Bell and McCaffrey, Surv. Methodol. 28:169 (2002), for
    a mean: their scaling of the distances, and Satterthwaite's degrees of freedom, rounded down.
    """
    pulls = shares**2 / (1 - shares)
    return max(int(1 / (np.sum(shares**2) + pulls.sum() ** 2 - np.sum(pulls**2)) + _CLOSE), 1)


@dataclass(frozen=True)
class Grouped:
    """What each group contributes to a number."""

    contributed: Floats
    shares: Floats
    """Of all rows, by group."""

    @classmethod
    def of(cls, influence: Floats, groups: Groups) -> Grouped:
        return cls(by_group(influence, groups), np.bincount(groups) / groups.size)

    def spread(self, reach: Reach) -> Spread:
        """What it says of the uncertainty, with the tail that groups may have."""
        seen = self.moments
        if reach.free:
            seen = replace(seen, cubed=self.shared_cubes)
            reach = replace(reach, unseen=BEYOND * reach.unseen)
        known = spread_of(seen, reach.unseen) if reach.losses is None else self.of_losses(seen, reach)
        return replace(known, freedom=freedom_of(self.shares))

    @property
    def most(self) -> float:
        """The most that one contributes."""
        return float(np.abs(self.contributed).max())

    def differ_widely(self, losses: float) -> bool:
        """Whether groups differ by more than their mean loss: few of them decide."""
        return abs(losses) > 0 and self.deviation > _WIDE * abs(losses)

    @cached_property
    def moments(self) -> Moments:
        """Of what was contributed, scaled for an unbiased variance (:func:`freedom_of`)."""
        return moments(self.contributed / np.sqrt(1 - self.shares))

    @property
    def squares(self) -> float:
        """One over the number of groups that would say as much, were they of one size."""
        return float(np.sum(self.shares**2))

    @property
    def largest(self) -> float:
        """The third moment of the shares over their second: one over the groups, more if some are large."""
        return float(np.sum(self.shares**3)) / self.squares

    @property
    def deviation(self) -> float:
        """By how much a group's own number differs from that of all."""
        return float(np.sqrt(self.moments.squared / self.squares))

    @property
    def shared_cubes(self) -> float:
        """The third moment, if large groups are as skewed as all, and there were one more of mean size."""
        contributed = moments(self.contributed)
        # Of the groups' distances, each weighted by its square as it is in the variance.
        cubed = float(np.sum(self.contributed**3 / self.shares)) / self.squares
        if contributed.squared == 0:
            return 0.0
        skewness = cubed / (contributed.squared / self.squares) ** 1.5
        jump = skewness * self.deviation * (self.largest + 1 / self.shares.size)
        return float(jump * self.moments.squared)

    def of_losses(self, seen: Moments, reach: Reach) -> Spread:
        """Towards more loss at least as skewed as losses that differ so; and none can be below nothing."""
        size, upwards = abs(reach.losses or 0.0), (reach.losses or 0.0) >= 0
        ratio = self.deviation / size if size else 0.0
        part = size / reach.most if reach.most else 0.0
        jump = skewness_of_losses(ratio, self.squares, part) * self.deviation * self.largest
        least = min(reach.unseen, size / self.shares.size)
        if upwards:
            known = spread_of(seen, reach.unseen, least)
            return replace(known, up=max(known.up, jump))
        turned = spread_of(replace(seen, cubed=-seen.cubed), reach.unseen, least)
        return replace(turned, down=max(turned.up, jump), up=turned.down)


def skewness_of_losses(ratio: float, squares: float, part: float = 0.0) -> float:
    """For groups whose deviation is so many times their mean, which is such a part of the largest loss.

    Without a largest one (0) the skewness of a lognormal distribution with that ratio, 3 r + r**3 (Aitchison
    and Brown, The Lognormal Distribution, 1957), else of a beta distribution; and more where few groups tell
    the ratio, which is then mostly too small. Where groups hardly differ it falls faster, so that it adds
    next to nothing to what is normal.
    """
    if part > 0:
        skewness = max(2 * ratio * (1 - 2 * part) / (1 - part + part * ratio**2), 0.0)
    else:
        skewness = 3 * ratio + ratio**3
    return min(_STEEP * ratio**2, (_MORE + _FEW * squares) * skewness)
