"""Multilabel, ranking and a project's own metrics: values beside scikit-learn, intervals by simulation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import sklearn.metrics as sk

from ml_stages.config.data import DataConfig
from ml_stages.config.package import PackageConfig
from ml_stages.config.sections import EvaluationConfig
from ml_stages.errors import StageError
from ml_stages.evaluation import multilabel, ordered
from ml_stages.evaluation.catalogue import Task, names
from ml_stages.evaluation.evaluate import Aids, EvaluateConfig, code_of, evaluate
from ml_stages.evaluation.losses import mean
from ml_stages.evaluation.metrics_report import MetricsReport
from ml_stages.evaluation.multilabel import LabelSets
from ml_stages.evaluation.ordered import Ordered
from ml_stages.evaluation.own import ProjectCode
from ml_stages.evaluation.unit_metrics import UnitMetric, judge_units

LABELS = ("blue", "red", "round")


def _sets(rows: int, seed: int) -> LabelSets:
    truth = np.random.default_rng(1).random((rows, 3)) < 0.4
    flip = np.random.default_rng(seed).random((rows, 3)) < 0.2
    return LabelSets(LABELS, truth, truth ^ flip, len(LABELS))


def _text(table: np.ndarray) -> list[str]:
    return ["|".join(label for label, there in zip(LABELS, row, strict=True) if there) for row in table]


def _config(task: str, **evaluation: object) -> EvaluateConfig:
    return EvaluateConfig.model_validate(
        {"task": task, "data": DataConfig(path="x.csv", label="y"), "evaluation": evaluation}
    )


def test_multilabel_values_are_scikit_learns() -> None:
    """A multilabel project would be judged by numbers that nobody else computes."""
    rows = _sets(500, 2)
    found = {name: metric.number for name, metric in multilabel.numbers(rows, names(Task.MULTILABEL)).items()}
    expected = {
        "subset_accuracy": sk.accuracy_score(rows.truth, rows.predicted),
        "hamming_loss": sk.hamming_loss(rows.truth, rows.predicted),
        "jaccard": sk.jaccard_score(rows.truth, rows.predicted, average="samples", zero_division=1.0),
        "f1_micro": sk.f1_score(rows.truth, rows.predicted, average="micro"),
        "f1_macro": sk.f1_score(rows.truth, rows.predicted, average="macro"),
        "precision_micro": sk.precision_score(rows.truth, rows.predicted, average="micro"),
        "recall_micro": sk.recall_score(rows.truth, rows.predicted, average="micro"),
    }
    assert set(found) == set(expected)
    for name, value in expected.items():
        number = found[name]
        assert number is not None
        assert number.value == pytest.approx(value), name
        assert number.influence.sum() == pytest.approx(0, abs=1e-9)


def test_multilabel_out_of_tables() -> None:
    """Sets written as text would be compared as one class each."""
    rows, other = _sets(400, 2), _sets(400, 3)
    labels = pl.DataFrame({"key": [str(k) for k in range(400)], "label": _text(rows.truth)})
    tables = [
        labels.select("key").with_columns(prediction=pl.Series(_text(r.predicted))) for r in (rows, other)
    ]
    report = evaluate(labels, tables[0], tables[1], _config("multilabel"))
    f1 = report.metric("f1_micro")
    assert f1 is not None
    assert f1.value == pytest.approx(sk.f1_score(rows.truth, rows.predicted, average="micro"))
    compared = report.comparison("jaccard")
    assert compared is not None
    assert compared.lower < compared.difference < compared.upper  # type: ignore[operator]


def _multilabel(truth: list[str], predicted: list[str], other: list[str] | None = None) -> MetricsReport:
    keys = [str(key) for key in range(len(truth))]
    labels = pl.DataFrame({"key": keys, "label": truth})
    tables = [pl.DataFrame({"key": keys, "prediction": said}) for said in (predicted, other) if said]
    return evaluate(labels, tables[0], tables[1] if other else None, _config("multilabel"))


@pytest.mark.parametrize("inventor", ["candidate", "baseline"])
def test_invented_labels_make_no_model_look_better(inventor: str) -> None:
    """One row of a hundred labels that nobody has would make 20 % of wrong labels 0.6 %, and pass."""
    rows, other = _sets(400, 2), _sets(400, 3)
    said, before = _text(rows.predicted), _text(other.predicted)
    invented = "|".join(f"new-{number}" for number in range(100))
    (said if inventor == "candidate" else before)[0] = invented
    report = _multilabel(_text(rows.truth), said, before)
    found, compared = report.metric("hamming_loss"), report.comparison("hamming_loss")
    assert found is not None
    assert compared is not None
    first = {inventor: 1.0}  # all that it says there is wrong
    mine, theirs = (
        (sk.hamming_loss(one.truth[1:], one.predicted[1:]) * 399 + first.get(name, _first(one))) / 400
        for name, one in (("candidate", rows), ("baseline", other))
    )
    assert found.value == pytest.approx(mine)
    assert compared.difference == pytest.approx(mine - theirs)


def _first(rows: LabelSets) -> float:
    return float(np.mean(rows.truth[0] != rows.predicted[0]))


@pytest.mark.parametrize("groups", [None, np.arange(600) // 2])
@pytest.mark.parametrize("name", ["recall_micro", "precision_micro", "f1_micro", "f1_macro"])
def test_rows_without_labels_make_no_share_surer(name: str, groups: np.ndarray | None) -> None:
    """Eleven labels in 600 rows, all found, proved a recall of 0.994, where eleven rows let it be 0.72."""
    truth = np.zeros((600, 3), dtype=bool)
    truth[np.arange(0, 550, 50), 0] = True
    rows = LabelSets(LABELS, truth, truth, 1)
    both = multilabel.numbers(rows, [name])
    judged = judge_units(both, both, 0.95, groups, "rows")
    room = 1 - 0.025 ** (1 / 11)
    assert judged.metrics[0].lower <= 1 - room
    assert judged.comparisons[0].lower <= -room


def test_a_label_that_is_never_predicted_is_named() -> None:
    """Where few rows have labels, a model that says nothing is right in most, and passed without a word."""
    report = _multilabel(["red|round", "blue"] + [""] * 98, [""] * 99 + ["blue"])
    assert report.notes == ["no row is predicted to have 'red', 'round', which 1 of 100 rows have"]
    assert _multilabel(["red", "blue"] * 50, ["blue", "red"] * 50).notes == []


def test_a_holdout_without_any_label_has_no_hamming_loss() -> None:
    """NaN would stand in the report as a number, and `inconclusive = "pass"` would let it through."""
    report = _multilabel([""] * 50, [""] * 50)
    found = report.metric("hamming_loss")
    assert found is not None
    assert (found.value, found.note) == (None, "undefined: no labels")


def _queries(count: int, seed: int, noise: float = 1.0) -> Ordered:
    rng = np.random.default_rng(7)
    relevance = rng.integers(0, 4, count * 8).astype(np.float64)
    query = np.repeat(np.arange(count), 8)
    shuffled = np.random.default_rng(8).permutation(count * 8)
    score = relevance + noise * np.random.default_rng(seed).normal(size=count * 8)
    return Ordered(relevance[shuffled], score[shuffled], query[shuffled])


@pytest.mark.parametrize("k", [None, 3])
def test_ndcg_is_scikit_learns(k: int | None) -> None:
    """A ranking would be judged by a number that nobody else computes."""
    rows = _queries(50, 1)
    name = "ndcg" if k is None else f"ndcg@{k}"
    found = ordered.numbers(rows, [name])[name].number
    assert found is not None
    each = [
        sk.ndcg_score([rows.relevance[rows.query == q]], [rows.score[rows.query == q]], k=k)
        for q in ordered.queries(rows)
    ]
    assert found.value == pytest.approx(np.mean(each))
    assert found.influence.size == len(each)


def test_rank_metrics_by_hand() -> None:
    """The first relevant row would be counted from 0, or a constant score would earn its place."""
    rows = Ordered(
        np.array([0, 1, 0, 1, 0, 0.0]), np.array([3, 2, 1, 5, 5, 5.0]), np.array([0, 0, 0, 1, 1, 1])
    )
    found = ordered.numbers(rows, ["mrr", "precision@1", "precision@2"])
    values = {name: metric.number.value for name, metric in found.items() if metric.number}
    assert values == {
        "mrr": pytest.approx((1 / 2 + 1 / 3) / 2),
        "precision@1": 0,
        "precision@2": pytest.approx(1 / 4),
    }


def test_a_ranking_out_of_tables_counts_queries() -> None:
    """Eight rows of one query would count as eight."""
    rows = _queries(60, 1)
    keys = [str(k) for k in range(len(rows))]
    labels = pl.DataFrame({"key": keys, "label": rows.relevance, "session": rows.query})
    table = pl.DataFrame({"key": keys, "prediction": rows.score})
    report = evaluate(labels, table, table, _config("ranking", query="session", more_metrics=["ndcg@3"]))
    found = {metric.name: metric for metric in report.metrics}
    assert list(found) == ["ndcg", "mrr", "ndcg@3"]
    assert found["ndcg"].rows == ordered.queries(rows).size
    assert {one.unit for one in report.metrics} | {one.unit for one in report.comparisons} == {"queries"}
    first = rows.query == 0
    one = evaluate(labels.filter(first), table.filter(first), None, _config("ranking", query="session"))
    assert one.metrics[0].note == "no interval: 1 query, needed are 5"
    assert [comparison.difference for comparison in report.comparisons] == [0, 0, 0]


@pytest.mark.parametrize(
    "rows",
    [
        Ordered(np.ones(80), np.arange(80.0), np.arange(80) // 8),
        Ordered(np.tile([0.0, 1.0], 40), -np.arange(80.0), np.arange(80)),
    ],
    ids=["all relevant", "a query each"],
)
def test_rows_that_no_order_gets_wrong_judge_no_model(rows: Ordered) -> None:
    """With the wrong column as query any model had an NDCG of 1, and passed."""
    for found in ordered.numbers(rows, ["ndcg", "mrr", "precision@1", "ndcg@3"]).values():
        assert found.number is None
        assert "which no order gets wrong" in found.note


def test_the_first_rows_of_a_query_are_not_all_of_them() -> None:
    """Precision among the first 8 is the same for every order of 8 rows, and would pass or fail for none."""
    found = ordered.numbers(_queries(20, 1), ["precision@7", "precision@8"])
    assert found["precision@7"].number is not None
    assert found["precision@8"].number is None
    assert "no query has more than 8 rows" in found["precision@8"].note


@pytest.mark.parametrize(("alike", "said"), [(2, 0), (15, 1)])
def test_many_queries_that_no_order_gets_wrong_are_said(alike: int, said: int) -> None:
    """Nothing would show that a third of the queries raise every number, whatever the model."""
    rows = _queries(40, 1)
    relevance = np.where(rows.query < alike, 2.0, rows.relevance)
    notes = ordered.ranking_notes(Ordered(relevance, rows.score, rows.query))
    assert len(notes) == said
    assert all(note.startswith("15 of 40 queries have rows of one relevance alone") for note in notes)


def test_a_relevance_too_large_to_add_up_is_refused() -> None:
    """NDCG would be NaN, which `inconclusive = "pass"` lets through."""
    keys = [str(key) for key in range(40)]
    labels = pl.DataFrame({"key": keys, "label": [1e308, 0.0] * 20, "session": [0, 0, 1, 1] * 10})
    with pytest.raises(StageError, match=r"'label' is beyond 1e\+45 in 20 rows"):
        evaluate(labels, labels.rename({"label": "prediction"}), None, _config("ranking", query="session"))


def test_intervals_of_a_ranking_cover() -> None:
    """An interval over queries would promise more than it keeps."""
    true = ordered.numbers(_queries(20_000, 99), ["ndcg"])["ndcg"].number
    assert true is not None
    rng = np.random.default_rng(5)
    hits, runs = 0, 1000
    deviations = true.influence * true.influence.size
    for _ in range(runs):
        drawn = rng.choice(deviations, 100)
        metric = judge_units(
            {"x": UnitMetric(mean(drawn), lowest=None)}, None, 0.95, None, "queries"
        ).metrics[0]
        hits += metric.lower <= 0 <= metric.upper  # type: ignore[operator]
    assert hits / runs > 0.94


OWN = """
import os
import numpy as np

