"""Log losses of models that are sure of rows: what a mistake would cost that was not drawn."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from ml_stages.evaluation import estimators, paired
from ml_stages.evaluation.metrics import judge
from ml_stages.evaluation.order import Floats
from ml_stages.evaluation.other_labels import odds_against_others, reach_of_unseen
from ml_stages.evaluation.pieces import PIECE, Pieced
from ml_stages.evaluation.rows import Classified
from ml_stages.evaluation.sample import ClassifiedPair, ClassifiedSample

ROWS, RUNS = 500, 300
Model = Callable[[Floats], Floats]


def _logistic(values: Floats) -> Floats:
    return 1 / (1 + np.exp(-values))


def _truth(scores: Floats) -> Floats:
    return _logistic(5 * scores) * 0.996 + 0.002


def _forest(scores: Floats) -> Floats:
    """The votes of a hundred trees: some rows have probabilities of exactly 0 and 1."""
    return np.round(_logistic(6 * scores), 2)


def _careful(scores: Floats) -> Floats:
    return _logistic(5 * scores) * 0.99 + 0.005


def _hard(scores: Floats) -> Floats:
    return (scores > 0).astype(np.float64)


def _mean_loss(model: Model) -> float:
    scores = np.random.default_rng(0).normal(size=400_000)
    said = np.clip(model(scores), 2.2e-16, 1 - 2.2e-16)
    return float(-np.mean(_truth(scores) * np.log(said) + (1 - _truth(scores)) * np.log1p(-said)))


def _samples(seed: int, *models: Model) -> list[ClassifiedSample]:
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=ROWS)
    truth = (rng.random(ROWS) < _truth(scores)).astype(np.int8)
    return [
        ClassifiedSample(Classified(("0", "1"), truth, truth, model(scores)[:, None]), 0.95)
        for model in models
    ]


@pytest.mark.parametrize("model", [_forest, _careful, _hard])
def test_the_log_loss_of_a_model_that_is_too_sure_lies_within_its_interval(model: Model) -> None:
    """A forest whose log loss is beyond the limit passed in a fifth of runs, at 2.5 % that are promised."""
    true = _mean_loss(model)
    found = [estimators.log_loss(_samples(seed, model)[0]) for seed in range(RUNS)]
    assert np.mean([(one.upper or 0.0) < true for one in found]) <= 0.025 + 2 * np.sqrt(0.025 * 0.975 / RUNS)
    assert np.mean([(one.lower or 0.0) > true for one in found]) <= 0.025 + 2 * np.sqrt(0.025 * 0.975 / RUNS)


@pytest.mark.parametrize(("candidate", "baseline"), [(_forest, _careful), (_careful, _forest)])
def test_a_model_that_is_too_sure_is_not_proven_as_good(candidate: Model, baseline: Model) -> None:
    """A forest that loses 0.06 more was shown to lose less than that in two of five runs, and passed."""
    true = _mean_loss(candidate) - _mean_loss(baseline)
    pairs = [ClassifiedPair(*_samples(seed, candidate, baseline)) for seed in range(RUNS)]
    found = [paired.log_loss(pair) for pair in pairs]
    for missed in (
        [(one.upper or 0.0) < true for one in found],
        [(one.lower or 0.0) > true for one in found],
    ):
        assert np.mean(missed) <= 0.025 + 2 * np.sqrt(0.025 * 0.975 / RUNS)


def test_equal_models_pay_nothing_for_what_both_would_lose() -> None:
    """Two forests that are alike could never be shown to be as good as each other."""
    pair = ClassifiedPair(*_samples(1, _hard, _hard))
    by_row = pair.candidate.log_losses.all()
    assert paired.log_loss(pair) == paired.mean_difference(by_row, by_row, 0.95, None)


def test_odds_are_of_the_label_that_a_model_thinks_least_of() -> None:
    """The cost of a mistake would be read off another class."""
    binary = odds_against_others(np.array([0, 1, 1]), np.array([[0.2], [0.75], [1.0]])).all()
    assert binary.tolist() == pytest.approx([5, 4, 2**52])
    columns = np.array([[0.8, 0.2], [0.25, 0.75], [0.0, 1.0]])
    assert odds_against_others(np.array([0, 1, 1]), columns).all().tolist() == pytest.approx(binary.tolist())
    several = odds_against_others(np.array([0, 2]), np.array([[0.1, 0.7, 0.2], [0.5, 0.25, 0.25]])).all()
    assert several.tolist() == pytest.approx([5, 4])


@pytest.mark.parametrize("rows", [1, 7, 150, PIECE + 3])
def test_room_is_the_worst_of_all_numbers_of_rows(rows: int) -> None:
    """Rows in another piece, or losses that were seen, would count otherwise than by the rule."""
    odds = np.exp(np.random.default_rng(rows).exponential(3, rows))
    seen = 1.5
    beyond = np.sort(np.log(odds)[np.log(odds) > seen])[::-1]
    by_hand = max(
        (
            (1 - 0.025 ** (1 / many)) * beyond[:many].sum() / rows
            for many in range(1, min(beyond.size, 200) + 1)
        ),
        default=0.0,
    )
    assert reach_of_unseen(Pieced.given(odds), seen, 0.025) == pytest.approx(by_hand)


def test_the_log_loss_of_groups_leaves_room_for_such_rows_too() -> None:
    """With `evaluation.cluster` a forest passed beside a better model in a third of runs."""
    true = _mean_loss(_forest), _mean_loss(_forest) - _mean_loss(_careful)
    groups, missed = np.arange(ROWS) // 5, []
    for seed in range(100):
        mine, theirs = (sample.rows for sample in _samples(seed, _forest, _careful))
        judged = judge(mine, theirs, 0.95, groups, ["log_loss"])
        found = judged.metrics[0].upper or 0.0, judged.comparisons[0].upper or 0.0
        missed.append([upper < value for upper, value in zip(found, true, strict=True)])
    assert np.mean(missed, axis=0).max() <= 0.025 + 2 * np.sqrt(0.025 * 0.975 / 100)


def test_rows_of_a_group_may_be_wrong_together() -> None:
    """Ten rows of one patient would count as one mistake."""
    odds, groups = np.array([20.0, 20.0, 2.0, 5.0]), np.array([0, 0, 1, 1])
    lost = np.array([2 * np.log(20), np.log(5)])
    by_hand = max((1 - 0.025) * lost[0], (1 - 0.025 ** (1 / 2)) * lost.sum()) / 4
    assert reach_of_unseen(Pieced.given(odds), np.log(3), 0.025, groups) == pytest.approx(by_hand)
