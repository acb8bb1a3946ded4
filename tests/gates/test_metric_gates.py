"""Threshold, no-regression and improvement: three values, the right direction, readable wording."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ml_stages.evaluation.metrics_report import Comparison, Metric, MetricsReport, SliceMetrics
from ml_stages.gates.gate import Absent, Evidence, GateStatus, Judgement
from ml_stages.gates.improvement import Improvement
from ml_stages.gates.no_regression import NoRegression
from ml_stages.gates.paired_metric import rows_needed
from ml_stages.gates.registry import GATES
from ml_stages.gates.slice import Slice
from ml_stages.gates.threshold import Threshold

F1 = Metric(name="f1", value=0.82, lower=0.78, upper=0.86, method="m", rows=600)
LOSS = Metric(name="log_loss", value=0.3, lower=0.25, upper=0.36, rows=600, greater_is_better=False)
UNDEFINED = Metric(name="roc_auc", value=None, rows=600, note="undefined: the labels have one class only")
NO_INTERVAL = Metric(name="mcc", value=0.4, rows=600, note="no interval: the smallest class has 3 rows")


def change(
    lower: float | None, upper: float | None, *, better: bool = True, metric: str = "f1"
) -> Comparison:
    value = None if lower is None or upper is None else (lower + upper) / 2
    return Comparison(
        metric=metric,
        candidate=0.8,
        baseline=0.79,
        difference=value,
        lower=lower,
        upper=upper,
        rows=600,
        discordant=40,
        greater_is_better=better,
    )


def evidence(*comparisons: Comparison, **options: Any) -> Evidence:
    women = SliceMetrics(
        where={"sex": "female"},
        rows=90,
        metrics=[F1.model_copy(update={"value": 0.7, "lower": 0.6, "upper": 0.78})],
    )
    small = SliceMetrics(
        where={"sex": "other"}, rows=4, metrics=[], note="4 rows, fewer than evaluation.min_slice = 30"
    )
    report = MetricsReport(
        rows=600,
        metrics=[F1, LOSS, UNDEFINED, NO_INTERVAL],
        comparisons=list(comparisons),
        slices=[women, small],
    )
    return Evidence(metrics=report, **options)


def threshold(**fields: Any) -> Judgement:
    return Threshold.model_validate({"kind": "threshold", "metric": "f1", **fields}).judge(evidence())


def no_regression(comparison: Comparison, margin: float = 0.02, **fields: Any) -> Judgement:
    gate = NoRegression.model_validate(
        {"kind": "no-regression", "metric": comparison.metric, "margin": margin, **fields}
    )
    return gate.judge(evidence(comparison, has_baseline=True))


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"min": 0.75}, "passed"),
        ({"min": 0.78}, "passed"),
        ({"min": 0.80}, "inconclusive"),
        ({"min": 0.80, "inconclusive": "pass"}, "passed"),
        ({"min": 0.80, "bound": "point"}, "passed"),
        ({"min": 0.83, "bound": "point"}, "failed"),
        ({"min": 0.87}, "failed"),
        ({"min": 0.87, "inconclusive": "pass"}, "failed"),
        ({"metric": "log_loss", "max": 0.4}, "passed"),
        ({"metric": "log_loss", "max": 0.3}, "inconclusive"),
        ({"metric": "log_loss", "max": 0.2}, "failed"),
        ({"min": 0.7, "max": 0.9}, "passed"),
        ({"min": 0.7, "max": 0.8}, "inconclusive"),
        ({"metric": "roc_auc", "min": 0.5}, "inconclusive"),
        ({"metric": "mcc", "min": 0.1}, "inconclusive"),
        ({"metric": "mcc", "min": 0.1, "bound": "point"}, "passed"),
        ({"min": 0.65, "where": {"sex": "female"}}, "inconclusive"),
        ({"min": 0.6, "where": {"sex": "female"}}, "passed"),
    ],
)
def test_threshold_has_three_values(fields: dict[str, Any], status: str) -> None:
    """A green run would promise a limit that the holdout does not show."""
    assert threshold(**fields).status == status


def test_threshold_says_what_was_seen_and_what_to_do() -> None:
    """The reader of a red run would not know by how much, on how many rows, or what to change."""
    message = threshold(min=0.80).message
    assert message == (
        "f1 is 0.82 (95% interval 0.78 to 0.86) on 600 rows; expected at least 0.8 for the whole interval; "
        "the interval holds the limit: evaluate on more rows, lower what is asked for, "
        'or judge the holdout alone with bound = "point"'
    )
    assert 'let through: inconclusive = "pass"' in threshold(min=0.80, inconclusive="pass").message
    assert "the labels have one class only" in threshold(metric="roc_auc", min=0.5).message


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"metric": "log_loss", "min": 0.1},
            "lower is better, so that every worse model keeps this limit, too",
        ),
        ({"metric": "f1", "max": 0.9}, "higher is better, so that every worse model keeps this limit"),
        ({"metric": "log_loss", "max": 0.4}, ""),
        ({"metric": "log_loss", "min": 0.1, "max": 0.4}, ""),
        ({"metric": "f1", "min": 0.5}, ""),
    ],
)
def test_a_limit_that_every_worse_model_keeps_is_said(fields: dict[str, Any], said: str) -> None:
    """`min` where `max` was meant passes the worse the model is, and nothing would tell."""
    message = threshold(**fields).message
    assert said in message
    assert ("is better" in message) == bool(said)


@pytest.mark.parametrize("setting", ["min", "max"])
def test_such_a_limit_on_slices_is_said_too(setting: str) -> None:
    """A slice gate with the limit on the wrong side would look at nothing that matters, in silence."""
    gate = Slice.model_validate({"kind": "slice", "metric": "f1", setting: 0.5})
    assert ("higher is better" in gate.judge(evidence()).message) == (setting == "max")


def test_nan_is_no_number_that_a_gate_lets_through() -> None:
    """A limit would neither be kept nor broken by it, and `inconclusive = "pass"` would pass it."""
    nowhere = Metric(name="f1", value=float("nan"), lower=float("nan"), upper=float("nan"))
    report = MetricsReport(rows=600, metrics=[nowhere])
    gate = Threshold.model_validate({"kind": "threshold", "metric": "f1", "min": 0.5, "inconclusive": "pass"})
    assert gate.judge(Evidence(metrics=report)).status == "inconclusive"


def test_a_metric_that_is_not_in_the_report_never_passes() -> None:
    """A misspelt metric would let every model through."""
    with pytest.raises(Absent, match="did you mean 'f1'") as caught:
        threshold(metric="f11", min=0.5)
    assert caught.value.status is GateStatus.ERROR


def test_a_slice_that_is_not_in_the_report_never_passes() -> None:
    """A fairness gate on a misspelt group would let every model through."""
    with pytest.raises(Absent, match="slices: sex = female; sex = other"):
        threshold(min=0.5, where={"sex": "f"})
    with pytest.raises(Absent, match=r"fewer than evaluation\.min_slice"):
        threshold(min=0.5, where={"sex": "other"})


def test_no_report_is_no_pass() -> None:
    """A crash of the evaluation would be a green gate."""
    gate = Threshold.model_validate({"kind": "threshold", "metric": "f1", "min": 0.5})
    with pytest.raises(Absent) as caught:
        gate.judge(Evidence())
    assert caught.value.status is GateStatus.ERROR
    assert gate.reads == ("evaluate",)


@pytest.mark.parametrize("fields", [{}, {"min": 0.9, "max": 0.1}, {"min": 0.5, "bund": "point"}])
def test_a_threshold_that_judges_nothing_is_refused(fields: dict[str, Any]) -> None:
    """A gate without a limit would pass everything."""
    with pytest.raises(ValidationError):
        Threshold.model_validate({"kind": "threshold", "metric": "f1", **fields})


def test_gates_of_one_kind_have_different_names() -> None:
    """Two gates could not be told apart in the verdict."""
    whole = Threshold.model_validate({"kind": "threshold", "metric": "f1", "min": 0.5})
    part = Threshold.model_validate({"kind": "threshold", "metric": "f1", "min": 0.5, "where": {"sex": "f"}})
    assert (whole.label, part.label) == ("threshold-f1", "threshold-f1 [sex = f]")


@pytest.mark.parametrize(
    ("lower", "upper", "better", "status"),
    [
        (-0.01, 0.03, True, "passed"),
        (-0.02, 0.03, True, "inconclusive"),
        (-0.03, 0.03, True, "inconclusive"),
        (-0.06, -0.03, True, "failed"),
        (-0.03, 0.01, False, "passed"),
        (-0.03, 0.03, False, "inconclusive"),
        (0.03, 0.06, False, "failed"),
        (None, None, True, "inconclusive"),
    ],
)
def test_no_regression_has_three_values_and_a_direction(
    lower: float | None,
    upper: float | None,
    better: bool,
    status: str,
) -> None:
    """A model with a greater loss would pass, or a proven gain be blocked."""
    assert no_regression(change(lower, upper, better=better)).status == status


def test_an_undecided_comparison_says_how_many_rows_would_settle_it() -> None:
    """The user would not know whether to label a hundred rows or a million."""
    message = no_regression(change(-0.03, 0.03)).message
    assert "f1 (higher is better) changed by +0 (95% interval -0.03 to 0.03)" in message
    assert "600 rows, 40 of them differ" in message
    assert "expected a loss of less than 0.02: undecided" in message
    assert "about 2,800 rows would let an equally good model pass in 80 % of runs" in message


def test_the_rows_needed_come_from_the_margin_not_from_the_difference() -> None:
    """Planning by the observed difference means testing until it fits."""
    assert rows_needed(change(-0.05, 0.01), 0.03, 0.02) == rows_needed(change(-0.03, 0.03), 0.03, 0.02)
    assert rows_needed(change(-0.03, 0.03), 0.03, 0.04) < rows_needed(change(-0.03, 0.03), 0.03, 0.02)


def test_a_margin_of_nothing_cannot_be_met_by_an_equal_model() -> None:
    """The user would label rows for ever."""
    assert "set a margin" in no_regression(change(-0.03, 0.03), margin=0).message


def test_undecided_can_be_let_through_and_says_so() -> None:
    """A project that accepts the risk could not say so, or would hide that it did."""
    judged = no_regression(change(-0.03, 0.03), inconclusive="pass")
    assert judged.status is GateStatus.PASSED
    assert 'inconclusive = "pass"' in judged.message


def test_the_first_run_is_skipped_only_where_the_configuration_says_so() -> None:
    """A lost baseline would look like a first run."""
    gate = NoRegression.model_validate({"kind": "no-regression", "metric": "f1", "margin": 0.02})
    with pytest.raises(Absent, match="first run") as allowed:
        gate.judge(evidence(first_run_allowed=True))
    assert allowed.value.status is GateStatus.SKIPPED
    with pytest.raises(Absent, match=r"baseline\.first_run") as blocked:
        gate.judge(evidence())
    assert blocked.value.status is GateStatus.ERROR
    with pytest.raises(Absent, match="no comparison of 'f1'") as lost:
        gate.judge(evidence(first_run_allowed=True, has_baseline=True))
    assert lost.value.status is GateStatus.ERROR
    broken = {"baseline": "baseline broke"}
    with pytest.raises(Absent, match=r"^not judged: baseline broke$") as unasked:
        gate.judge(evidence(first_run_allowed=True, has_baseline=True, missing=broken))
    assert unasked.value.status is GateStatus.ERROR


def test_the_same_model_again_is_no_regression() -> None:
    """A second run with nothing changed would be blocked: a small holdout proves nothing about rare rows."""
    wide = change(-0.05, 0.05)
    for margin in (0, 0.02):
        gate = NoRegression.model_validate({"kind": "no-regression", "metric": "f1", "margin": margin})
        judged = gate.judge(evidence(wide, has_baseline=True, same_model=True))
        assert judged.status is GateStatus.PASSED
        assert "same model, to the byte" in judged.message
    better = Improvement.model_validate({"kind": "improvement", "metric": "f1"})
    assert better.judge(evidence(wide, has_baseline=True, same_model=True)).status is not GateStatus.PASSED


def test_improvement_must_be_proven() -> None:
    """A model that is only as good would be called better."""
    gate = Improvement.model_validate({"kind": "improvement", "metric": "f1", "by": 0.01})

    def status(lower: float, upper: float) -> GateStatus:
        return gate.judge(evidence(change(lower, upper), has_baseline=True)).status

    assert status(0.02, 0.05) is GateStatus.PASSED
    assert status(0.0, 0.05) is GateStatus.INCONCLUSIVE
    assert status(-0.05, 0.0) is GateStatus.FAILED


@given(
    lower=st.floats(-1, 1),
    width=st.floats(0, 1),
    margin=st.floats(0, 1),
    more=st.floats(0, 1),
    shift=st.floats(0, 1),
)
def test_a_better_interval_or_a_wider_margin_never_judges_worse(
    lower: float, width: float, margin: float, more: float, shift: float
) -> None:
    """Improving a model, or asking for less, would turn a green gate red."""
    order = [GateStatus.FAILED, GateStatus.INCONCLUSIVE, GateStatus.PASSED]
    rank = order.index(no_regression(change(lower, lower + width), margin).status)
    assert order.index(no_regression(change(lower + shift, lower + width + shift), margin).status) >= rank
    assert order.index(no_regression(change(lower, lower + width), margin + more).status) >= rank


def test_large_numbers_are_written_without_exponents() -> None:
    """`mae is 1.032e+05, expected at most 200000` would have to be worked out."""
    mae = Metric(name="mae", value=103171.9, lower=96568.1, upper=110071.1, rows=500)
    lost = Comparison(
        metric="mae",
        candidate=103171.9,
        baseline=90000.4,
        difference=13171.5,
        lower=12e3,
        upper=15e3,
        rows=500,
    )
    report = Evidence(metrics=MetricsReport(rows=500, metrics=[mae], comparisons=[lost]), has_baseline=True)
    limit = Threshold.model_validate({"kind": "threshold", "metric": "mae", "max": 200000})
    message = limit.judge(report).message
    assert message.startswith("mae is 103,172 (95% interval 96,568 to 110,071) on 500 rows")
    assert "at most 200,000" in message
    margin = NoRegression.model_validate({"kind": "no-regression", "metric": "mae", "margin": 1e6})
    paired = margin.judge(report).message
    assert "changed by +13,172 (95% interval 12,000 to 15,000)" in paired
    assert "a loss of less than 1,000,000" in paired


def test_a_ranking_counts_queries_and_says_so() -> None:
    """A verdict on 144 queries would say that it rests on 144 rows, wherever it is read."""
    counts: dict[str, Any] = {"rows": 144, "unit": "queries"}
    metric = Metric(name="ndcg", value=0.8, lower=0.75, upper=0.85, **counts)
    compared = Comparison(
        metric="ndcg", candidate=0.8, baseline=0.8, difference=0.0, lower=-0.03, upper=0.03, **counts
    )
    part = SliceMetrics(where={"shop": "a"}, rows=900, metrics=[metric])
    report = MetricsReport(rows=1200, metrics=[metric], comparisons=[compared], slices=[part])
    gates: list[dict[str, Any]] = [
        {"kind": "threshold", "metric": "ndcg", "min": 0.7},
        {"kind": "no-regression", "metric": "ndcg", "margin": 0.02},
        {"kind": "slice", "metric": "ndcg", "min": 0.7},
    ]
    judged = [GATES[gate["kind"]].model_validate(gate) for gate in gates]
    found = [gate.judge(Evidence(metrics=report, has_baseline=True)).message for gate in judged]
    assert [" 144 queries" in message and "rows" not in message for message in found] == [True] * 3, found
    assert "about 670 queries would let an equally good model pass" in found[1]
    assert report.counted == "1,200 holdout rows, 144 queries"
    one = metric.model_copy(update={"rows": 1})
    assert [one.counted, one.model_copy(update={"unit": "rows"}).counted] == ["1 query", "1 row"]
