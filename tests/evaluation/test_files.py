"""Evaluation of predictions out of files that no stage of ours wrote."""

from __future__ import annotations

import re
from itertools import permutations
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from ml_stages.config.data import ColumnRule, DataConfig
from ml_stages.config.sealed import SealedConfig
from ml_stages.config.sections import EvaluationConfig
from ml_stages.errors import StageError, UsageError
from ml_stages.evaluation.classes import classified, known_classes
from ml_stages.evaluation.evaluate import Aids, EvaluateConfig
from ml_stages.evaluation.files import evaluate_files, read_table
from ml_stages.evaluation.read import check_labels
from ml_stages.sealed.ledger import Ledger

CONFIG = EvaluateConfig(
    task="classification",
    data=DataConfig(path="loans.csv", label="approved"),
    evaluation=EvaluationConfig(slices=["region"]),
)


def table(seed: int, rows: int = 300) -> pl.DataFrame:
    truth = (np.random.default_rng(5).random(rows) < 0.4).astype(int)
    score = 1 / (1 + np.exp(-2 * truth + 1 - np.random.default_rng(seed).normal(size=rows)))
    return pl.DataFrame(
        {
            "key": range(rows),
            "label": truth,
            "prediction": (score > 0.5).astype(int),
            "probability": score,
            "region": ["north", "south", "east"] * (rows // 3),
        }
    )


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_both_kinds_of_file_give_the_same_report(tmp_path: Path, suffix: str) -> None:
    """Saving the same predictions in another format would change the verdict."""
    one, other = table(1), table(2)
    for name, content in (("new", one), ("old", other.drop("label"))):
        getattr(content, f"write_{suffix}")(tmp_path / f"{name}.{suffix}")
    report = evaluate_files(tmp_path / f"new.{suffix}", tmp_path / f"old.{suffix}", CONFIG)
    f1, auc = report.metric("f1"), report.metric("roc_auc")
    assert f1 is not None
    assert auc is not None
    assert f1.value == pytest.approx(f1_score(one["label"], one["prediction"]))
    assert auc.value == pytest.approx(roc_auc_score(one["label"], one["probability"]))
    assert report.comparison("roc_auc") is not None
    assert [part.where["region"] for part in report.slices] == ["east", "north", "south"]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_labels_that_are_written_otherwise_are_the_same(tmp_path: Path, suffix: str) -> None:
    """A baseline whose tool writes 1.0 for 1, or keys as numbers, could not be compared with."""
    one, other = table(1), table(2).with_columns(pl.col("label").cast(pl.Float64))
    for name, content in (("new[1]", one), ("old[1]", other)):  # nor is a bracket in a name a pattern
        getattr(content, f"write_{suffix}")(tmp_path / f"{name}.{suffix}")
    report = evaluate_files(tmp_path / f"new[1].{suffix}", tmp_path / f"old[1].{suffix}", CONFIG)
    assert report.comparison("f1") is not None


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_row_may_have_no_label_at_all(tmp_path: Path, suffix: str) -> None:
    """Texts without any tag, which most tagged texts are, would be refused as not answered."""
    texts = pl.DataFrame(
        {
            "key": range(6),
            "label": ["a", "", None, "a|b", "b", ""],
            "prediction": ["a", None, "", "a", "b", "a"],
        }
    )
    getattr(texts, f"write_{suffix}")(tmp_path / f"tags.{suffix}")
    config = EvaluateConfig(task="multilabel", data=CONFIG.data)
    report = evaluate_files(tmp_path / f"tags.{suffix}", None, config)
    exact = report.metric("subset_accuracy")
    assert exact is not None
    assert exact.value == pytest.approx(4 / 6)


def test_a_baseline_on_other_labels_is_an_error(tmp_path: Path) -> None:
    """Two models would be compared on different truths."""
    table(1).write_csv(tmp_path / "new.csv")
    other = table(2).with_columns(label=1 - pl.col("label"))
    other.write_csv(tmp_path / "old.csv")
    with pytest.raises(StageError, match="300 rows have another label"):
        evaluate_files(tmp_path / "new.csv", tmp_path / "old.csv", CONFIG)


def test_labels_written_in_another_way_are_shown_side_by_side(tmp_path: Path) -> None:
    """Whoever has `true` in one file and 1 in the other would be told that labels differ, and not how."""
    labels = {"new": pl.lit(value=True), "old": pl.lit(1)}
    for name, label in labels.items():
        table(1).select("key", "prediction", label=label).write_parquet(tmp_path / f"{name}.parquet")
    with pytest.raises(StageError, match="the first is '1' here and 'true' there"):
        evaluate_files(tmp_path / "new.parquet", tmp_path / "old.parquet", CONFIG)


@pytest.mark.parametrize("number", [1e46, 1e60, 1e200])
@pytest.mark.parametrize("name", ["label", "prediction"])
def test_numbers_too_large_to_square_are_refused(name: str, number: float, tmp_path: Path) -> None:
    """A broken regression model (1e200 for one row) ended the command in a traceback, with no verdict."""
    numbers = table(1).select("key", label=pl.lit(1.0), prediction=pl.lit(2.0))
    numbers = numbers.with_columns(
        pl.when(pl.int_range(pl.len()) == 7).then(-number).otherwise(name).alias(name)
    )
    numbers.write_parquet(tmp_path / "new.parquet")
    config = EvaluateConfig(task="regression", data=CONFIG.data)
    with pytest.raises(StageError, match=f"'{name}' is beyond 1e.45 in 1 rows"):
        evaluate_files(tmp_path / "new.parquet", None, config)


def test_one_probability_for_three_classes_is_an_error(tmp_path: Path) -> None:
    """A probability would be taken for that of some class."""
    wide = table(1).with_columns(label=pl.Series([0, 1, 2] * 100))
    wide.write_csv(tmp_path / "new.csv")
    with pytest.raises(StageError, match="positive class's of two"):
        evaluate_files(tmp_path / "new.csv", None, CONFIG)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"label": pl.Series([0.0, 1.0, float("nan")] * 100)}, "100 rows have no label (keys: 2, 5"),
        ({"label": pl.Series([["a"], ["b"], ["a", "b"]] * 100)}, "'label' holds List(String) in each row"),
        ({"prediction": pl.Series([[0], [1], [1]] * 100)}, "'prediction' holds List(Int64) in each row"),
        ({"region": pl.Series([["north"], ["south"], []] * 100)}, "'region', which holds List(String)"),
        ({"probability_1": pl.Series([0.5] * 300)}, "'probability' stands beside probability_1"),
    ],
)
def test_columns_of_parquet_that_say_nothing_clear_are_named(
    tmp_path: Path, columns: dict[str, pl.Series], said: str
) -> None:
    """What no CSV can hold would end in a traceback, without any report."""
    table(1).with_columns(**columns).write_parquet(tmp_path / "new.parquet")
    with pytest.raises(StageError, match=re.escape(said)):
        evaluate_files(tmp_path / "new.parquet", None, CONFIG)


