"""How `all`, `any` and `not` divide the error among their parts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from scipy import stats

from ml_stages.config.config import JudgingConfig
from ml_stages.evaluation.metrics_report import Metric, MetricsReport
from ml_stages.evaluation.shares import clopper_pearson
from ml_stages.gates.composed import Composed, Level, divisors_of
from ml_stages.gates.gate import Evidence, GateConfig, GateStatus
from ml_stages.gates.registry import Gate
from ml_stages.judge import judge

ROWS = 200


def gate(kind: str, *parts: dict[str, Any]) -> Composed:
    made = TypeAdapter(Gate).validate_python({"kind": kind, "gates": list(parts)})
    assert isinstance(made, Composed)
    return made


def part(number: int, least: float = 0.8, **fields: Any) -> dict[str, Any]:
    return {"kind": "threshold", "metric": f"m{number}", "min": least, "name": f"p{number}", **fields}


def evidence(*hits: int, divisors: tuple[int, ...] = (1,)) -> Evidence:
    """Shares of 200 rows, with their exact intervals at every divisor."""
    reports = {divisor: _report(hits, 1 - 0.05 / divisor) for divisor in {1, *divisors}}
    base = reports.pop(1)
    return Evidence(metrics=base.model_copy(update={"stricter": reports}))


def _report(hits: tuple[int, ...], confidence: float) -> MetricsReport:
    metrics = []
    for number, count in enumerate(hits):
        lower, upper = clopper_pearson(count, ROWS, confidence)
        metrics.append(
            Metric(
                name=f"m{number}",
                value=count / ROWS,
                lower=lower,
                upper=upper,
                confidence=confidence,
                rows=ROWS,
            )
        )
    return MetricsReport(rows=ROWS, metrics=metrics)


def status(composed: Composed, *hits: int) -> GateStatus:
    return judge([composed], evidence(*hits, divisors=tuple(divisors_of([composed]))))[0].status


def _pass_of(composed: Composed, least: float) -> int:
    """The fewest hits with which one part alone brings a pass."""
    return next(
        count
        for count in range(ROWS + 1)
        if status(composed, count, *([0] * (len(composed.gates) - 1))) == "passed"
    )


@pytest.mark.parametrize("parts", [2, 5])
@pytest.mark.parametrize("least", [0.5, 0.8, 0.95])
def test_a_model_that_keeps_no_limit_seldom_passes_any(parts: int, least: float) -> None:
    """Of models that are good at neither of two things, twice as many would pass as were promised."""
    composed = gate("any", *(part(number, least) for number in range(parts)))
    needed = _pass_of(composed, least)
    wrongly = 1 - (1 - stats.binom.sf(needed - 1, ROWS, least)) ** parts
    assert wrongly <= 0.025


def test_a_part_that_passes_alone_is_not_enough_for_any() -> None:
    """The correction would be there in name alone."""
    assert status(gate("all", part(0)), 172) is GateStatus.PASSED
    composed = gate("any", part(0), part(1))
    assert [status(composed, hits, 140) for hits in (172, 173)] == ["inconclusive", "passed"]


def test_the_message_says_why_a_part_is_not_enough() -> None:
    """A reader would see a part that keeps its limit, and a gate that does not pass."""
    composed = gate("any", part(0), part(1))
    judged = composed.judge(evidence(172, 140, divisors=(2,)))
    assert judged.status is GateStatus.INCONCLUSIVE
    assert "97.5% interval" in judged.message
    assert "alone it would have passed; here its error is divided by 2" in judged.message


def test_any_fails_only_when_all_fail_and_needs_no_correction_for_that() -> None:
    """Two parts that are proven bad each by itself would be called undecided."""
    composed = gate("any", part(0), part(1))
    assert status(composed, 148, 148) is GateStatus.FAILED
    assert status(composed, 148, 160) is GateStatus.INCONCLUSIVE


def test_all_passes_without_and_fails_with_a_correction() -> None:
    """A model that is equally good would fail one of many parts by chance."""
    composed = gate("all", part(0), part(1))
    assert status(composed, 172, 172) is GateStatus.PASSED
    assert status(composed, 148, 172) is GateStatus.INCONCLUSIVE
    assert status(composed, 146, 172) is GateStatus.FAILED


def test_what_counts_takes_no_share_of_the_error() -> None:
    """A limit on the size of the model beside a metric would make the metric harder to prove."""
    size = {"kind": "model-size", "max_bytes": 5}
    point = part(1, bound="point")
    assert divisors_of([gate("any", part(0), size, point)]) == []
    assert divisors_of([gate("any", part(0), part(1), size)]) == [2]


def test_gates_beside_each_other_share_the_error_of_a_failure() -> None:
    """A `not` that fails by chance beside many gates would be called proven, since it has no p-value."""
    negated = gate("not", part(0, 0.8))
    others = [gate("not", part(1, 0.8)), gate("not", part(2, 0.8))]
    family: list[GateConfig] = [negated, *others]
    assert divisors_of([negated]) == []
    assert divisors_of(family) == [3]
    assert status(negated, 172) is GateStatus.FAILED
    found = judge(family, evidence(173, 140, 140, divisors=(3,)))
    assert [one.status for one in found] == ["inconclusive", "passed", "passed"]
    assert judge(family, evidence(174, 140, 140, divisors=(3,)))[0].status is GateStatus.FAILED


def test_an_evaluation_without_these_intervals_is_an_error() -> None:
    """A report of another configuration would be judged at the wrong error, and pass."""
    result = judge([gate("any", part(0), part(1))], evidence(172, 172))[0]
    assert result.status is GateStatus.ERROR
    assert "no intervals at 1/2 of the error" in result.message


def test_the_configuration_asks_for_the_intervals_that_its_gates_need() -> None:
    """`any` would be an error in every run."""
    parts = [{"kind": "threshold", "metric": name, "min": 0.5} for name in ("f1", "recall", "precision")]
    table = {
        "task": "classification",
        "data": {"path": "x.csv", "label": "y"},
        "gates": [{"kind": "any", "gates": parts}, {"kind": "threshold", "metric": "f1", "max": 0.99}],
    }
    assert JudgingConfig.model_validate(table).evaluation.stricter == [2, 3]
    again = JudgingConfig.model_validate(JudgingConfig.model_validate(table).model_dump())
    assert again.evaluation.stricter == [2, 3]


_LEAF = st.integers(0, 9).map(part)
_TREES = st.recursive(
    _LEAF,
    lambda inner: st.one_of(
        st.builds(
            lambda kind, parts: {"kind": kind, "gates": parts},
            st.sampled_from(["all", "any"]),
            st.lists(inner, min_size=1, max_size=4),
        ),
        inner.map(lambda one: {"kind": "not", "gates": [one]}),
    ),
    max_leaves=12,
)


def _worst(composed: GateConfig, level: Level) -> tuple[float, float]:
    """The greatest chance of a wrong pass and of a wrong failure, in units of the error, by union bounds."""
    if not isinstance(composed, Composed):
        return 1 / level.passing, 1 / level.failing
    inner = composed.level_of_parts(level)
    parts = [_worst(one, inner) for one in composed.gates]
    passing, failing = [one[0] for one in parts], [one[1] for one in parts]
    kind = getattr(composed, "kind", "")
    if kind == "not":
        return failing[0], passing[0]
    return (sum(passing), max(failing)) if kind == "any" else (max(passing), sum(failing))


@given(tree=_TREES, family=st.integers(1, 5))
def test_no_composition_errs_more_often_than_one_gate(tree: dict[str, Any], family: int) -> None:
    """Gates nested in some way would pass, or fail, more often wrongly than was promised."""
    composed = gate("all", tree)
    passing, failing = _worst(composed, Level(failing=family))
    assert passing <= 1 + 1e-9
    assert failing <= 1 / family + 1e-9
