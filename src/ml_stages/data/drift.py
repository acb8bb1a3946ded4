"""Drift: whether current data is distributed like the reference, column by column.

A column has drifted when the difference is both proven (a test, corrected by Holm for the number of tests)
and large enough to matter (an effect size). Without proof there is no alarm; a proven trifle is none either.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from ml_stages.config.section import Section
from ml_stages.data.drift_effects import (
    bins_of,
    cells_of,
    cramers_v,
    jensen_shannon,
    population_stability,
    wasserstein,
)
from ml_stages.data.drift_tests import chi_squared, holm, kolmogorov_smirnov, only_in_current, two_shares
from ml_stages.data.profile import ColumnProfile, Profile
from ml_stages.evidence import Finding, Report


class Severity(StrEnum):
    """How much it matters, least first."""

    NONE = "none"
    INCONCLUSIVE = "inconclusive"
    MINOR = "minor"
    MAJOR = "major"


_RANK = {severity: rank for rank, severity in enumerate(Severity)}


class Limits(Section):
    """From which effect on drift is minor, and major."""

    minor: float
    major: float

    def of(self, effect: float) -> Severity:
        """The severity of a proven effect."""
        if effect >= self.major:
            return Severity.MAJOR
        return Severity.MINOR if effect >= self.minor else Severity.NONE


class DriftConfig(Section):
    """What counts as drift."""

    alpha: float = 0.05
    """Share of comparisons of equal data that may raise any false alarm."""
    min_rows: int = 100
    """Rows (not missing) below which a column is `inconclusive`."""
    numbers: Literal["psi", "jensen-shannon", "wasserstein"] = "psi"
    """Effect by which numbers are judged."""
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
    """Difference of the shares of missing values."""
    new_values: Limits = Limits(minor=0.01, major=0.1)
    """Share of rows with values that only one side has, beyond what rare values explain."""
    cluster: str | None = None
    """Column whose rows belong together; tests then count clusters' worth of rows."""
    ignore: list[str] = []
    """Columns that are not compared."""

    def limits(self, effect: str) -> Limits:
        """The limits of an effect by its name in a report."""
        limits: Limits = getattr(self, effect.replace("-", "_"))
        return limits


class Difference(Report):
    """One thing about a column that was compared."""

    what: Literal["distribution", "missing", "new-values", "vanished-values"]
    effect: str
    """Name of the effect size."""
    size: float
    test: str
    p_value: float
    adjusted_p_value: float = 1.0
    """After Holm's correction over every test of the comparison."""
    severity: Severity = Severity.NONE
    message: str


class ColumnDrift(Report):
    """What became of one column."""

    column: str
    severity: Severity
    message: str
    """One line."""
    differences: list[Difference] = []
    effects: dict[str, float] = {}
    """Every effect size that applies to the column's distribution."""


class DriftReport(Report):
    reference_rows: int
    current_rows: int
    severity: Severity
    """The greatest of any column."""
    columns: list[ColumnDrift]

    def findings(self) -> Iterator[Finding]:
        """Drift as findings: minor is a warning, major an error."""
        for column in self.columns:
            if column.severity in {Severity.MINOR, Severity.MAJOR}:
                yield Finding(
                    rule="drift",
                    severity="error" if column.severity is Severity.MAJOR else "warning",
                    column=column.column,
                    message=f"{column.column}: {column.message}",
                    observed=column.effects or None,
                )


@dataclass(frozen=True)
class _Compared:
    """A column that is in both profiles, with all that was compared, not yet judged."""

    column: str
    differences: tuple[Difference, ...] = ()
    effects: tuple[tuple[str, float], ...] = ()
    settled: ColumnDrift | None = None
    """What needs no test: a column that is gone, another type, too few rows."""


def drift(reference: Profile, current: Profile, config: DriftConfig | None = None) -> DriftReport:
    """Compare two profiles; both count as samples."""
    config = config or DriftConfig()
    compared = list(_compare_all(reference, current, config))
    adjusted = iter(holm([difference.p_value for column in compared for difference in column.differences]))
    columns = [
        column.settled or _judged(column, [next(adjusted) for _ in column.differences], config)
        for column in compared
    ]
    return DriftReport(
        reference_rows=reference.rows,
        current_rows=current.rows,
        severity=max((column.severity for column in columns), key=_RANK.__getitem__, default=Severity.NONE),
        columns=columns,
    )


def _compare_all(reference: Profile, current: Profile, config: DriftConfig) -> Iterator[_Compared]:
    now = {column.name: column for column in current.columns}
    for before in reference.columns:
        if before.name in config.ignore:
            continue
        after = now.get(before.name)
        if after is None:
            yield _settled(before.name, Severity.MAJOR, "the column is gone")
        else:
            yield _compare((before, reference.rows), (after, current.rows), config)
    known = {column.name for column in reference.columns} | set(config.ignore)
    for name in now:
        if name not in known:
            yield _settled(name, Severity.MINOR, "the column is new")


def _settled(name: str, severity: Severity, message: str) -> _Compared:
    return _Compared(name, settled=ColumnDrift(column=name, severity=severity, message=message))