def test_groups_have_a_name_each(tmp_path: Path) -> None:
    """All rows whose group is NaN would be one group."""
    table(1).with_columns(region=pl.Series([1.0, 2.0, float("nan")] * 100)).write_parquet(
        tmp_path / "new.parquet"
    )
    config = CONFIG.model_copy(update={"evaluation": EvaluationConfig(cluster="region")})
    with pytest.raises(StageError, match="cluster: 100 rows have no value in 'region'"):
        evaluate_files(tmp_path / "new.parquet", None, config)


def test_sensitive_keys_are_not_named(tmp_path: Path) -> None:
    """A message about a row would tell whose it is."""
    data = DataConfig(path="x.csv", label="y", columns={"key": ColumnRule(sensitive=True)})
    hiding = CONFIG.model_copy(update={"data": data})
    names = pl.Series("key", [f"Ada {row}" for row in range(300)])
    named = table(1).with_columns(names)
    named.write_csv(tmp_path / "new.csv")
    others = names.str.replace("Ada 7$", "Bob 7")
    wrong = {
        "other.csv": (table(2).with_columns(others), "(keys: (masked 8)) and 1 predictions for other rows"),
        "twice.csv": (named.vstack(named.head(1)), "(keys: (masked 1))"),
        "empty.csv": (named.with_columns(prediction=pl.lit("")), "keys: (masked 1), (masked 2)"),
        "labels.csv": (named.with_columns(label=1 - named["label"]), "(keys: (masked 1), (masked 2)"),
    }
    for name, (rows, said) in wrong.items():
        rows.write_csv(tmp_path / name)
        with pytest.raises(StageError, match=re.escape(said)) as caught:
            evaluate_files(tmp_path / "new.csv", tmp_path / name, hiding)
        assert "Ada" not in str(caught.value)
        assert "Bob" not in str(caught.value)
    mine = evaluate_files(tmp_path / "new.csv", None, hiding)
    assert mine == evaluate_files(tmp_path / "new.csv", None, CONFIG)