def profit(labels, predictions, probabilities):
    assert probabilities is None or probabilities.shape == (len(labels), 2)
    return np.where(predictions == "yes", np.where(labels == "yes", 5.0, -20.0), 0.0)

def share(labels, predictions, probabilities):
    return float(np.mean(labels == predictions))

def always(labels, predictions, probabilities):
    return 0.95

def broken(labels, predictions, probabilities):
    return [1.0, 2.0]

def hole(labels, predictions, probabilities):
    return np.where(np.arange(len(labels)) == 3, np.nan, 1.0)

def wide(labels, predictions, probabilities):
    return np.ones((len(labels), 2))

def huge(labels, predictions, probabilities):
    return np.full(len(labels), 1e308)

def cheat(labels, predictions, probabilities):
    for given in (labels, predictions, probabilities):
        given[:] = given[0]
    return np.arange(len(labels)) % 2

def fall(labels, predictions, probabilities):
    raise ValueError("no such price\\nsecond line")

def leave(labels, predictions, probabilities):
    os._exit(0)
"""


def _own(
    folder: Path, *names: str, module: str = "own_metrics_of_test", label_noise: float = 0.0
) -> MetricsReport:
    (folder / "own_metrics_of_test.py").write_text(OWN)
    rng = np.random.default_rng(2)
    truth = rng.choice(["no", "yes"], 600)
    keys = [str(k) for k in range(600)]
    labels = pl.DataFrame({"key": keys, "label": truth})
    tables = [
        pl.DataFrame({"key": keys, "prediction": np.where(rng.random(600) < 0.1, "no", truth)})
        for _ in range(2)
    ]
    own = [{"name": name, "call": f"{module}:{name}"} for name in names]
    config = _config("classification", own_metrics=own, metrics=["accuracy"], label_noise=label_noise)
    return evaluate(labels, tables[0], tables[1], config, Aids(code=ProjectCode(folder)))


def test_an_own_metric_by_row_is_a_mean_with_interval_and_comparison(tmp_path: Path) -> None:
    """What a project earns by its model could not be gated."""
    report = _own(tmp_path, "profit")
    metric, comparison = report.metric("profit"), report.comparison("profit")
    assert metric is not None
    assert comparison is not None
    assert metric.lower < metric.value < metric.upper  # type: ignore[operator]
    assert comparison.rows == 600


def test_one_number_for_all_rows_gets_the_interval_of_its_mean(tmp_path: Path) -> None:
    """A metric of the whole table would have no interval, or an invented one."""
    report = _own(tmp_path, "share")
    own, ours = report.metric("share"), report.metric("accuracy")
    assert own is not None
    assert ours is not None
    assert own.value == ours.value
    width, wilson = own.upper - own.lower, ours.upper - ours.lower  # type: ignore[operator]
    assert 0.9 < width / wilson < 1.4
    one, other = report.comparison("share"), report.comparison("accuracy")
    assert one is not None
    assert other is not None
    assert one.difference == pytest.approx(other.difference)
    assert one.rows == 600
    assert one.deciding == own.deciding == 199  # blocks, whatever the rows


def test_an_own_metric_that_breaks_says_which(tmp_path: Path) -> None:
    """A traceback out of a stage of ours would be taken for our bug."""
    assert "'broken' (own_metrics_of_test:broken) returned 2 numbers for 600 rows" in _why(tmp_path, "broken")
    found = _why(tmp_path, "profit", module="nowhere_at_all")
    assert "'profit' cannot be loaded from nowhere_at_all:profit" in found
    found = _why(tmp_path, "fall")
    assert found.startswith(
        "the metric 'fall' broke: ValueError: no such price (own_metrics_of_test.py, line "
    )
    assert "second line" not in found


def test_a_metric_that_ends_its_process_takes_no_other_with_it(tmp_path: Path) -> None:
    """One function that leaves would end the evaluation, or the metrics that are asked after it."""
    report = _own(tmp_path, "leave", "profit")
    assert "'leave' ended the process that it ran in" in report.broken["leave"]
    assert report.notes == [report.broken["leave"]]
    assert report.metric("leave") is None
    assert report.comparison("profit") is not None
    assert report.metric("accuracy") is not None


def _why(folder: Path, name: str, *, module: str = "own_metrics_of_test") -> str:
    report = _own(folder, name, module=module)
    assert [metric.name for metric in report.metrics] == ["accuracy"]
    return report.broken[name]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("hole", "returned no finite number for 1 of 600 rows"),
        ("wide", "returned an array of shape (600, 2)"),
        ("huge", "returned numbers too large to add up"),
    ],
)
def test_what_an_own_metric_returned_is_named(tmp_path: Path, name: str, said: str) -> None:
    """A sum that overflows would break a gate, and a hole would be looked for in the wrong place."""
    assert f"the metric '{name}' (own_metrics_of_test:{name}) {said}" in _why(tmp_path, name)


def test_what_an_own_metric_writes_reaches_no_other_number(tmp_path: Path) -> None:
    """A metric that sorts or clips in place would change every slice that is judged after it."""
    (tmp_path / "own_metrics_of_test.py").write_text(OWN)
    rows = 200
    shares = np.random.default_rng(4).random(rows)
    labels = pl.DataFrame(
        {"key": [str(k) for k in range(rows)], "label": np.where(shares > 0.4, "yes", "no"), "all": "x"}
    )
    table = labels.select("key", prediction=pl.Series(np.where(shares > 0.5, "yes", "no"))).with_columns(
        probability_no=1 - shares, probability_yes=shares
    )
    metric = {"name": "cheat", "call": "own_metrics_of_test:cheat"}
    config = _config("classification", own_metrics=[metric], metrics=["log_loss"], slices=["all"])
    report = evaluate(labels, table, None, config, Aids(code=ProjectCode(tmp_path)))
    assert report.slices[0].metrics[0].value == report.metrics[0].value


def test_an_own_metric_in_a_package_finds_its_metadata(tmp_path: Path) -> None:
    """A package that asks for its own version when it is imported could not hold a metric."""
    (tmp_path / "priced.py").write_text(
        "from importlib.metadata import version\n\nVERSION = version('priced-loans')\n\n\n"
        "def cost(labels, predictions, _):\n    return (labels != predictions) * float(VERSION)\n"
    )
    labels = pl.DataFrame({"key": [*"abcd"], "label": ["yes", "no", "yes", "no"]})
    table = pl.DataFrame({"key": [*"abcd"], "prediction": ["yes", "no", "no", "no"]})
    config = _config(
        "classification", own_metrics=[{"name": "cost", "call": "priced:cost"}], metrics=["accuracy"]
    )
    code = code_of(tmp_path, PackageConfig(name="priced-loans", version="4.0"))
    cost = evaluate(labels, table, None, config, Aids(code=code)).metric("cost")
    assert cost is not None
    assert cost.value == 1.0


def test_wrong_labels_leave_an_own_metric_no_interval(tmp_path: Path) -> None:
    """Accuracy would be widened for wrong labels, and the same written as an own metric pass by its own."""
    report = _own(tmp_path, "profit", label_noise=0.05)
    metric, comparison = report.metric("profit"), report.comparison("profit")
    assert metric is not None
    assert comparison is not None
    assert (metric.lower, metric.upper, comparison.lower, comparison.upper) == (None,) * 4
    assert metric.note.startswith("no interval: what 5.0% wrong labels hide from profit is not known")


def test_own_metrics_are_named_in_configuration() -> None:
    """An entry point without a function would be found out after the training."""
    with pytest.raises(ValueError, match="entry point"):
        EvaluationConfig.model_validate({"own_metrics": [{"name": "x", "call": "module"}]})


def test_units_that_are_all_alike_prove_nothing_of_others() -> None:
    """A model that is right on every row seen would be proven to be right on all, with no width at all."""
    perfect = mean(np.ones(200))
    bounded = judge_units({"x": UnitMetric(perfect)}, {"x": UnitMetric(perfect)}, 0.95, None, "rows")
    assert bounded.metrics[0].lower == pytest.approx(1 - 1.96**2 / 200, abs=2e-3)
    assert bounded.comparisons[0].lower == pytest.approx(-(1.96**2) / 200, abs=2e-3)
    own = UnitMetric(perfect, lowest=None, highest=None)
    free = judge_units({"x": own}, {"x": own}, 0.95, None, "rows")
    assert free.metrics[0].lower is None
    assert "all rows count the same" in free.comparisons[0].note


@pytest.mark.parametrize("groups", [None, np.arange(30) // 3])
def test_units_that_are_alike_but_for_rounding_prove_as_little(groups: np.ndarray | None) -> None:
    """A cost of 0.1 on each of 30 rows, whose mean is 0.1 and a little, had an interval without any width."""
    cost = mean(np.full(30, 0.1))
    assert np.any(cost.influence), "nothing is rounded here, and nothing tested"
    own = UnitMetric(cost, lowest=None, highest=None, amounts=True)
    found = judge_units({"x": own}, {"x": own}, 0.95, groups, "rows")
    assert found.metrics[0].lower is None
    # Of groups that are compared one may be lost whole.
    lower = found.comparisons[0].lower
    assert (lower is None) == (groups is None)
    assert lower is None or lower < -0.01


def test_one_number_that_no_rows_move_proves_nothing(tmp_path: Path) -> None:
    """A function that gives 0.95 whatever it is given would be proven to be 0.95, and pass."""
    for found in (_own(tmp_path, "always").metric("always"), _own(tmp_path, "always").comparison("always")):
        assert found is not None
        assert found.lower is None
        assert "all blocks count the same" in found.note


def test_harm_on_rows_that_were_not_seen_seldom_passes() -> None:
    """A candidate that loses 1.3 rows of 500 one way passes in 27 % of runs of a plain paired t."""
    rng = np.random.default_rng(3)
    rows, lost, runs = 500, 1.3, 2000
    passed = 0
    for _ in range(runs):
        base = (rng.random(rows) < 0.9).astype(float)
        candidate = base * (rng.random(rows) >= lost / rows / 0.9)
        found = judge_units(
            {"x": UnitMetric(mean(candidate))}, {"x": UnitMetric(mean(base))}, 0.95, None, "rows"
        )
        passed += found.comparisons[0].lower > -lost / rows  # type: ignore[operator]
    assert passed / runs < 0.025
