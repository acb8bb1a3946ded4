"""The stage ``evaluate`` on real files, as its own process and in process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from ml_stages.errors import StageError
from ml_stages.evaluation import evaluate
from ml_stages.evaluation.metrics_report import MetricsReport
from ml_stages.evaluation.text import canonical, canonical_value
from ml_stages.job import Job

ROWS = 400


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A holdout of 400 loans with predictions of two models."""
    rng = np.random.default_rng(0)
    truth = (rng.random(ROWS) < 0.3).astype(int)
    keys = [f"loan-{number}" for number in range(ROWS)]
    _write_labels(
        tmp_path,
        pl.DataFrame(
            {
                "key": keys,
                "label": truth,
                "sex": rng.choice(["f", "m"], ROWS),
                "branch": [1.0 if n < 10 else None if n < 60 else 2.0 for n in range(ROWS)],
            }
        ),
    )
    for name in ("predictions", "baseline-predictions"):
        score = 1 / (1 + np.exp(1 - 2 * truth - rng.normal(size=ROWS)))
        columns = {
            "key": keys,
            "prediction": (score > 0.5).astype(int),
            "probability_0": 1 - score,
            "probability_1": score,
        }
        _write_predictions(tmp_path, pl.DataFrame(columns), name)
    return tmp_path


def _write_labels(root: Path, table: pl.DataFrame) -> None:
    (root / "holdout-labels").mkdir(exist_ok=True)
    table.write_parquet(root / "holdout-labels" / "labels.parquet")


def _write_predictions(root: Path, table: pl.DataFrame, name: str = "predictions") -> None:
    (root / name).mkdir(exist_ok=True)
    table.write_csv(root / name / "predictions.csv")


def _labels(root: Path) -> pl.DataFrame:
    return pl.read_parquet(root / "holdout-labels" / "labels.parquet")


def _predictions(root: Path) -> pl.DataFrame:
    return pl.read_csv(root / "predictions" / "predictions.csv", infer_schema=False)


def _job(root: Path, *, baseline: bool = True, task: str = "classification", **evaluation: Any) -> Job:
    names = ["predictions", "holdout-labels", *(["baseline-predictions"] if baseline else [])]
    return Job(
        stage="evaluate",
        config={"task": task, "data": {"path": "loans.csv", "label": "approved"}, "evaluation": evaluation},
        inputs={name: root / name for name in names},
        outputs={},
        report=root / "report.json",
    )


def _run(root: Path, **options: Any) -> MetricsReport:
    evaluate.run(_job(root, **options))
    return MetricsReport.model_validate_json((root / "report.json").read_text())


def test_the_stage_runs_as_a_process_and_writes_its_report(files: Path) -> None:
    """The runner would have no metrics to judge: all of them, where one of the project's own leaves."""
    (files / "leaving.py").write_text("import os\ndef leave(*_): os._exit(0)\n")
    job = _job(files, slices=["sex"], own_metrics=[{"name": "profit", "call": "leaving:leave"}])
    job.inputs["code"] = files
    (files / "job.json").write_text(job.model_dump_json())
    command = [
        sys.executable,
        "-m",
        "ml_stages.execute",
        "ml_stages.evaluation.evaluate",
        str(files / "job.json"),
    ]
    assert subprocess.run(command, check=False).returncode == 0
    report = MetricsReport.model_validate_json((files / "report.json").read_text())
    assert report.rows == ROWS
    assert report.positive == "1"
    assert [part.where for part in report.slices] == [{"sex": "f"}, {"sex": "m"}]
    assert report.comparison("f1") is not None
    assert report.broken.keys() == {"profit"}
    assert report.notes == list(report.broken.values())


def test_the_report_is_the_same_to_the_byte_every_time(files: Path) -> None:
    """A cached stage would differ from a repeated one."""
    texts = []
    for _ in range(2):
        evaluate.run(_job(files, slices=["sex"]))
        texts.append((files / "report.json").read_text())
    assert texts[0] == texts[1]


