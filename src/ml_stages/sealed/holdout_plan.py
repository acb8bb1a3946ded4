"""Rows and labels for a set of conditions: the plan of a sealed holdout, and its wording."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ml_stages.errors import UsageError
from ml_stages.sealed.budget import Budget
from ml_stages.sealed.holdout_size import (
    labels_for_difference,
    rows_for_accuracy,
    rows_for_bound,
    rows_for_difference,
)


@dataclass(frozen=True)
class Need:
    """What one condition needs."""

    condition: str
    rows: int
    labels: int


@dataclass(frozen=True)
class HoldoutPlan:
    """What a set of conditions needs that must all hold."""

    budget: Budget
    tolerance: float
    needs: tuple[Need, ...]

    @property
    def rows(self) -> int:
        """Of the hardest condition: a false pass of all is a false pass of the one that does not hold."""
        return max(need.rows for need in self.needs)

    @property
    def labels(self) -> int:
        return max(need.labels for need in self.needs)

    def as_json(self) -> dict[str, Any]:
        """For tools."""
        return {
            "rows": self.rows,
            "labels": self.labels,
            "error_per_run": self.budget.error_per_run,
            "conditions": [asdict(need) for need in self.needs],
        }


def plan_for(
    budget: Budget,
    tolerance: float,
    *,
    accuracy: bool = False,
    bounds: Sequence[float] = (),
    discordances: Sequence[float] = (),
) -> HoldoutPlan:
    """Exact rows and labels for each condition; :class:`UsageError` where one cannot be met."""
    needs = tuple(_needs(budget.error_per_run, tolerance, bounds, discordances, accuracy=accuracy))
    return HoldoutPlan(budget, tolerance, needs)


def _needs(
    error: float, tolerance: float, bounds: Sequence[float], discordances: Sequence[float], *, accuracy: bool
) -> Iterator[Need]:
    if accuracy:
        rows = rows_for_accuracy(tolerance, error)
        yield Need("accuracy above any bound", rows, rows)
    for bound in bounds:
        if bound + tolerance >= 1:
            raise UsageError(
                f"no accuracy exceeds {bound:g} by {tolerance:g}: lower the bound or the tolerance"
            )
        rows = rows_for_bound(bound, tolerance, error)
        yield Need(f"accuracy above {bound:g}", rows, rows)
    for discordance in discordances:
        yield _difference(error, tolerance, discordance)


def _difference(error: float, tolerance: float, discordance: float) -> Need:
    if discordance >= 1:
        rows = rows_for_difference(tolerance, error)
        return Need("difference to the baseline", rows, rows)
    # Half of the error is for the discordance itself, which is tested and not believed.
    rows = rows_for_difference(tolerance, error / 2, discordance)
    labels = labels_for_difference(rows, discordance)
    return Need(f"difference to the baseline, at most {discordance:g} of the rows differ", rows, labels)


def plan_text(plan: HoldoutPlan) -> str:
    """A line a condition, and what all of them need."""
    budget = plan.budget
    width = max(len(need.condition) for need in plan.needs)
    lines = [
        f"{need.condition:<{width}}  {need.rows:>11,} rows  {need.labels:>11,} labels" for need in plan.needs
    ]
    passes = f", at most {budget.most_passes} of them passing" if budget.most_passes else ""
    promise = (
        f"{budget.runs} answers ({budget.adaptivity}{passes}), tolerance {plan.tolerance:g}: with a chance "
        f"of {1 - budget.error:g} none of them passes what should not (error of one: "
        f"{budget.error_per_run:.2g})"
    )
    return "\n".join(
        [*lines, f"{'needed':<{width}}  {plan.rows:>11,} rows  {plan.labels:>11,} labels", promise]
    )
