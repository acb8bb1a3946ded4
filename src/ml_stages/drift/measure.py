"""Drift: whether current data is distributed like the reference, column by column.

A column has drifted when the difference is both proven (a test, corrected by Holm for the number of tests)
and large enough to matter (an effect size). Without proof there is no alarm; a proven trifle is none either.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from ml_stages.config.drift import DriftConfig, Severity
from ml_stages.data.distribution import Distribution, Numbers, Values
from ml_stages.data.profile import ColumnProfile, Profile
from ml_stages.drift.comparable import family, present, type_of_values, why_uncompared
from ml_stages.drift.effects import (
    bins_of,
    cells_of,
    cramers_v,
    jensen_shannon,
    population_stability,
    wasserstein,
)
from ml_stages.drift.empirical import Steps
from ml_stages.drift.report import UNCOMPARED, ColumnDrift, Difference, DriftReport, Part, worst
from ml_stages.drift.sensitive import masked, sensitive_columns
from ml_stages.drift.significance import chi_squared, kolmogorov_smirnov, only_in_current, two_shares
from ml_stages.holm import holm
from ml_stages.report.numbers import counted, in_percent


@dataclass(frozen=True)
class _Compared:
    """A column that is in both profiles, with all that was compared, not yet judged."""

    column: str
    part: Part = "feature"
    differences: tuple[Difference, ...] = ()
    effects: tuple[tuple[str, float], ...] = ()
    otherwise: ColumnDrift | None = None
    """What is said where no difference matters: that too little was there to compare, or nothing."""


@dataclass(frozen=True)
class Roles:
    """What columns are to the model that is deployed."""

    label: str | None = None
    """The column to predict."""
    unused: Collection[str] = ()
    """Columns that it was not given: where one of them goes, what it answers stays."""
    key: Collection[str] = ()
    """Columns that identify a row, which no later row repeats."""


def drift(
    reference: Profile,
    current: Profile,
    config: DriftConfig | None = None,
    roles: Roles = Roles(),
    predictions: tuple[Profile, Profile] | None = None,
) -> DriftReport:
    """Compare two profiles; both count as samples.

    ``predictions`` are the profiles of what was predicted then and now; all is one family of tests. What
    either side holds as sensitive is told without its values, and so are predictions of such a label.
    """
    config = config or DriftConfig()
    unasked = _unasked(reference, current, config, roles)
    hidden = sensitive_columns(reference, current)
    sides = masked(reference, hidden), masked(current, hidden)
    compared = [
        replace(column, part="label") if column.column == roles.label else column
        for column in _compare_all(*sides, config, unasked, roles.unused)
    ]
    if predictions is not None:
        if roles.label in hidden:
            names = {column.name for profile in predictions for column in profile.columns}
            predictions = masked(predictions[0], names), masked(predictions[1], names)
        compared += [replace(column, part="prediction") for column in _compare_all(*predictions, config)]
    adjusted = iter(holm([difference.p_value for column in compared for difference in column.differences]))
    columns = [_judged(column, [next(adjusted) for _ in column.differences], config) for column in compared]
    return DriftReport(
        reference_rows=reference.rows,
        current_rows=current.rows,
        severity=worst(columns),
        columns=columns,
        unasked=unasked,
    )


def _unasked(reference: Profile, current: Profile, config: DriftConfig, roles: Roles) -> dict[str, str]:
    """Columns of either side that nothing is to be compared of, and why."""
    reasons = dict.fromkeys(roles.key, "it is of the key") | dict.fromkeys(config.ignore, "it is ignored")
    names = dict.fromkeys(column.name for profile in (reference, current) for column in profile.columns)
    return {name: reasons[name] for name in names if name in reasons}


def _compare_all(
    reference: Profile,
    current: Profile,
    config: DriftConfig,
    unasked: Collection[str] = (),
    unused: Collection[str] = (),
) -> Iterator[_Compared]:
    now = {column.name: column for column in current.columns}
    for before in reference.columns:
        if before.name in unasked:
            continue
        after = now.get(before.name)
        if after is None and before.name in unused:
            yield _settled(before.name, Severity.MINOR, "the column is gone, which the model was not given")
        elif after is None:
            yield _settled(before.name, Severity.MAJOR, "the column is gone")
        else:
            yield _compare((before, reference.rows), (after, current.rows), config)
    known = {column.name for column in reference.columns} | set(unasked)
    for name in now:
        if name not in known:
            yield _settled(name, Severity.MINOR, "the column is new")


def _settled(name: str, severity: Severity, message: str, *differences: Difference) -> _Compared:
    return _Compared(
        name, differences=differences, otherwise=ColumnDrift(column=name, severity=severity, message=message)
    )


def _compare(
    before: tuple[ColumnProfile, int], after: tuple[ColumnProfile, int], config: DriftConfig
) -> _Compared:
    (was, rows), (now, others) = before, after
    if family(was) != family(now) and present(was, rows) and present(now, others):
        other = f"the type is {type_of_values(now)}, was {type_of_values(was)}"
        return _settled(was.name, Severity.MAJOR, other)
    if min(rows, others) < config.min_rows:
        return _settled(was.name, Severity.INCONCLUSIVE, _too_few(min(rows, others), config))
    missing = _missing(was, rows, now, others)
    if why := why_uncompared(was, rows, now, others):
        unlike = ColumnDrift(
            column=was.name, severity=Severity.NONE, message=UNCOMPARED + why, compared=False
        )
        return _Compared(was.name, differences=(missing,), otherwise=unlike)
    differences, effects, fewest = _distributions(was, now, config)
    together = min(was.independence, now.independence) < 1
    if fewest < config.min_rows:
        return _settled(was.name, Severity.INCONCLUSIVE, _too_few(fewest, config, together=together), missing)
    return _Compared(was.name, differences=(missing, *differences), effects=effects)


def _too_few(rows: float, config: DriftConfig, *, together: bool = False) -> str:
    """``together`` is whether the rows come in clusters, and ``rows`` is how many single ones say as much."""
    needed = f"too few to tell, at least {config.min_rows:,} needed"
    if together:
        return f"rows that hang together are worth {rows:,.0f} independent ones: {needed}"
    return f"{rows:,.0f} rows are {needed}"


def _missing(was: ColumnProfile, rows: int, now: ColumnProfile, others: int) -> Difference:
    scale, other_scale = was.independence, now.independence
    had, has = (column.nulls + column.nan + column.infinite for column in (was, now))
    what = "missing or infinite" if was.infinite or now.infinite else "missing"
    return Difference(
        what="missing",
        effect="missing",
        size=abs(has / others - had / rows),
        test="chi-squared (Yates)",
        p_value=two_shares((had * scale, rows * scale), (has * other_scale, others * other_scale)),
        message=f"{in_percent(has / others)} {what}, was {in_percent(had / rows)}",
    )


def _distributions(
    was: ColumnProfile, now: ColumnProfile, config: DriftConfig
) -> tuple[tuple[Difference, ...], tuple[tuple[str, float], ...], float]:
    """What differs, every effect size, and how many independent rows the smaller side is worth."""
    before, after = was.distribution, now.distribution
    if before is None or after is None:
        return (), (), 0
    if before.values and after.values:
        fewest = min(before.values.effective_rows, after.values.effective_rows)
        found, effects = _of_values(was, now, before.values, after.values, config)
        return (*found, *_of_lengths(was, before, after, config)), effects, fewest
    numbers, others = before.numbers or before.lengths, after.numbers or after.lengths
    if numbers is None or others is None:
        return (), (), 0
    fewest = min(numbers.effective_rows, others.effective_rows)
    return (*_of_numbers(was, numbers, others, config), fewest)


def _of_values(
    was: ColumnProfile, now: ColumnProfile, before: Values, after: Values, config: DriftConfig
) -> tuple[tuple[Difference, ...], tuple[tuple[str, float], ...]]:
    cells = cells_of(before, after)
    sizes = {"psi": population_stability(cells), "cramers-v": cramers_v(cells)}
    sizes["jensen-shannon"] = jensen_shannon(cells)
    _, p_value = chi_squared(cells)
    found = _difference(config.values, sizes[config.values], "chi-squared", p_value)
    return (found, *_new_values(was, now)), tuple(sizes.items())


def _of_lengths(
    was: ColumnProfile, before: Distribution, after: Distribution, config: DriftConfig
) -> Iterator[Difference]:
    """Of texts most of which are pooled as rare: else nothing of them would be compared."""
    are_listed = all(map(_is_listed, (before.values, after.values)))
    if not are_listed and before.lengths and after.lengths:
        (found,), _ = _of_numbers(was, before.lengths, after.lengths, config)
        message = found.message.replace("the distribution moved", "the lengths moved")
        yield found.model_copy(update={"what": "lengths", "message": message})


def _is_listed(values: Values | None) -> bool:
    """Whether all values are counted, and at least half of the rows hold one that repeats."""
    return values is not None and values.complete and values.unseen_share <= 0.5


def _of_numbers(
    was: ColumnProfile, before: Numbers, after: Numbers, config: DriftConfig
) -> tuple[tuple[Difference, ...], tuple[tuple[str, float], ...]]:
    bins = bins_of(before, after)
    sizes = {"psi": population_stability(bins), "jensen-shannon": jensen_shannon(bins)}
    steps, others = Steps.of(before), Steps.of(after)
    moved = wasserstein(steps, others, was.std)
    sizes |= {} if moved is None else {"wasserstein": moved}
    effect = config.numbers if config.numbers in sizes else "psi"
    _, p_value = kolmogorov_smirnov(steps, others)
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
        mass = sum(map(here.counts.__getitem__, other)) / here.rows
        are = "is" if len(other) == 1 else "are"
        side = "that the reference lacks" if what == "new-values" else f"of the reference that {are} gone"
        yield Difference(
            what=what,
            effect="new-values",
            size=max(0.0, mass - there.unseen_share),
            test="permutation",
            p_value=only_in_current(there, here),
            message=f"{counted(len(other), 'values')} {side}, {in_percent(mass)} of its rows"
            + (f": {', '.join(map(repr, other[:3]))}" if other and not now.sensitive else ""),
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
    told = sorted(
        (difference for difference in differences if difference.severity is not Severity.NONE),
        key=lambda difference: -difference.severity.rank,
    )
    otherwise = column.otherwise or ColumnDrift(
        column=column.column, severity=Severity.NONE, message="no drift that is proven and matters"
    )
    severities = [otherwise.severity, *(difference.severity for difference in told)]
    said = [difference.message for difference in told]
    if column.otherwise and (column.otherwise.severity is not Severity.NONE or not otherwise.compared):
        said.append(column.otherwise.message)
    return ColumnDrift(
        column=column.column,
        part=column.part,
        severity=max(severities, key=lambda found: found.rank),
        message="; ".join(said) or otherwise.message,
        differences=differences,
        effects=dict(column.effects),
        compared=otherwise.compared,
    )
