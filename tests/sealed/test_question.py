"""The sealed holdout: one bit, from rows that no other number shows, by a test that is exact."""

from __future__ import annotations

from itertools import product
from math import comb
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.stats import binom

from ml_stages.config.data import DataConfig
from ml_stages.config.sealed import SealedConfig
from ml_stages.errors import StageError
from ml_stages.evaluation.evaluate import Aids, EvaluateConfig, evaluate
from ml_stages.evaluation.metrics_report import MetricsReport, SealedReport
from ml_stages.sealed.exact_tests import proven_above, proven_not_worse
from ml_stages.sealed.ledger import Ledger
from ml_stages.sealed.question import is_sealed, plan_of

ROWS = 4000


def _tables(accuracy: float, seed: int = 1) -> tuple[pl.DataFrame, pl.DataFrame]:
    truth = (np.random.default_rng(3).random(ROWS) < 0.4).astype(int)
    wrong = np.random.default_rng(seed).random(ROWS) > accuracy
    keys = [f"row-{number}" for number in range(ROWS)]
    labels = pl.DataFrame({"key": keys, "label": truth})
    return labels, pl.DataFrame({"key": keys, "prediction": np.where(wrong, 1 - truth, truth).astype(str)})


def _evaluate(
    folder: Path, accuracy: float, *, seed: int = 1, baseline: float | None = None, **sealed: object
) -> MetricsReport:
    config = EvaluateConfig(
        task="classification",
        data=DataConfig(path="x.csv", label="y"),
        sealed=SealedConfig.model_validate({"min": 0.8, **sealed}),
    )
    labels, mine = _tables(accuracy, seed)
    theirs = None if baseline is None else _tables(baseline, 99)[1]
    return evaluate(labels, mine, theirs, config, Aids(Ledger(folder)))


def _answer(report: MetricsReport) -> SealedReport:
    assert report.sealed is not None
    return report.sealed


def test_one_bit_comes_out_and_the_sealed_rows_are_in_no_number(tmp_path: Path) -> None:
    """People would read numbers of the sealed rows, and fit them."""
    good = _evaluate(tmp_path, 0.95)
    bad = _evaluate(tmp_path, 0.81, seed=2)
    assert (_answer(good).answer, _answer(bad).answer) == ("yes", "no")
    assert (_answer(good).remaining, _answer(bad).remaining) == (31, 30)
    sealed = int(is_sealed(_tables(0.9)[0]["key"], 0.5).sum())
    assert good.rows == ROWS - sealed
    assert abs(sealed - ROWS / 2) < 5 * (ROWS / 4) ** 0.5
    assert not _answer(good).metrics
    again = _evaluate(tmp_path, 0.95)
    assert (_answer(again).answer, _answer(again).repeated, _answer(again).remaining) == ("yes", True, 30)


def test_spent_rows_say_so_and_how_many_fresh_ones_are_needed(tmp_path: Path) -> None:
    """The holdout would go on answering, or stop without a word on what to do."""
    first = _evaluate(tmp_path, 0.95, runs=2)
    assert not _answer(first).metrics
    last = _answer(_evaluate(tmp_path, 0.95, seed=2, runs=2))
    assert (last.answer, last.remaining) == ("yes", 0)
    assert {metric.name for metric in last.metrics} >= {"accuracy", "f1"}
    spent = _answer(_evaluate(tmp_path, 0.95, seed=3, runs=2))
    assert spent.answer == "spent"
    assert spent.planned == plan_of(SealedConfig(min=0.8, runs=2)).rows
    raised = _answer(_evaluate(tmp_path, 0.95, seed=4, runs=50))
    assert raised.answer == "spent", "more runs after the numbers were shown"


