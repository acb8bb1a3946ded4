"""One error for the whole family of gates: many gates on one model are many chances to err."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ml_stages.evaluation.influence import bounds_of, moments, spread_of
from ml_stages.evaluation.metrics_report import Comparison, Metric, MetricsReport
from ml_stages.evaluation.proportions import tango
from ml_stages.evidence import LintReport
from ml_stages.gates.composed import All
from ml_stages.gates.gate import Evidence, GateStatus
from ml_stages.gates.improvement import Improvement
from ml_stages.gates.model_metric import MetricGate
from ml_stages.gates.multiple import Reading, chance_of
from ml_stages.gates.no_regression import NoRegression
from ml_stages.gates.no_significant_change import NoSignificantChange
from ml_stages.gates.threshold import Threshold
from ml_stages.holm import holm, rejected
from ml_stages.judge import judge

ROWS = 1000


def comparison(number: int, gained: int, lost: int, divisor: int = 1) -> Comparison:
    confidence = 1 - 0.05 / divisor
    lower, upper = (float(bound) for bound in tango(gained, lost, ROWS, confidence))
    difference = (gained - lost) / ROWS
    return Comparison(
        metric=f"m{number}",
        candidate=0.8,
        baseline=0.8 - difference,
        difference=difference,
        lower=lower,
        upper=upper,
        rows=ROWS,
        confidence=confidence,
        discordant=gained + lost,
    )


def statuses(tables: list[tuple[int, int]], margin: float = 0.0, **fields: object) -> list[str]:
    report = MetricsReport(
        rows=ROWS, metrics=[], comparisons=[comparison(i, *table) for i, table in enumerate(tables)]
    )
    gates = [
        NoRegression.model_validate({"kind": "no-regression", "metric": f"m{i}", "margin": margin, **fields})
        for i in range(len(tables))
    ]
    return [result.status.value for result in judge(gates, Evidence(metrics=report, has_baseline=True))]


def test_a_gate_alone_fails_as_ever() -> None:
    """A proven loss would be called undecided."""
    assert statuses([(10, 28)]) == ["failed"]


def test_the_same_loss_among_many_gates_is_no_proof() -> None:
    """One of twelve gates fails by chance in every fourth run, and says that harm is proven."""
    assert statuses([(11, 28)] + [(20, 20)] * 11) == ["inconclusive"] * 12
    assert statuses([(10, 60)] + [(20, 20)] * 11)[0] == "failed"


@pytest.mark.parametrize(
    ("table", "fields", "said"),
    [
        ((13, 26), {}, "m0 is worse, but not as one of 2 gates that can err by chance: p = "),
        ((11, 57), {"margin": 0.03}, "m0 is worse by more than 0.03, but not as one of 2 gates"),
        ((13, 26), {"kind": "improvement"}, "m0 is worse, but not as one of 2 gates"),
        ((60, 40), {"kind": "improvement", "by": 0.041}, "m0 is not better by 0.041, but not as one of 2"),
        ((13, 43), {"kind": "no-significant-change", "margin": 0.015}, "m0 fell by more than 0.015, but not"),
        ((43, 13), {"kind": "no-significant-change", "margin": 0.015}, "m0 rose by more than 0.015, but not"),
    ],
)
def test_a_doubted_failure_says_what_is_proven_and_what_is_not(
    table: tuple[int, int], fields: dict[str, object], said: str
) -> None:
    """A worse model was "disproven (not proven, since so many gates were judged)", of two gates."""
    both = {"kind": "no-regression", **fields}
    if both["kind"] == "no-regression":
        both.setdefault("margin", 0.0)
    kinds: dict[str, type[MetricGate]] = {
        "no-regression": NoRegression,
        "improvement": Improvement,
        "no-significant-change": NoSignificantChange,
    }
    other = NoRegression.model_validate({"kind": "no-regression", "metric": "m1", "margin": 0.05})
    gate = kinds[str(both["kind"])].model_validate({**both, "metric": "m0"})
    report = MetricsReport(rows=ROWS, metrics=[], comparisons=[comparison(0, *table), comparison(1, 20, 20)])
    results = judge([gate, other], Evidence(metrics=report, has_baseline=True))
    assert [result.status.value for result in results] == ["inconclusive", "passed"], results[0].message
    assert f"taken alone this proves that {said}" in results[0].message
    assert results[0].message.endswith(" by Holm's procedure, needed is 0.025)")
    assert judge([gate], Evidence(metrics=report, has_baseline=True))[0].status.value == "failed"


def test_holms_p_values_reject_what_his_procedure_rejects() -> None:
    """The p-value in a message would lie on the other side of the error than the result."""
    draws = np.random.default_rng(7).uniform(0, 0.03, (300, 4))
    for chances in draws.tolist():
        assert [chance <= 0.025 for chance in holm(chances)] == rejected(chances, 0.025)
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


def test_many_gates_err_no_oftener_than_one_on_few_differing_rows() -> None:
    """Of twelve gates on equal models some would fail oftener than promised: enumerated over all outcomes."""
    for share in (0.01, 0.02, 0.05):
        changed = np.arange(int(ROWS * share * 3) + 1)
        lost = np.concatenate([np.arange(count + 1) for count in changed])
        count = np.repeat(changed, changed + 1)
        weight = stats.binom.pmf(count, ROWS, share) * stats.binom.pmf(lost, count, 0.5)
        seen = (2 * lost > count) & (weight > 1e-12)
        found = zip(*(one[seen].tolist() for one in (count - lost, lost, weight)), strict=True)
        rejected = [weight for gained, lost, weight in found if _chance(gained, lost) <= 0.025 / 12]
        assert sum(rejected) <= 1.03 * 0.025 / 12


def _chance(gained: int, lost: int) -> float:
    found = chance_of(comparison(0, gained, lost), (0.0, None))
    assert found is not None
    return found


@pytest.mark.parametrize("freedom", [4, 9, 19, 49, 999])
def test_the_tail_is_that_of_what_the_interval_rests_on(freedom: int) -> None:
    """Ten groups of rows would prove harm among twenty slices as easily as hundreds of rows."""
    half = float(stats.t.ppf(0.975, freedom))
    at_end = Reading(-half, (-2 * half, 0.0), 0.95, freedom).tail((0.0, None))
    assert at_end == pytest.approx(0.025)
    far = Reading(-5.0, (-5 - half, -5 + half), 0.95, freedom).tail((0.0, None))
    assert far == pytest.approx(stats.t.sf(5.0, freedom), rel=0.1)


@pytest.mark.parametrize("divisor", [1, 4, 20, 60])
def test_a_tail_is_the_error_at_which_the_interval_would_end_at_the_limit(divisor: int) -> None:
    """Rare, large contributions weigh more the farther out: twenty slices would fail too easily."""
    influence = np.random.default_rng(2).exponential(size=40) / 40
    found = spread_of(moments(influence - influence.mean()), 0.1)
    usual, far = (bounds_of(0.0, found, 1 - 0.05 / one) for one in (1, divisor))
    read = Reading(0.0, (usual.lower, usual.upper), 0.95, usual.freedom, usual.deviation)
    assert read.tail((far.upper, None)) == pytest.approx(0.025 / divisor, rel=0.02)
    assert read.tail((None, far.lower)) == pytest.approx(0.025 / divisor, rel=0.02)
    assert read.tail((usual.lower, usual.upper)) == 1


def test_what_may_be_inconclusive_passes_then() -> None:
    """`inconclusive = "pass"` would block on a failure that chance explains."""
    found = statuses([(11, 28)] + [(20, 20)] * 11, inconclusive="pass")
    assert found == ["passed"] * 12


def test_equal_models_seldom_fail_a_family_of_twelve() -> None:
    """Equal models would be called worse in a quarter of the runs (2.5 % a gate, twelve gates)."""
    rng = np.random.default_rng(4)
    failed = 0
    runs = 400
    for _ in range(runs):
        lost = rng.binomial(40, 0.5, 12)
        failed += "failed" in statuses([(40 - int(one), int(one)) for one in lost])
    assert failed / runs < 0.025 + 3 * (0.025 / runs) ** 0.5


def test_parts_of_one_composed_gate_are_a_family_too() -> None:
    """Twelve comparisons inside one `all` would call an equal model worse in a quarter of the runs."""

    def status(tables: list[tuple[int, int]]) -> str:
        parts = [{"kind": "no-regression", "metric": f"m{i}", "margin": 0} for i in range(len(tables))]
        gate = All.model_validate({"kind": "all", "gates": parts})
        report, strict = (
            MetricsReport(
                rows=ROWS,
                metrics=[],
                comparisons=[comparison(i, *table, divisor) for i, table in enumerate(tables)],
            )
            for divisor in (1, len(tables))
        )
        report.stricter[len(tables)] = strict
        return judge([gate], Evidence(metrics=report, has_baseline=True))[0].status.value

    assert status([(10, 28)] + [(20, 20)] * 11) == "inconclusive"
    assert status([(10, 60)] + [(20, 20)] * 11) == "failed"
    assert status([(10, 28)]) == "failed"


def test_findings_are_no_matter_of_chance() -> None:
    """A failing lint inside `all` would become undecided because of the metrics beside it."""
    metric = Metric(name="f1", value=0.9, lower=0.85, upper=0.95, rows=ROWS)
    report = MetricsReport(rows=ROWS, metrics=[metric])
    report = report.model_copy(update={"stricter": {2: report}})
    finding = {"rule": "E1", "message": "wrong"}
    lint = LintReport.model_validate({"tools": [], "findings": [finding]})
    part = {"kind": "threshold", "metric": "f1", "min": 0.8}
    gates = [
        All.model_validate({"kind": "all", "gates": [{"kind": "lint"}, part]}),
        Threshold.model_validate({**part, "name": "one"}),
        Threshold.model_validate({**part, "name": "two", "min": 0.97, "bound": "point"}),
    ]
    results = judge(gates, Evidence(metrics=report, lint=lint))
    assert [result.status for result in results] == [
        GateStatus.FAILED,
        GateStatus.PASSED,
        GateStatus.FAILED,
    ]


@pytest.mark.parametrize("bound", ["interval", "point"])
def test_a_threshold_by_its_point_has_no_chance(bound: str) -> None:
    """A rule on the holdout alone would be softened by the number of other gates."""
    metric = Metric(name="f1", value=0.79, lower=0.70, upper=0.799, rows=ROWS)
    gate = Threshold.model_validate({"kind": "threshold", "metric": "f1", "min": 0.8, "bound": bound})
    judged = gate.judge(Evidence(metrics=MetricsReport(rows=ROWS, metrics=[metric])))
    assert (judged.chance is None) == (bound == "point")