@pytest.mark.parametrize("label", ["label", "salary"])
def test_labels_that_differ_are_not_shown_where_they_are_sensitive(tmp_path: Path, label: str) -> None:
    """If this fails, two files of predictions that do not match write somebody's label into the log."""
    table(1).write_csv(tmp_path / "new.csv")
    table(2).with_columns(label=1 - pl.col("label")).write_csv(tmp_path / "old.csv")
    data = DataConfig(path="x.csv", label="salary", columns={label: ColumnRule(sensitive=True)})
    with pytest.raises(StageError, match="300 rows have another label") as refused:
        evaluate_files(tmp_path / "new.csv", tmp_path / "old.csv", CONFIG.model_copy(update={"data": data}))
    assert "the first is" not in str(refused.value)


def test_a_sealed_holdout_knows_rows_by_keys_that_it_does_not_show(tmp_path: Path) -> None:
    """Marking the key as sensitive would make other rows the sealed ones, and their answers free again."""
    data = DataConfig(path="x.csv", label="y", columns={"key": ColumnRule(sensitive=True)})
    config = CONFIG.model_copy(update={"sealed": SealedConfig(min=0.5), "evaluation": EvaluationConfig()})
    table(1).write_csv(tmp_path / "new.csv")
    aids = Aids(Ledger(tmp_path / "ledger"))
    first = evaluate_files(tmp_path / "new.csv", None, config, aids).sealed
    again = evaluate_files(tmp_path / "new.csv", None, config.model_copy(update={"data": data}), aids).sealed
    assert first is not None
    assert again is not None
    assert (first.rows, again.rows, again.repeated) == (again.rows, first.rows, True)


def test_two_columns_of_one_class_are_an_error(tmp_path: Path) -> None:
    """Of two different probabilities of the same class one would be judged, and nobody knows which."""
    share = pl.col("probability")
    both = table(1).with_columns((1 - share).alias("probability_1.0"), share.alias("probability_1"))
    both.drop("probability").write_csv(tmp_path / "new.csv")
    with pytest.raises(StageError, match=r"probability_1\.0 and probability_1 are the same class's"):
        evaluate_files(tmp_path / "new.csv", None, CONFIG)


def test_the_probability_of_one_class_of_three_is_an_error(tmp_path: Path) -> None:
    """The others would count as impossible, and a calibration of zeros for classes that occur would pass."""
    three = table(1).with_columns(label=pl.Series([0, 1, 2] * 100)).rename({"probability": "probability_0"})
    three.write_csv(tmp_path / "new.csv")
    with pytest.raises(
        StageError, match="300 rows have probabilities outside 0 to 1 or that do not sum to 1"
    ):
        evaluate_files(tmp_path / "new.csv", None, CONFIG)
    table(1).rename({"probability": "probability_0"}).write_csv(tmp_path / "two.csv")
    assert evaluate_files(tmp_path / "two.csv", None, CONFIG).metric("roc_auc") is not None


def test_files_that_cannot_be_read_are_wrong_usage(tmp_path: Path) -> None:
    """A typing mistake in a path would look like a broken pipeline."""
    (tmp_path / "new.json").write_text("{}")
    for name in ("none.csv", "new.json"):
        with pytest.raises(UsageError, match=name):
            evaluate_files(tmp_path / name, None, CONFIG)


def test_a_file_that_is_no_table_ends_the_evaluation(tmp_path: Path) -> None:
    """A torn file would leave no report: what is in a file is judged, that it is there is usage."""
    (tmp_path / "broken.parquet").write_text("no parquet")
    with pytest.raises(StageError, match=r"broken\.parquet: cannot be read as \.parquet"):
        evaluate_files(tmp_path / "broken.parquet", None, CONFIG)


def test_a_file_without_labels_is_an_error(tmp_path: Path) -> None:
    """Nothing could be judged, and the reason would be a traceback."""
    table(1).drop("label").write_csv(tmp_path / "new.csv")
    with pytest.raises(StageError, match="'label' is missing"):
        evaluate_files(tmp_path / "new.csv", None, CONFIG)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_columns_that_nobody_asks_for_are_not_read(tmp_path: Path, suffix: str) -> None:
    """A file with the features beside the predictions would be judged at the price of reading them all."""
    path = tmp_path / f"new.{suffix}"
    getattr(table(1).with_columns(note=pl.lit("long text")), f"write_{suffix}")(path)
    assert read_table(path, wanted=["label", "region"]).columns == table(1).columns
    assert "note" in read_table(path, wanted=["label", "state"]).columns  # to be named beside what is missing
    assert [part.where["region"] for part in evaluate_files(path, None, CONFIG).slices] == [
        "east",
        "north",
        "south",
    ]


