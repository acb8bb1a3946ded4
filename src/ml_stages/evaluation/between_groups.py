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
- Of two models each may lose far more than the other in a few groups, as far as its own mean loss lets expect
  of groups that differ so; and a group that was not seen may be lost whole.
- Of a number that may be anything, the skewness of all groups says what the large ones among them may do,
  which are too few to say it themselves; one more group of middling size may be as skewed. Ten or twenty very
  skewed groups look like harmless ones just where they mislead, so that all are taken for somewhat skewed.
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
HIDDEN, SOON = 1.05, 20.0
"""Of numbers that may be anything: skewness towards either side that groups have besides what they show, and
so much over their number where that is less; chosen likewise, for groups that differ by lognormal numbers
(1). Ten alike groups are half as wide again as without, fifty a tenth."""
_WIDE = 1.0
_CLOSE = 1e-9  # as far as rounding may move a whole number


@dataclass(frozen=True)
class Losing:
    """One model's mean loss, and how much of it a group loses."""

    losses: float
    """As that of :class:`Reach`."""
    deviation: float
    """By how much a group's own differs from that of all."""
    unseen: float
    """The most that a group that was not seen may lose."""

    @classmethod
    def of(cls, influence: Floats, groups: Groups, losses: float, lost: float = 0.0) -> Losing:
        """``lost`` is what a row costs that is lost, where that is known.

        A group that was not seen may lose as much as the worst one, or all of its rows: each as much as the
        worst quarter, or as those that are lost, but none more than the worst.
        """
        by_row = np.copysign(1.0, losses) * (influence * influence.size + losses)
        rows, count = by_row.size, int(groups.max()) + 1
        others = 3 * rows // 4
        quarter = float(np.partition(by_row, others)[others:].mean())
        every = min(max(quarter, lost), float(by_row.max()))
        worst = float(by_group(by_row, groups).max()) / rows
        return cls(losses, Grouped.of(influence, groups).deviation, max(worst, every / count))


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
    compared: tuple[Losing, Losing] | None = None
    """Candidate and baseline, where it is the difference of their losses."""
    hidden: float = 0.0
    """How far groups that are worse than any that were seen may move it, of which none was drawn."""
    free: bool = False
    """Whether nothing else is known: the skewness of all groups then stands for that of the large ones."""

    @classmethod
    def of_two(cls, candidate: Losing, baseline: Losing, most: float | None = None) -> Reach:
        """Where losses of two models are compared."""
        unseen = max(candidate.unseen, baseline.unseen)
        return cls(unseen, most=most, compared=(candidate, baseline))


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
        known = self._spread(reach)
        return replace(known, freedom=freedom_of(self.shares), hidden=reach.hidden)

    def _spread(self, reach: Reach) -> Spread:
        if reach.losses is not None:
            return self.of_losses(reach)
        if reach.compared is not None:
            return self.of_difference(reach, *reach.compared)
        return self.of_numbers(reach) if reach.free else spread_of(self.moments, reach.unseen)

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
    def skewness(self) -> float:
        """Of the groups' distances, each weighted by its square as it is in the variance."""
        contributed = moments(self.contributed)
        if contributed.squared == 0:
            return 0.0
        cubed = float(np.sum(self.contributed**3 / self.shares)) / self.squares
        return float(cubed / (contributed.squared / self.squares) ** 1.5)

    def of_numbers(self, reach: Reach) -> Spread:
        """As if large groups were as skewed as all may be, and there were one more of mean size."""
        jump = self.deviation * (self.largest + 1 / self.shares.size) * self.moments.squared
        hidden = min(HIDDEN, SOON / self.shares.size)
        unseen = BEYOND * reach.unseen
        up, down = (replace(self.moments, cubed=(hidden + way * self.skewness) * jump) for way in (1, -1))
        return replace(spread_of(up, unseen), down=spread_of(down, unseen).up)

    def of_losses(self, reach: Reach) -> Spread:
        """Towards more loss at least as skewed as losses that differ so; and none can be below nothing."""
        size, upwards = abs(reach.losses or 0.0), (reach.losses or 0.0) >= 0
        jump = self.jump_of_losses(size, self.deviation, reach.most)
        least = min(reach.unseen, size / self.shares.size)
        if upwards:
            known = spread_of(self.moments, reach.unseen, least)
            return replace(known, up=max(known.up, jump))
        turned = spread_of(replace(self.moments, cubed=-self.moments.cubed), reach.unseen, least)
        return replace(turned, down=max(turned.up, jump), up=turned.down)

    def of_difference(self, reach: Reach, candidate: Losing, baseline: Losing) -> Spread:
        """The same both ways, as far as each model's own groups differ and their difference does."""
        more, less = (
            self.jump_of_losses(abs(one.losses), min(one.deviation, self.deviation), reach.most)
            for one in (candidate, baseline)
        )
        if candidate.losses + baseline.losses < 0:
            more, less = less, more
        known = spread_of(self.moments, reach.unseen)
        return replace(known, up=max(known.up, more), down=max(known.down, less))

    def jump_of_losses(self, size: float, deviation: float, most: float | None) -> float:
        """Typical size of a jump towards more of a mean loss of such a size, of which groups differ so."""
        ratio = deviation / size if size else 0.0
        skewness = skewness_of_losses(ratio, self.squares, size / most if most else 0.0)
        return skewness * deviation * self.largest


def skewness_of_losses(ratio: float, squares: float, part: float = 0.0) -> float:
    """For groups whose deviation is so many times their mean, which is such a part of the largest loss.

    Without a largest one (0) the skewness of a lognormal distribution with that ratio, 3 r + r**3 (Aitchison
    and Brown, The Lognormal Distribution, 1957), else of a beta distribution; and more where few groups tell
    the ratio, which is then mostly too small. Where groups hardly differ it falls faster, so that it adds
    next to nothing to what is normal.
    """
    if part >= 0.5:  # of losses near the largest one there is a tail towards less alone
        skewness = 0.0
    elif part > 0:
        skewness = 2 * ratio * (1 - 2 * part) / (1 - part + part * ratio**2)
    else:
        skewness = 3 * ratio + ratio**3
    return min(_STEEP * ratio**2, (_MORE + _FEW * squares) * skewness)