def test_scipy_is_not_imported(files: Path) -> None:
    """Every run would wait half a second longer for a library that it does not need."""
    (files / "job.json").write_text(_job(files).model_dump_json())
    code = (
        "import sys; from ml_stages.execute import main; "
        f"main('ml_stages.evaluation.evaluate', {str(files / 'job.json')!r}); "
        "sys.exit(any(name.split('.')[0] == 'scipy' for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_rows_are_matched_by_key_not_by_place(files: Path) -> None:
    """A predictor that returns rows in another order would be judged on the wrong labels."""
    expected = _run(files)
    _write_predictions(files, _predictions(files).sample(fraction=1, shuffle=True, seed=3))
    assert _run(files).metrics == expected.metrics


def test_slices_have_their_rows_and_small_ones_no_numbers(files: Path) -> None:
    """A slice of ten rows would raise alarms, or a missing value would vanish from the report."""
    parts = {tuple(part.where.values()): part for part in _run(files, slices=["branch"], min_slice=30).slices}
    assert {name: part.rows for name, part in parts.items()} == {("1",): 10, ("2",): 340, ("(missing)",): 50}
    assert parts["1",].metrics == []
    assert "10 rows, fewer than evaluation.min_slice = 30" in parts["1",].note
    assert parts["2",].metrics[0].rows == 340
    assert parts["2",].comparisons


def test_crossed_slices_are_the_combinations_that_occur(files: Path) -> None:
    """Harm to women of one branch would hide in both columns apart."""
    labels = _labels(files)
    report = _run(files, slices=["sex"], crossed=[["sex", "branch"]], min_slice=5)
    crossed = {tuple(part.where.items()): part.rows for part in report.slices if len(part.where) == 2}
    counted = labels.with_columns(pl.col("branch").cast(pl.Int64).cast(pl.String).fill_null("(missing)"))
    expected = counted.group_by("sex", "branch").len()
    assert crossed == {(("sex", sex), ("branch", branch)): rows for sex, branch, rows in expected.iter_rows()}
    _expect_error(files, "evaluation.crossed names 'colour'", crossed=[["sex", "colour"]])


def test_wrong_labels_widen_the_intervals_of_slices_too(files: Path) -> None:
    """The noise would count on the whole holdout and be forgotten where rows are fewest."""
    report = _run(files, slices=["sex"], label_noise=0.05)
    assert "widened" in report.metrics[0].method
    assert "widened" in report.slices[0].metrics[0].method


def test_golden_rows_are_those_that_the_column_marks(files: Path) -> None:
    """Rows that must be right would be looked for in vain, or be all of them."""
    marks = ["yes" if number < 12 else None for number in range(ROWS)]
    _write_labels(files, _labels(files).with_columns(gold=pl.Series(marks)))
    golden = _run(files, golden="gold").golden
    assert golden is not None
    assert golden.rows == 12
    assert golden.changed is not None
    marked = set(_labels(files)["key"].head(12).cast(pl.String))
    assert {*golden.wrong, *golden.changed} <= marked
    _expect_error(files, "evaluation.golden names 'silver'", golden="silver")


@pytest.mark.parametrize(
    "marks",
    [
        ["Yes", "no"],
        ["y", "N"],
        ["T", "f"],
        ["TRUE", "False"],
        [" 1", ""],
        ["yes", None],
        [True, False],
        [1, 0],
        [1.0, float("nan")],
    ],
)
def test_a_mark_is_read_as_people_write_it(files: Path, marks: list[Any]) -> None:
    """Of rows marked with `y` none was looked at, and of a table with `Y` and `yes` only some."""
    column = pl.Series("gold", [marks[number >= 12] for number in range(ROWS)])
    _write_labels(files, _labels(files).with_columns(column))
    golden = _run(files, golden="gold").golden
    assert golden is not None
    assert golden.rows == 12


def test_what_is_no_mark_is_said(files: Path) -> None:
    """A row marked with `x` would be taken for unmarked, and the gate pass without it."""
    marks = ["yes" if number < 12 else ("x" if number < 14 else None) for number in range(ROWS)]
    _write_labels(files, _labels(files).with_columns(gold=pl.Series(marks)))
    _expect_error(files, "which does not say whether 2 rows are marked ('x')", golden="gold")
    _write_labels(files, _labels(files).with_columns(gold=pl.Series(range(ROWS))))
    _expect_error(files, "whether 398 rows are marked (2, 3, 4 and 395 more)", golden="gold")


def test_chosen_metrics_alone_are_computed(files: Path) -> None:
    """A user with many slices would wait for metrics that nobody reads, or misspell one unnoticed."""
    report = _run(files, metrics=["recall", "accuracy"], slices=["sex"])
    assert [metric.name for metric in report.metrics] == ["accuracy", "recall"]
    assert [found.metric for found in report.slices[0].comparisons] == ["accuracy", "recall"]
    _expect_error(files, "'recal'", "did you mean 'recall'?", metrics=["recal"])


def test_rows_of_one_group_count_together(files: Path) -> None:
    """Ten visits of one patient would count as ten patients."""
    _write_labels(
        files, _labels(files).with_columns(person=pl.Series([number // 10 for number in range(ROWS)]))
    )
    report = _run(files, cluster="person", slices=["sex"])
    assert report.metrics[0].method == "cluster t over 40 groups"
    assert "cluster t" in report.slices[0].comparisons[0].method
    _expect_error(files, "evaluation.cluster names 'patient'", cluster="patient")


def test_without_a_baseline_there_are_no_comparisons(files: Path) -> None:
    """The first run would end in an error instead of a report."""
    report = _run(files, baseline=False)
    assert report.comparisons == []
    assert report.disagreement is None


def _expect_error(files: Path, *parts: str, **options: Any) -> None:
    with pytest.raises(StageError) as caught:
        evaluate.run(_job(files, **options))
    for part in parts:
        assert part in str(caught.value)


def test_a_row_without_a_prediction_is_an_error(files: Path) -> None:
    """Rows on which the model fails would be left out of its score."""
    _write_predictions(files, _predictions(files).slice(3))
    _expect_error(files, "3 holdout rows without a prediction", "loan-0, loan-1, loan-2")


def test_a_prediction_for_no_row_is_an_error(files: Path) -> None:
    """Predictions for another holdout would be judged as far as they fit."""
    extra = _predictions(files).head(2).with_columns(pl.col("key") + "-new")
    _write_predictions(files, pl.concat([_predictions(files), extra]))
    _expect_error(files, "2 predictions for other rows", "loan-0-new")


def test_a_repeated_key_is_an_error(files: Path) -> None:
    """A join would multiply rows and with them whatever the model does on them."""
    _write_predictions(files, pl.concat([_predictions(files), _predictions(files).head(1)]))
    _expect_error(files, "1 keys occur more than once", "loan-0")


@pytest.mark.parametrize("value", [None, "", "NaN"])
def test_an_empty_prediction_is_an_error(files: Path, value: str | None) -> None:
    """A model that answers nothing would be counted as wrong, or left out, without a word."""
    table = _predictions(files)
    _write_predictions(
        files,
        table.with_columns(
            prediction=pl.when(pl.col("key") == "loan-7").then(pl.lit(value)).otherwise("prediction")
        ),
    )
    _expect_error(files, "1 of 400 rows", "'prediction'", "loan-7")


def test_a_class_may_be_called_nan(files: Path) -> None:
    """A model that answers a class which the data calls `nan` could never be judged."""
    named = pl.col("name").replace({"0": "nan", "1": "NA"})
    _write_labels(
        files, _labels(files).with_columns(name=pl.col("label").cast(pl.String)).with_columns(label=named)
    )
    for name in ("predictions", "baseline-predictions"):
        table = pl.read_csv(files / name / "predictions.csv", infer_schema=False)
        table = table.with_columns(name="prediction").with_columns(prediction=named).drop("name")
        table = table.rename({"probability_0": "probability_nan", "probability_1": "probability_NA"})
        _write_predictions(files, table, name)
    predicted = _predictions(files).join(_labels(files), on="key")
    accuracy = _run(files).metric("accuracy")
    assert accuracy is not None
    assert accuracy.value == pytest.approx((predicted["prediction"] == predicted["label"]).mean())
    spoilt = pl.when(pl.col("key") == "loan-7").then(pl.lit("NaN")).otherwise("prediction")
    _write_predictions(files, _predictions(files).with_columns(prediction=spoilt))
    _expect_error(files, "1 of 400 rows", "'prediction'", "loan-7")


def test_a_class_may_hold_quotes(files: Path) -> None:
    """Its probabilities would be those of a class that no label is, and nothing could be judged."""
    expected, quoted = _run(files).metrics, {"0": '"no"', "1": 'q"t'}
    label = pl.col("label").cast(pl.String).replace(quoted)
    _write_labels(files, _labels(files).with_columns(label=label))
    for name in ("predictions", "baseline-predictions"):
        table = pl.read_csv(files / name / "predictions.csv", infer_schema=False)
        table = table.with_columns(pl.col("prediction").replace(quoted))
        table = table.rename({f"probability_{old}": f"probability_{new}" for old, new in quoted.items()})
        _write_predictions(files, table, name)
    assert _run(files).metrics == expected


@pytest.mark.parametrize("value", ["NaN", "inf", "2.0", "-1", "many"])
def test_impossible_probabilities_are_an_error(files: Path, value: str) -> None:
    """Log loss and AUC would be computed from values that are no probabilities."""
    table = _predictions(files)
    spoilt = pl.when(pl.col("key") == "loan-7").then(pl.lit(value)).otherwise("probability_1")
    _write_predictions(files, table.with_columns(probability_1=spoilt))
    _expect_error(files, "predictions")


def test_labels_are_compared_as_text_whatever_their_type(files: Path) -> None:
    """A model that returns 1.0 for the label 1 would score 0."""
    expected = _run(files)
    as_floats = _predictions(files).with_columns(pl.col("prediction").cast(pl.Float64))
    _write_predictions(files, as_floats.rename({"probability_1": "probability_1.0"}))
    assert _run(files).metrics == expected.metrics
    _write_labels(files, _labels(files).with_columns(pl.col("label").cast(pl.String)))
    assert _run(files).metrics == expected.metrics


def test_booleans_are_compared_as_text(files: Path) -> None:
    """A model that returns True for the label true would score 0."""
    _write_labels(files, _labels(files).with_columns(pl.col("label").cast(pl.Boolean)))
    table = _predictions(files).select(
        "key",
        pl.when(pl.col("prediction") == "1")
        .then(pl.lit("True"))
        .otherwise(pl.lit("False"))
        .alias("prediction"),
    )
    _write_predictions(files, table)
    report = _run(files, baseline=False)
    assert report.positive == "true"
    assert (report.metrics[0].value or 0) > 0.5


def test_a_class_never_seen_counts_as_wrong(files: Path) -> None:
    """A model that invents classes would not be charged for it."""
    table = _predictions(files)
    hit = table["prediction"] == _labels(files)["label"].cast(pl.String)
    invented = pl.when(hit).then(pl.lit("maybe")).otherwise("prediction")
    table = pl.concat([table.with_columns(prediction=invented).head(200), table.slice(200)])
    before = _run(files).metric("accuracy")
    _write_predictions(files, table)
    after = _run(files).metric("accuracy")
    assert before is not None
    assert after is not None
    assert (after.value or 0) * ROWS == pytest.approx(
        (before.value or 0) * ROWS - hit.head(200).to_list().count(True)
    )


def test_predictions_in_other_words_are_an_error(files: Path) -> None:
    """A model that says yes for the label 1 would be reported as always wrong, without a reason."""
    words = pl.when(pl.col("prediction") == "1").then(pl.lit("yes")).otherwise(pl.lit("no"))
    _write_predictions(files, _predictions(files).select("key", words.alias("prediction")))
    _expect_error(files, "no prediction is a class of the label (0, 1)", "no, yes")
    scores = pl.lit(0.25).alias("prediction")
    _write_predictions(files, _predictions(files).select("key", scores))
    _expect_error(files, 'for fractions the task is "regression", or "ranking"')


def test_the_positive_class_can_be_chosen(files: Path) -> None:
    """Precision would be that of the wrong class."""
    job = _job(files)
    evaluate.run(
        job.model_copy(update={"config": {**job.config, "data": {**job.config["data"], "positive": 0}}})
    )
    report = json.loads((files / "report.json").read_text())
    assert report["positive"] == "0"
    default = _run(files)
    by_name = {metric["name"]: metric["value"] for metric in report["metrics"]}
    assert by_name["recall"] == pytest.approx(default.metric("specificity").value)  # type: ignore[union-attr]


def test_a_positive_class_that_does_not_occur_is_an_error(files: Path) -> None:
    """A spelling mistake in the configuration would turn every metric round."""
    job = _job(files)
    job = job.model_copy(update={"config": {**job.config, "data": {**job.config["data"], "positive": "yes"}}})
    with pytest.raises(StageError, match="no class of the label: 0, 1"):
        evaluate.run(job)


def test_a_slice_column_that_is_missing_is_an_error(files: Path) -> None:
    """Fairness would be reported on nothing."""
    _expect_error(files, "evaluation.slices names 'race'", slices=["race"])


def test_a_column_of_numbers_is_no_slice(files: Path) -> None:
    """A report with a slice a row would drown the others."""
    rng = np.random.default_rng(0)
    wide = pl.DataFrame(
        {
            "key": [str(n) for n in range(3000)],
            "label": rng.integers(0, 2, 3000),
            "income": rng.normal(size=3000),
        }
    )
    _write_labels(files, wide)
    _write_predictions(files, wide.select("key", pl.col("label").alias("prediction")))
    _expect_error(files, "3,000 values", baseline=False, slices=["income"])


def test_regression_from_files(files: Path) -> None:
    """A regression project would have no evaluation."""
    rng = np.random.default_rng(0)
    price = rng.normal(100, 20, ROWS)
    _write_labels(files, _labels(files).with_columns(label=pl.Series(price)))
    for name in ("predictions", "baseline-predictions"):
        table = pl.DataFrame({"key": _labels(files)["key"], "prediction": price + rng.normal(0, 5, ROWS)})
        _write_predictions(files, table, name)
    report = _run(files, task="regression", slices=["sex"])
    assert [metric.name for metric in report.metrics] == ["mae", "rmse", "r2", "mape"]
    assert report.comparison("mae") is not None
    table = table.with_columns(
        prediction=pl.when(pl.col("key") == "loan-3").then(float("nan")).otherwise("prediction")
    )
    _write_predictions(files, table)
    _expect_error(files, "loan-3", task="regression")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1"),
        (1.0, "1"),
        ("1.0", "1"),
        ("1", "1"),
        (True, "true"),
        ("True", "true"),
        ("007", "007"),
        (0.5, "0.5"),
        ("Yes", "Yes"),
        (-2.0, "-2"),
    ],
)
def test_canonical_text(value: Any, text: str) -> None:
    """Labels, predictions and configuration would name one class differently."""
    assert canonical_value(value) == text


def test_canonical_text_keeps_nulls() -> None:
    """A missing label would become a class."""
    assert canonical(pl.Series([1.0, None, float("nan")])).to_list() == ["1", None, None]
