"""Slices, fairness and what needs correction for looking at many groups."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from ml_stages.evaluation.metrics_report import Comparison, Metric, MetricsReport, SliceMetrics
from ml_stages.evaluation.proportions import tango
from ml_stages.gates.fairness import Fairness
from ml_stages.gates.gate import Absent, Evidence, Judgement
from ml_stages.gates.rates import RatePair
from ml_stages.gates.slice import Slice


def rate(name: str, hits: int, rows: int) -> Metric:
    lower, upper = proportion_confint(hits, rows, 0.05, method="wilson")
    return Metric(name=name, value=hits / rows, lower=float(lower), upper=float(upper), rows=rows)


def group(value: str, rows: int, hits: int, column: str = "sex") -> SliceMetrics:
    names = ("selection_rate", "recall", "specificity")
    return SliceMetrics(where={column: value}, rows=rows, metrics=[rate(name, hits, rows) for name in names])


def small(value: str) -> SliceMetrics:
    return SliceMetrics(
        where={"sex": value}, rows=4, metrics=[], note="4 rows, fewer than evaluation.min_slice = 30"
    )


def judge(gate: type[Slice | Fairness], fields: dict[str, Any], *slices: SliceMetrics) -> Judgement:
    config = {"kind": gate.__name__.lower(), **fields}
    report = MetricsReport(rows=1000, metrics=[], slices=list(slices))
    return gate.model_validate(config).judge(Evidence(metrics=report, has_baseline=True))


@pytest.mark.parametrize(
    ("hits", "status"),
    [
        ((900, 880), "passed"),
        ((900, 805), "inconclusive"),
        ((900, 700), "failed"),
        ((790, 785), "inconclusive"),
    ],
)
def test_every_slice_must_be_shown_to_keep_the_limit(hits: tuple[int, int], status: str) -> None:
    """A group for which the model is bad would hide behind the average."""
    slices = (group("f", 1000, hits[0]), group("m", 1000, hits[1]))
    judged = judge(Slice, {"metric": "recall", "min": 0.8}, *slices)
    assert judged.status == status
    assert "worst of 2 slices: sex = m" in judged.message


def test_small_slices_are_named() -> None:
    """A group that nobody judged would look judged."""
    judged = judge(Slice, {"metric": "recall", "min": 0.5}, group("f", 500, 400), small("x"))
    assert judged.status == "passed"
    assert "too small to judge: sex = x" in judged.message
    assert judge(Slice, {"metric": "recall", "min": 0.5}, small("x")).status == "inconclusive"


def test_slices_of_a_column_that_is_not_there_never_pass() -> None:
    """A misspelt column would let every model through."""
    with pytest.raises(Absent, match="no slices by race"):
        judge(Slice, {"metric": "recall", "min": 0.5, "columns": ["race"]}, group("f", 500, 400))
    with pytest.raises(Absent, match="no slices by any column"):
        judge(Slice, {"metric": "recall", "min": 0.5})


def test_slices_against_the_baseline() -> None:
    """A candidate that is better on average and worse for one group would be released."""

    def part(name: str, gained: int, lost: int) -> SliceMetrics:
        lower, upper = tango(gained, lost, 1000, 0.95)
        change = Comparison(
            metric="accuracy", candidate=0.8, baseline=0.8, difference=(gained - lost) / 1000,
            lower=float(lower), upper=float(upper), rows=1000,
        )  # fmt: skip
        return SliceMetrics(
            where={"sex": name}, rows=1000, metrics=[rate("accuracy", 800, 1000)], comparisons=[change]
        )

    fields = {"metric": "accuracy", "margin": 0.03}
    assert judge(Slice, fields, part("f", 20, 10), part("m", 10, 12)).status == "passed"
    assert judge(Slice, fields, part("f", 50, 10), part("m", 10, 100)).status == "failed"
    assert judge(Slice, fields, part("f", 50, 10), part("m", 10, 30)).status == "inconclusive"


@pytest.mark.parametrize("fields", [{}, {"min": 0.5, "margin": 0.1}])
def test_a_slice_gate_asks_one_thing(fields: dict[str, Any]) -> None:
    """A gate that asks nothing would pass everything."""
    with pytest.raises(ValidationError, match="either"):
        Slice.model_validate({"kind": "slice", "metric": "f1", **fields})


def test_equal_slices_are_seldom_called_worse() -> None:
    """Of 20 slices that are all exactly at the limit, uncorrected some is called worse in 40 % of runs."""
    rng = np.random.default_rng(5)
    failed = 0
    for hits in rng.binomial(500, 0.8, size=(200, 20)):
        parts = [group(str(number), 500, int(count)) for number, count in enumerate(hits)]
        failed += judge(Slice, {"metric": "recall", "min": 0.8}, *parts).status == "failed"
    assert failed / 200 <= 0.025 + 2 * np.sqrt(0.025 * 0.975 / 200) + 0.01


def test_the_interval_of_a_difference_is_newcombes() -> None:
    """Fairness would be judged by another interval than the one named."""
    pair = RatePair("recall", group("f", 120, 90), group("m", 300, 270), ratio=False)
    expected = confint_proportions_2indep(90, 120, 270, 300, method="newcomb", compare="diff")
    assert pair.interval == pytest.approx(expected, abs=1e-9)


def test_the_interval_of_a_ratio_covers() -> None:
    """The four-fifths rule would be judged by an interval that promises too much."""
    rng = np.random.default_rng(3)
    first, second = rng.binomial(200, 0.24, 500), rng.binomial(150, 0.3, 500)
    covered = 0
    for one, other in zip(first, second, strict=True):
        interval = RatePair(
            "selection_rate", group("f", 200, int(one)), group("m", 150, int(other)), ratio=True
        ).interval
        assert interval is not None
        covered += interval[0] <= np.log(0.8) <= interval[1]
    assert covered / 500 > 0.925


@pytest.mark.parametrize(
    ("criterion", "hits", "status"),
    [
        ("demographic-parity", (500, 490), "passed"),
        ("demographic-parity", (500, 410), "inconclusive"),
        ("demographic-parity", (500, 300), "failed"),
        ("equal-opportunity", (300, 500), "failed"),
        ("equalised-odds", (500, 490), "passed"),
        ("disparate-impact", (500, 490), "passed"),
        ("disparate-impact", (500, 410), "inconclusive"),
        ("disparate-impact", (500, 300), "failed"),
        ("disparate-impact", (0, 500), "failed"),
    ],
)
def test_fairness_has_three_values_whichever_group_is_ahead(
    criterion: str, hits: tuple[int, int], status: str
) -> None:
    """Unequal treatment would pass, or be seen in one direction only."""
    for one, other in (hits, hits[::-1]):
        groups = (group("f", 1000, one), group("m", 1000, other), small("x"))
        judged = judge(Fairness, {"column": "sex", "criterion": criterion}, *groups)
        assert judged.status == status
        assert "too small to judge: x" in judged.message


def test_fairness_says_who_is_treated_how() -> None:
    """The reader would not know which groups differ."""
    fields = {"column": "sex", "criterion": "disparate-impact"}
    message = judge(Fairness, fields, group("f", 1000, 300), group("m", 1000, 500)).message
    assert message.startswith(
        "selection_rate: f 0.3 (1,000 rows) and m 0.5 (1,000 rows), ratio 0.6 (95% interval"
    )
    assert message.endswith("expected a ratio of at least 0.8 between any two groups")


def test_one_group_proves_nothing() -> None:
    """A holdout of men only would be called fair."""
    fields = {"column": "sex", "criterion": "equal-opportunity"}
    assert judge(Fairness, fields, group("m", 1000, 500)).status == "inconclusive"
    with pytest.raises(Absent, match="evaluation"):
        judge(Fairness, {**fields, "column": "race"}, group("m", 1000, 500))


def test_a_rate_of_two_classes_is_none_of_three() -> None:
    """The reader would look for a slip of the pen in a name that is right."""
    recall = SliceMetrics(where={"sex": "m"}, rows=1000, metrics=[rate("recall", 500, 1000)])
    other = recall.model_copy(update={"where": {"sex": "f"}})
    with pytest.raises(
        Absent, match=r"'selection_rate' .* of a positive and a negative class, and there are more"
    ):
        judge(Fairness, {"column": "sex", "criterion": "demographic-parity"}, recall, other)


def test_a_limit_without_meaning_is_refused() -> None:
    """A user would believe in a limit that nothing reads."""
    with pytest.raises(ValidationError, match="no meaning"):
        Fairness.model_validate(
            {"kind": "fairness", "column": "sex", "criterion": "disparate-impact", "max_difference": 0.1}
        )