@pytest.mark.parametrize(
    "keys",
    [
        pl.Series([3, 1, 2, 1]),
        pl.Series([1, 2, 2, 3]),
        pl.concat([pl.Series([1, 5]), pl.Series([5, 9])], rechunk=False),
        pl.Series(["b", "a", "b", "c"]),
        pl.Series(["1", "2", "2", "3"]),
    ],
    ids=["any order", "ascending", "in parts", "text", "numbers as text"],
)
def test_a_key_that_occurs_twice_is_an_error(keys: pl.Series) -> None:
    """One row would be judged by another's label."""
    with pytest.raises(StageError, match="1 keys occur more than once, on 2 rows"):
        check_labels(pl.DataFrame({"key": keys, "label": [0, 1, 0, 1]}), "labels")


@pytest.mark.parametrize(
    "keys", [["07", "7", "8", "9"], ["1", "2", "10", "x"], ["9", "10", "11", "99999999999999999999"]]
)
def test_keys_that_look_like_numbers_are_texts(keys: list[str]) -> None:
    """A shortcut for row numbers would refuse keys that differ as they are written."""
    check_labels(pl.DataFrame({"key": keys, "label": [0, 1, 0, 1]}), "labels")
    with pytest.raises(StageError, match="1 keys occur more than once"):
        check_labels(pl.DataFrame({"key": [*keys, keys[0]], "label": [0, 1, 0, 1, 1]}), "labels")


@pytest.mark.parametrize(
    "labels",
    [
        [0, 1, 1, 0],
        [1, 2, 2, 1],
        [-1, 1, 1, -1],
        [7, 7, 9, 9],
        [0, 2, 1, 0],
        [-100, 100, 100, -100],  # their difference is no number of 8 bits
    ],
)
@pytest.mark.parametrize("dtype", [pl.Int8, pl.Int64, pl.String])
def test_labels_become_codes_whatever_their_numbers(labels: list[int], dtype: type[pl.DataType]) -> None:
    """A shortcut for labels 0 and 1 would turn other labels into wrong classes."""
    values = pl.Series("label", labels).cast(dtype)
    predictions = pl.DataFrame({"key": ["a", "b", "c", "d"], "prediction": values})
    classes = known_classes(values, predictions, None)
    rows = classified(values, predictions, classes, "predictions")
    assert [int(classes[code]) for code in rows.truth] == labels
    assert rows.predicted.tolist() == rows.truth.tolist()


def test_a_model_makes_no_other_metric_of_recall(tmp_path: Path) -> None:
    """A column for a class that no row has would turn recall into an average over classes, which passes."""
    rows = "".join(f"{n},{'yes' if n % 10 == 0 else 'no'},no,0.9,0.1,0\n" for n in range(100))
    (tmp_path / "mine.csv").write_text(
        f"key,label,prediction,probability_no,probability_yes,probability_unknown\n{rows}"
    )
    for positive in (None, "yes"):
        config = EvaluateConfig(
            task="classification", data=DataConfig(path="x.csv", label="y", positive=positive)
        )
        with pytest.raises(StageError, match=r"labels of the holdout are no and yes, .* of unknown, too"):
            evaluate_files(tmp_path / "mine.csv", None, config)


def test_a_positive_class_is_one_of_two() -> None:
    """One row of a third class would make averages of precision, recall and F1, whatever `positive`."""
    labels = pl.Series("label", ["no", "yes", "unknown"])
    predictions = pl.DataFrame({"key": labels, "prediction": labels})
    with pytest.raises(StageError, match="two classes, and the label has 3: no, unknown, yes"):
        known_classes(labels, predictions, "yes")
    assert len(known_classes(labels, predictions, None)) == 3


def test_many_classes_have_codes_of_their_own() -> None:
    """Codes of 8 bits would make the 129th class one of the others."""
    values = pl.Series("label", [f"class {number}" for number in range(300)])
    predictions = pl.DataFrame({"key": values, "prediction": values.reverse()})
    rows = classified(values, predictions, known_classes(values, predictions, None), "predictions")
    assert [rows.classes[code] for code in rows.truth] == values.to_list()
    assert [rows.classes[code] for code in rows.predicted] == values.to_list()[::-1]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize(("renamed", "strange"), [(10, False), (11, True), (250, True)])