def _compare(
    before: tuple[ColumnProfile, int], after: tuple[ColumnProfile, int], config: DriftConfig
) -> _Compared:
    (was, rows), (now, others) = before, after
    if _family(was.type) != _family(now.type) and _present(was, rows) and _present(now, others):
        return _settled(was.name, Severity.MAJOR, f"the type is {now.type}, was {was.type}")
    if min(rows, others) < config.min_rows:
        few = f"{min(rows, others):,} rows are too few to tell, at least {config.min_rows:,} needed"
        return _settled(was.name, Severity.INCONCLUSIVE, few)
    missing = _missing(was, rows, now, others)
    if _is_identifier(was, rows) and _is_identifier(now, others):
        return _Compared(was.name, (missing,))
    if was.type in {"date", "datetime"}:
        # Time passes: that later rows are later is no drift.
        return _Compared(was.name, (missing,))
    differences, effects = _distributions(was, now, config)
    return _Compared(was.name, (missing, *differences), effects)


def _family(kind: str) -> str:
    return {"int": "number", "float": "number", "date": "time", "datetime": "time"}.get(kind, kind)


def _present(column: ColumnProfile, rows: int) -> int:
    return rows - column.nulls - column.nan


def _is_identifier(column: ColumnProfile, rows: int) -> bool:
    """Whether nearly every row has a value of its own, as in a key: such values never repeat later."""
    there = column.distribution
    return (
        column.type in {"int", "string"}
        and there is not None
        and there.distinct > 0.9 * max(1, _present(column, rows))
    )


def _missing(was: ColumnProfile, rows: int, now: ColumnProfile, others: int) -> Difference:
    scale, other_scale = _independence(was), _independence(now)
    had, has = (was.nulls + was.nan), (now.nulls + now.nan)
    return Difference(
        what="missing",
        effect="missing",
        size=abs(has / others - had / rows),
        test="chi-squared (Yates)",
        p_value=two_shares((had * scale, rows * scale), (has * other_scale, others * other_scale)),
        message=f"{has / others:.2%} missing, was {had / rows:.2%}".replace("%", " %"),
    )


def _independence(column: ColumnProfile) -> float:
    """Independent rows a row: 1, or fewer where rows come in clusters."""
    there = column.distribution and (column.distribution.numbers or column.distribution.values)
    return there.effective_rows / there.rows if there and there.rows else 1.0


def _distributions(
    was: ColumnProfile, now: ColumnProfile, config: DriftConfig
) -> tuple[tuple[Difference, ...], tuple[tuple[str, float], ...]]:
    before, after = was.distribution, now.distribution
    if before is None or after is None:
        return (), ()
    if before.values and after.values and min(before.values.rows, after.values.rows) >= config.min_rows:
        cells = cells_of(before.values, after.values)
        sizes = {"psi": population_stability(cells), "cramers-v": cramers_v(cells)}
        sizes["jensen-shannon"] = jensen_shannon(cells)
        _, p_value = chi_squared(cells)
        found = _difference(config.values, sizes[config.values], "chi-squared", p_value)
        return (found, *_new_values(was, now)), tuple(sizes.items())
    numbers, others = before.numbers or before.lengths, after.numbers or after.lengths
    if numbers is None or others is None or min(numbers.rows, others.rows) < config.min_rows:
        return (), ()
    bins = bins_of(numbers, others)
    sizes = {"psi": population_stability(bins), "jensen-shannon": jensen_shannon(bins)}
    moved = wasserstein(numbers, others, was.std)
    sizes |= {} if moved is None else {"wasserstein": moved}
    effect = config.numbers if config.numbers in sizes else "psi"
    _, p_value = kolmogorov_smirnov(numbers, others)
    return (_difference(effect, sizes[effect], "Kolmogorov-Smirnov", p_value),), tuple(sizes.items())


def _difference(effect: str, size: float, test: str, p_value: float) -> Difference:
    return Difference(
        what="distribution",
        effect=effect,
        size=size,
        test=test,
        p_value=p_value,
        message=f"the distribution moved: {_EFFECT_NAMES[effect]} {size:.3g}",
    )


_EFFECT_NAMES = {
    "psi": "population stability index",
    "jensen-shannon": "Jensen-Shannon distance",
    "wasserstein": "standard deviations",
    "cramers-v": "Cramér's V",
}


def _new_values(was: ColumnProfile, now: ColumnProfile) -> Iterator[Difference]:
    before = was.distribution.values if was.distribution else None
    after = now.distribution.values if now.distribution else None
    if before is None or after is None or not (before.complete and after.complete):
        return
    for what, here, there in (("new-values", after, before), ("vanished-values", before, after)):
        other = [name for name in here.counts if name not in there.counts]
        mass = sum(here.counts[name] for name in other) / here.rows
        count = f"{len(other):,} value" + ("s" if len(other) != 1 else "")
        side = "that the reference lacks" if what == "new-values" else "of the reference that are gone"
        yield Difference(
            what=what,
            effect="new-values",
            size=max(0.0, mass - there.unseen_share),
            test="permutation",
            p_value=only_in_current(there, here),
            message=f"{count} {side}, {mass:.2%} of its rows".replace("%", " %")
            + (f": {', '.join(map(repr, other[:3]))}" if other else ""),
        )


def _judged(column: _Compared, adjusted: list[float], config: DriftConfig) -> ColumnDrift:
    differences = [
        difference.model_copy(
            update={
                "adjusted_p_value": p_value,
                "severity": config.limits(difference.effect).of(difference.size)
                if p_value <= config.alpha
                else Severity.NONE,
            }
        )
        for difference, p_value in zip(column.differences, adjusted, strict=True)
    ]
    worst = sorted(differences, key=lambda difference: -_RANK[difference.severity])
    said = [difference.message for difference in worst if difference.severity is not Severity.NONE]
    return ColumnDrift(
        column=column.column,
        severity=worst[0].severity if worst else Severity.NONE,
        message="; ".join(said) or "no drift that is proven and matters",
        differences=differences,
        effects=dict(column.effects),
    )