def _grown(rows: int, accuracy: float, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The first rows as they were, and what a candidate says of them and of new ones."""
    truth = (np.random.default_rng(3).random(50_000) < 0.4).astype(int)[:rows]
    wrong = np.random.default_rng(seed).random(50_000)[:rows] > accuracy
    keys = [f"row-{number}" for number in range(rows)]
    labels = pl.DataFrame({"key": keys, "label": truth})
    return labels, pl.DataFrame({"key": keys, "prediction": np.where(wrong, 1 - truth, truth).astype(str)})


def _on(folder: Path, rows: int, accuracy: float, seed: int) -> MetricsReport:
    config = EvaluateConfig(
        task="classification",
        data=DataConfig(path="x.csv", label="y"),
        sealed=SealedConfig(min=0.8, runs=2, tolerance=0.1),
    )
    return evaluate(*_grown(rows, accuracy, seed), None, config, Aids(Ledger(folder)))


def test_after_a_retirement_fresh_rows_alone_are_asked(tmp_path: Path) -> None:
    """A spent holdout would stay spent for ever, or rows whose numbers were shown would answer again."""
    assert [_answer(_on(tmp_path, 1000, 0.95, seed)).remaining for seed in (1, 2)] == [1, 0]
    first = int(is_sealed(_grown(1000, 1, 1)[0]["key"], 0.5).sum())
    planned = plan_of(SealedConfig(min=0.8, runs=2, tolerance=0.1)).rows

    waiting = _on(tmp_path, 1100, 0.95, seed=3)
    fresh = int(is_sealed(_grown(1100, 1, 1)[0]["key"], 0.5).sum()) - first
    assert 0 < fresh < planned
    told = _answer(waiting)
    assert (told.answer, told.retired, told.fresh, told.remaining) == ("spent", first, fresh, 0)
    assert waiting.rows == 1100 - fresh, "retired rows are open, fresh ones stay sealed"
    assert told.metrics[0].rows == first, "the retired rows' numbers, and no fresh row in them"
    known = _answer(_on(tmp_path, 1100, 0.95, seed=2))
    assert (known.answer, known.repeated) == ("yes", True)

    good = _answer(_on(tmp_path, 2000, 0.95, seed=4))
    renewed = int(is_sealed(_grown(2000, 1, 1)[0]["key"], 0.5).sum()) - first
    assert renewed >= planned
    assert (good.answer, good.remaining, good.rows, good.retired) == ("yes", 1, renewed, first)
    assert not good.metrics
    assert _answer(_on(tmp_path, 2000, 0.95, seed=4)).repeated
    bad = _answer(_on(tmp_path, 2000, 0.6, seed=5))
    assert (bad.answer, bad.remaining, bad.metrics[0].rows) == ("no", 0, renewed)
    third = _answer(_on(tmp_path, 2000, 0.95, seed=6))
    assert (third.answer, third.retired, third.fresh) == ("spent", first + renewed, 0)


def test_what_a_model_does_on_retired_rows_says_nothing_of_fresh_ones(tmp_path: Path) -> None:
    """A model that learned the retired rows by heart would be passed by them."""
    for seed in (1, 2):
        _on(tmp_path, 1000, 0.95, seed)
    labels, good = _grown(2000, 0.95, 2)
    guessed = _grown(2000, 0.5, 7)[1]
    learned = pl.concat([good[:1000], guessed[1000:]])
    config = EvaluateConfig(
        task="classification",
        data=DataConfig(path="x.csv", label="y"),
        sealed=SealedConfig(min=0.8, runs=2, tolerance=0.1),
    )
    told = _answer(evaluate(labels, learned, None, config, Aids(Ledger(tmp_path))))
    assert (told.answer, told.repeated) == ("no", False)


def test_another_condition_is_another_question(tmp_path: Path) -> None:
    """Lowering the bound step by step on the same predictions would measure them for nothing."""
    answers = [_answer(_evaluate(tmp_path, 0.9, min=bound)) for bound in (0.89, 0.87, 0.8)]
    assert [answer.answer for answer in answers] == ["no", "no", "yes"]
    assert [answer.remaining for answer in answers] == [31, 30, 29]


def _told(folder: Path, labels: pl.DataFrame, positive: int | None = None, **sealed: object) -> SealedReport:
    """What a model is told that says 1 of every row that `_tables` labels so, and of some others."""
    config = EvaluateConfig(
        task="classification",
        data=DataConfig(path="x.csv", label="y", positive=positive),
        sealed=SealedConfig.model_validate({"min": 0.85, **sealed}),
    )
    known, often = _tables(1.0)[0], np.random.default_rng(5).random(ROWS) < 0.2
    mine = known.select(
        "key", prediction=pl.when(pl.Series(often)).then(1).otherwise("label").cast(pl.String)
    )
    return _answer(evaluate(labels, mine, None, config, Aids(Ledger(folder))))


def test_an_answer_for_other_labels_is_none_for_these(tmp_path: Path) -> None:
    """A model whose labels turned out to be wrong would go on being told `yes` by what they were."""
    labels = _tables(1.0)[0]
    assert _told(tmp_path, labels, min=0.8).answer == "yes"
    corrected = labels.with_columns(
        label=pl.when(pl.col("key").str.ends_with("7")).then(0).otherwise("label")
    )
    told = _told(tmp_path, corrected, min=0.8)
    assert (told.answer, told.repeated, told.remaining) == ("no", False, 30)
    assert _told(tmp_path, labels.reverse(), min=0.8).repeated, "the same, whatever the order of the rows"


def test_an_answer_about_one_class_is_none_about_the_other(tmp_path: Path) -> None:
    """Where `data.positive` was another, the same words ask about other rows."""
    labels = _tables(1.0)[0]
    assert _told(tmp_path, labels, positive=1, metric="recall").answer == "yes"
    told = _told(tmp_path, labels, positive=0, metric="recall")
    assert (told.answer, told.repeated) == ("no", False)


def test_an_answer_of_little_reliability_is_none_of_more(tmp_path: Path) -> None:
    """One lenient answer would pass for ever, whatever `reliability` and `runs` ask for today."""
    labels = _tables(1.0)[0]
    lenient = _told(tmp_path, labels, min=0.855, reliability=0.51, runs=2)
    assert (lenient.answer, lenient.remaining) == ("yes", 1)
    told = _told(tmp_path, labels, min=0.855, reliability=0.9999)
    assert (told.answer, told.repeated, told.remaining) == ("no", False, 30)
    assert _told(tmp_path, labels, min=0.855, reliability=0.9999).repeated


def test_without_a_baseline_nothing_is_asked_or_spent(tmp_path: Path) -> None:
    """The first run would spend an answer on nothing."""
    report = _answer(_evaluate(tmp_path, 0.9, margin=0.05))
    assert (report.answer, report.remaining) == (None, 32)
    compared = _answer(_evaluate(tmp_path, 0.95, margin=0.05, baseline=0.9))
    assert compared.answer == "yes"
    worse = _answer(_evaluate(tmp_path, 0.9, margin=0.01, baseline=0.97))
    assert worse.answer == "no"


def test_a_baseline_that_is_not_asked_about_makes_no_new_question(tmp_path: Path) -> None:
    """The run after the first publication would pay for the same predictions again."""
    _evaluate(tmp_path, 0.95)
    again = _answer(_evaluate(tmp_path, 0.95, baseline=0.9))
    assert (again.repeated, again.remaining) == (True, 31)


def test_recall_counts_the_positive_rows_alone(tmp_path: Path) -> None:
    """A share of 40 % of the rows would be judged as if it were all of them."""
    report = _answer(_evaluate(tmp_path, 0.95, metric="recall"))
    sealed = is_sealed(_tables(0.9)[0]["key"], 0.5)
    assert report.rows == int(_tables(0.9)[0].filter(sealed)["label"].sum())


def test_three_classes_have_no_recall(tmp_path: Path) -> None:
    """Some class would be taken for the positive one."""
    labels, mine = _tables(0.9)
    config = EvaluateConfig(
        task="classification",
        data=DataConfig(path="x.csv", label="y"),
        sealed=SealedConfig(min=0.5, metric="recall"),
    )
    wide = labels.with_columns(label=pl.Series([0, 1, 2, 1] * (ROWS // 4)))
    with pytest.raises(StageError, match="for two classes"):
        evaluate(wide, mine, None, config, Aids(Ledger(tmp_path)))


@pytest.mark.parametrize(("rows", "bound", "error"), [(40, 0.8, 0.05), (200, 0.9, 1e-6), (900, 0.5, 1e-12)])
def test_a_proven_bound_is_clopper_pearsons(rows: int, bound: float, error: float) -> None:
    """The test would be an approximation where it promises to be exact."""
    for hits in range(rows + 1):
        assert proven_above(hits, rows, bound, error) == (binom.sf(hits - 1, rows, bound) <= error)


@pytest.mark.parametrize(("rows", "margin", "error"), [(20, 0.1, 0.1), (25, 0.0, 0.1), (30, 0.2, 0.05)])
def test_no_share_of_discordant_rows_breaks_the_paired_test(rows: int, margin: float, error: float) -> None:
    """A candidate that is worse by the margin would pass more often than promised: enumerated exactly."""
    proven = [
        (b, c)
        for b, c in product(range(rows + 1), repeat=2)
        if b + c <= rows and proven_not_worse(b, c, rows, margin, error)
    ]
    assert proven, "the test would never pass anything"
    for discordance in np.linspace(max(margin, 0.01), 1, 40):
        gain = (discordance - margin) / 2
        chances = (
            comb(rows, b)
            * comb(rows - b, c)
            * gain**b
            * (discordance - gain) ** c
            * (1 - discordance) ** (rows - b - c)
            for b, c in proven
        )
        assert sum(chances) <= error


def test_the_paired_test_has_power_at_small_errors() -> None:
    """The promise would be kept by never saying yes."""
    error = 0.01 / 2**32
    assert proven_not_worse(60, 60, 20_000, 0.01, error)
    assert not proven_not_worse(60, 200, 20_000, 0.01, error)
    assert not proven_not_worse(0, 0, 100, 0.01, error)
