"""Gates made of gates: how often a composition passes, or fails, what it should not.

The product's own gates judge reports of drawn counts. Every part that matters stands exactly at its limit,
where a wrong pass and a wrong failure are likeliest; the others are far on one side of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter
from scipy import stats

from ml_stages.evaluation.metrics_report import Comparison, Metric, MetricsReport
from ml_stages.evaluation.proportions import tango
from ml_stages.evaluation.shares import clopper_pearson
from ml_stages.gates.composed import divisors_of
from ml_stages.gates.gate import Evidence, GateConfig
from ml_stages.gates.registry import Gate
from ml_stages.judge import judge

Counts = NDArray[np.int64]
Truth = Literal["limit", "good", "bad"]

PAIRED_ROWS, GAINED, LOST = 1000, 12, 2
BETWEEN = {"independent": 0.0, "alike": 0.7, "opposed": -0.95}


@dataclass(frozen=True)
class Case:
    """A composition, what is true of its parts, and what would be wrong of it."""

    name: str
    gates: list[dict[str, Any]]
    truths: str
    """A letter a part: (l)imit, (g)ood, (b)ad."""
    wrong: Literal["passed", "failed"]


@dataclass(frozen=True)
class Composition:
    """Shares of draws in which a composition says what is wrong."""

    name: str
    parts: str
    dependence: str
    wrong: str
    rate: float
    uncorrected: float
    """With every part judged as if it stood alone."""


def _part(number: int) -> dict[str, Any]:
    return {"kind": "threshold", "metric": f"m{number}", "min": 0.5, "name": f"p{number}"}


def _of(kind: str, *parts: Any) -> dict[str, Any]:
    return {"kind": kind, "gates": [_part(one) if isinstance(one, int) else one for one in parts]}


ANY, ALL = _of("any", 0, 1), _of("all", 0, 1)
MIXED, BOTH = _of("any", ALL, _of("not", 2)), _of("all", ANY, _of("any", 2, 3))
CASES = [
    Case("any of 2, none good", [ANY], "ll", "passed"),
    Case("any of 5, none good", [_of("any", 0, 1, 2, 3, 4)], "lllll", "passed"),
    Case("any of 2, one good", [ANY], "lb", "failed"),
    Case("all of 2, all good", [ALL], "ll", "failed"),
    Case("all of 5, all good", [_of("all", 0, 1, 2, 3, 4)], "lllll", "failed"),
    Case("all of 2, one bad", [ALL], "lg", "passed"),
    Case("not all of 2, all good", [_of("not", ALL)], "ll", "passed"),
    Case("not any of 2, none good", [_of("not", ANY)], "ll", "failed"),
    Case("any(all of 2, not), neither holds", [MIXED], "lgl", "passed"),
    Case("any(all of 2, not), the first holds", [MIXED], "llg", "failed"),
    Case("all(any of 2, any of 2), one bad", [BOTH], "llgg", "passed"),
    Case("all(any of 2, any of 2), both hold", [BOTH], "lblb", "failed"),
    Case("four gates `not`, all hold: some fails", [_of("not", one) for one in range(4)], "llll", "failed"),
]


def compositions(draws: int, rng: np.random.Generator) -> Iterator[Composition]:
    """Every case with shares of 100 and 1,000 rows; `any` also with paired improvements."""
    for shares in (_Shares(100, 0.95), _Shares(1000, 0.8)):
        for case in CASES:
            for dependence in BETWEEN:
                counts = shares.counts(case.truths, dependence, draws, rng)
                name = f"shares of {shares.rows:,} rows, {shares.limit:g}"
                yield _rates(case, name, dependence, counts, shares)
    for parts in (2, 5):
        gains = rng.multinomial(
            PAIRED_ROWS, [GAINED / PAIRED_ROWS, LOST / PAIRED_ROWS, 1 - (GAINED + LOST) / PAIRED_ROWS],
            (draws, parts),
        )  # fmt: skip
        by = (GAINED - LOST) / PAIRED_ROWS
        improvements = [
            {"kind": "improvement", "metric": f"m{one}", "by": by, "name": f"p{one}"}
            for one in range(parts)
        ]  # fmt: skip
        case = Case(f"any of {parts}, none good", [_of("any", *improvements)], "l" * parts, "passed")
        coded = gains[..., 0] * PAIRED_ROWS + gains[..., 1]
        yield _rates(case, "improvements, 12 rows gained, 2 lost", "independent", coded, _Improvements())


@dataclass(frozen=True)
class _Shares:
    """Reports of shares that are held against a least one."""

    rows: int
    limit: float

    def counts(self, truths: str, dependence: str, draws: int, rng: np.random.Generator) -> Counts:
        """Hits of each part: binomial, and joined by a normal copula."""
        size = len(truths)
        between = BETWEEN[dependence] / (max(size - 1, 1) if dependence == "opposed" else 1)
        joint = np.full((size, size), between) + (1 - between) * np.eye(size)
        normal = stats.norm.cdf(rng.multivariate_normal(np.zeros(size), joint, draws, method="cholesky"))
        shares = {"l": self.limit, "g": (self.limit + 1) / 2 + 0.02, "b": self.limit - 0.3}
        hits = [stats.binom.ppf(normal[:, i], self.rows, shares[one]) for i, one in enumerate(truths)]
        return np.stack(hits, axis=1).astype(np.int64)

    def gates(self, case: Case) -> list[dict[str, Any]]:
        return [_with_limit(gate, self.limit) for gate in case.gates]

    def signature(self, outcome: int, confidence: float) -> tuple[bool, bool]:
        """On which side of the limit both ends are: all that a gate looks at."""
        lower, upper = clopper_pearson(outcome, self.rows, confidence)
        return lower >= self.limit, upper < self.limit

    def report(self, outcomes: Counts, confidence: float) -> MetricsReport:
        metrics = []
        for number, hits in enumerate(int(one) for one in outcomes):
            lower, upper = clopper_pearson(hits, self.rows, confidence)
            metrics.append(
                Metric(
                    name=f"m{number}", value=hits / self.rows, lower=lower, upper=upper,
                    confidence=confidence, rows=self.rows,
                )
            )  # fmt: skip
        return MetricsReport(rows=self.rows, metrics=metrics)


@dataclass(frozen=True)
class _Improvements:
    """Reports of paired differences of accuracies."""

    def gates(self, case: Case) -> list[dict[str, Any]]:
        return case.gates

    def _interval(self, outcome: int, confidence: float) -> tuple[float, float, float]:
        gained, lost = divmod(int(outcome), PAIRED_ROWS)
        lower, upper = (float(one) for one in tango(gained, lost, PAIRED_ROWS, confidence))
        return lower, (gained - lost) / PAIRED_ROWS, upper

    def signature(self, outcome: int, confidence: float) -> tuple[bool, bool]:
        lower, _, upper = self._interval(outcome, confidence)
        limit = (GAINED - LOST) / PAIRED_ROWS
        return lower > limit, upper < limit

    def report(self, outcomes: Counts, confidence: float) -> MetricsReport:
        comparisons = []
        for number, outcome in enumerate(outcomes):
            lower, value, upper = self._interval(outcome, confidence)
            comparisons.append(
                Comparison(
                    metric=f"m{number}", candidate=0.8, baseline=0.8 - value, difference=value, lower=lower,
                    upper=upper, confidence=confidence, rows=PAIRED_ROWS,
                )
            )  # fmt: skip
        return MetricsReport(rows=PAIRED_ROWS, metrics=[], comparisons=comparisons)


def _with_limit(gate: dict[str, Any], limit: float) -> dict[str, Any]:
    if "gates" in gate:
        return gate | {"gates": [_with_limit(part, limit) for part in gate["gates"]]}
    return gate | {"min": limit}


def _rates(
    case: Case, parts: str, dependence: str, counts: Counts, reports: _Shares | _Improvements
) -> Composition:
    gates: list[GateConfig] = [TypeAdapter(Gate).validate_python(gate) for gate in reports.gates(case)]
    divisors = [1, *divisors_of(gates)]
    standing = _representatives(counts, lambda one: tuple(
        reports.signature(one, 1 - 0.05 / divisor) for divisor in divisors
    ))  # fmt: skip
    tables, place = np.unique(standing, axis=0, return_inverse=True)
    rates = []
    for divided in (True, False):
        wrong = []
        for table in tables:
            found = {d: reports.report(table, 1 - 0.05 / (d if divided else 1)) for d in divisors}
            evidence = Evidence(
                metrics=found[1].model_copy(update={"stricter": found}), has_baseline=True,
                family=1,
            )  # fmt: skip
            results = judge(gates, evidence) if divided else [gate.judge(evidence) for gate in gates]
            wrong.append(any(result.status == case.wrong for result in results))
        rates.append(float(np.mean(np.array(wrong)[place.ravel()])))
    return Composition(case.name, parts, dependence, case.wrong, *rates)


def _representatives(counts: Counts, signature: Callable[[int], tuple[tuple[bool, bool], ...]]) -> Counts:
    """Each count replaced by the first that stands alike to the limit at every error."""
    first: dict[tuple[tuple[bool, bool], ...], int] = {}

    @cache
    def of(count: int) -> int:
        return first.setdefault(signature(count), count)

    values, place = np.unique(counts, return_inverse=True)
    return np.array([of(int(value)) for value in values])[place.ravel()].reshape(counts.shape)