def test_a_baseline_with_other_classes_is_not_beaten(
    tmp_path: Path, suffix: str, renamed: int, strange: bool
) -> None:
    """Each row of a class that was renamed since counted against the baseline, and a worse model passed."""
    place = pl.int_range(pl.len())
    other = pl.when(place < renamed).then(pl.lit("rejected")).otherwise(pl.col("prediction").cast(pl.String))
    files = {"new": table(1), "old": table(2).with_columns(prediction=other).drop("label", "probability")}
    for name, content in files.items():
        getattr(content, f"write_{suffix}")(tmp_path / f"{name}.{suffix}")
    both = tmp_path / f"new.{suffix}", tmp_path / f"old.{suffix}"
    report = evaluate_files(*both, CONFIG)
    assert report.metric("accuracy") is not None
    if strange:
        said = rf"{renamed} of 300 rows .* no label has \(rejected;.* 0, 1\)"
        assert re.search(said, report.uncompared)
        assert report.comparisons == []
        assert f"not compared: {report.uncompared}" in report.notes
    else:
        assert report.uncompared == ""
        assert report.comparison("accuracy") is not None


@pytest.mark.parametrize(("predicted", "strange"), [("red|rund", True), ("rot|rund", False)])
def test_a_baseline_of_labels_with_other_names_is_not_beaten(
    tmp_path: Path, predicted: str, strange: bool
) -> None:
    """Of sets, too, each label that was renamed since counted against the baseline, and hid a regression."""
    keys = [f"row {number}" for number in range(90)]
    new = {"key": keys, "label": ["rot", "rot|rund", ""] * 30, "prediction": ["rund", "rot|rund", ""] * 30}
    pl.DataFrame(new).write_csv(tmp_path / "new.csv")
    old = {"key": keys, "prediction": ["rot", predicted, "rund"] * 30}
    pl.DataFrame(old).write_csv(tmp_path / "old.csv")
    config = EvaluateConfig(task="multilabel", data=CONFIG.data)
    report = evaluate_files(tmp_path / "new.csv", tmp_path / "old.csv", config)
    assert report.metrics == evaluate_files(tmp_path / "new.csv", None, config).metrics
    assert ("30 of 90 rows are predicted as a class that no label has (red;" in report.uncompared) == strange
    assert (report.comparison("jaccard") is None) == strange


def test_a_rare_class_that_both_models_know_is_none_of_other_classes(tmp_path: Path) -> None:
    """A class that this holdout happens not to hold would make every baseline incomparable."""
    place = pl.int_range(pl.len())
    other = pl.when(place < 40).then(pl.lit("2")).otherwise(pl.col("prediction").cast(pl.String))
    for name, seed in (("new", 1), ("old", 2)):
        content = table(seed).with_columns(prediction=other).drop("probability")
        content.write_csv(tmp_path / f"{name}.csv")
    assert (
        evaluate_files(tmp_path / "new.csv", tmp_path / "old.csv", CONFIG).comparison("accuracy") is not None
    )


@pytest.mark.parametrize("others", [["NA", "null"], ["0", "10", "inf"], ["yes"]])
def test_a_class_called_nan_stands_in_one_place(others: list[str]) -> None:
    """Intervals would be others in each run, and of two classes now one and now the other be the positive."""
    names = ["nan", *others]
    orders = {
        known_classes(pl.Series(order), pl.DataFrame({"prediction": order}), None)
        for order in permutations(names)
    }
    numbers = sorted((name for name in names if name.isdigit()), key=float)
    assert orders == {(*numbers, *sorted(set(names) - set(numbers)))}


def test_names_with_quotes_are_those_of_the_classes_and_slices(tmp_path: Path) -> None:
    """Polars reads the header's `"q""t"` with both quotes: another class, of which no label is one."""
    named, probability = (
        pl.col("label", "prediction").replace_strict({0: '"no"', 1: 'q"t'}),
        pl.col("probability"),
    )
    content = table(1).with_columns(named, (1 - probability).alias('probability_"no"'))
    content = content.rename({"probability": 'probability_q"t', "region": 'the "region"'})
    evaluation = EvaluationConfig(slices=['the "region"'])
    config = EvaluateConfig(task="classification", data=CONFIG.data, evaluation=evaluation)
    content.write_csv(tmp_path / "new.csv")
    content.write_parquet(tmp_path / "new.parquet")
    report = evaluate_files(tmp_path / "new.csv", None, config)
    assert report == evaluate_files(tmp_path / "new.parquet", None, config)
    assert len(report.slices) == 3
