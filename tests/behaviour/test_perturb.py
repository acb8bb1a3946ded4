"""Changed rows, and what is counted of the answers to them."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from ml_stages.behaviour.measure import Holdout, behaviours
from ml_stages.behaviour.part import Part
from ml_stages.behaviour.perturb import change, different, run
from ml_stages.data.schema import FeatureSchema, LabelSchema, Schema
from ml_stages.evaluation.evaluate import run as evaluate
from ml_stages.evaluation.metrics_report import Behaviour, Metric
from ml_stages.evaluation.predicted_shares import Shares
from ml_stages.job import Job

SCHEMA = {
    "age": FeatureSchema(name="age", type="int", nullable=True, min=0, max=100),
    "pay": FeatureSchema(name="pay", type="float", nullable=True),
    "city": FeatureSchema(name="city", type="string", nullable=True),
}
TEXTS = pl.DataFrame({"age": ["30", "40", ""], "pay": ["1.5", "x", "2.5"], "city": ["Rome", "Oslo", ""]})
TYPED = pl.DataFrame({"age": [30, 40, None], "pay": [1.5, None, 2.5], "city": ["Rome", "Oslo", None]})


def part(**fields: Any) -> Part:
    return Part.model_validate({"gate": "g", "variant": "v", **fields})


@pytest.mark.parametrize("rows", [TEXTS, TYPED], ids=["csv", "parquet"])
def test_each_change_does_what_it_says(rows: pl.DataFrame) -> None:
    """The gate would judge predictions for rows that were changed otherwise, or not at all."""
    text = rows["age"].dtype == pl.String

    def column(name: str, **fields: Any) -> list[Any]:
        return change(rows, SCHEMA, part(**fields))[name].to_list()

    empty = "" if text else None
    assert column("city", operation="set", column="city", value="Bonn") == ["Bonn"] * 3
    assert column("age", operation="set", column="age", value=7) == (["7"] * 3 if text else [7] * 3)
    assert column("age", operation="add", column="age", value=5) == (
        ["35", "45", ""] if text else [35, 45, None]
    )
    doubled = column("pay", operation="multiply", column="pay", value=2)
    assert [float(doubled[0]), float(doubled[2])] == [3.0, 5.0]
    assert doubled[1] == ("x" if text else None), "what is no number stays what it is"
    assert column("age", operation="missing", value=1.0) == [empty] * 3
    outside = change(rows, SCHEMA, part(operation="outside", value=10.0))
    assert float(outside["age"][0]) == 140
    assert set(outside["city"]) == {"a value that was never seen"}


def test_noise_stays_in_range_and_in_type() -> None:
    """Noise would make ages of 30.7 or -3, which the data forbids: a fault of the test, not of the model."""
    rows = pl.DataFrame({"age": np.arange(100), "pay": np.arange(100.0), "city": ["Rome"] * 100})
    noisy = change(rows, SCHEMA, part(operation="noise", value=1.0))
    assert noisy["age"].dtype == pl.Int64
    assert noisy["age"].is_between(0, 100).all()
    assert 0.7 < float((noisy["pay"] - rows["pay"]).std() / rows["pay"].std()) < 1.3  # type: ignore[operator,arg-type]
    assert noisy["city"].equals(rows["city"])
    assert noisy.equals(change(rows, SCHEMA, part(operation="noise", value=1.0))), "another run, other rows"


def _stage(folder: Path, gates: list[dict[str, Any]], **evaluation: Any) -> Job:
    for name in ("schema", "holdout-features", "train-set", "perturbed-rows"):
        (folder / name).mkdir()
    features = [feature.model_dump() for feature in SCHEMA.values()]
    label = {"name": "ok", "type": "string"}
    (folder / "schema" / "schema.json").write_text(
        json.dumps({"features": features, "label": label, "key": ["id"]})
    )
    TEXTS.write_csv(folder / "holdout-features" / "features.csv")
    pl.DataFrame({"key": ["a", "b", "c"]}).write_csv(folder / "holdout-features" / "keys.csv")
    TEXTS.with_columns(ok=pl.Series(["no", "yes", "no"]), id=pl.Series([7, 8, 9])).write_csv(
        folder / "train-set" / "train.csv"
    )
    return Job.model_validate(
        {
            "stage": "perturb",
            "config": {"data": {"path": "x.csv", "label": "ok"}, "gates": gates, "evaluation": evaluation},
            "inputs": {name: folder / name for name in ("schema", "holdout-features", "train-set")},
            "outputs": {"perturbed-rows": folder / "perturbed-rows"},
            "report": folder / "report.json",
        }
    )


def test_the_stage_writes_a_folder_for_each_change(tmp_path: Path) -> None:
    """A gate inside another would be forgotten, or the train set's labels handed to the predictor."""
    inner = {"kind": "invariance", "column": "city", "values": ["Rome", "Oslo"], "rows": 2}
    gates: list[dict[str, Any]] = [
        {"kind": "all", "gates": [inner]},
        {"kind": "threshold", "metric": "f1", "min": 0.5},
        {"kind": "overfit-gap", "metric": "f1", "max": 0.1},
    ]
    run(_stage(tmp_path, gates))
    parts = sorted((tmp_path / "perturbed-rows").iterdir())
    assert len(parts) == 3
    first = pl.read_csv(parts[0] / "features.csv", infer_schema=False)
    assert first["city"].to_list() == ["Rome", "Rome"]
    assert pl.read_csv(parts[0] / "keys.csv").height == 2
    trained = pl.read_csv(parts[2] / "features.csv", infer_schema=False)
    assert trained.columns == ["age", "pay", "city"]
    assert pl.read_parquet(parts[2] / "labels.parquet")["label"].to_list() == ["no", "yes", "no"]


@pytest.mark.parametrize(
    ("gate", "fault"),
    [
        (
            {"kind": "invariance", "column": "sex", "values": ["m"]},
            "'sex' is no feature; there are: age, pay, city",
        ),
        (
            {"kind": "directional", "column": "city", "add": 1, "moves": "up"},
            "'city' is no number, but string: it cannot be moved",
        ),
    ],
)
def test_a_gate_that_does_not_fit_the_data_says_so_and_leaves_the_others_alone(
    tmp_path: Path, gate: dict[str, Any], fault: str
) -> None:
    """A gate on what the model never sees would pass, or its spelling would end every other gate."""
    other = {"kind": "invariance", "column": "city", "values": ["Oslo"]}
    run(_stage(tmp_path, [gate, other]))
    wrong, right = (tmp_path / "perturbed-rows" / name for name in ("0000", "0001"))
    assert Part.model_validate_json((wrong / "part.json").read_text()).fault == fault
    assert sorted(file.name for file in wrong.iterdir()) == ["part.json"]
    assert (right / "features.csv").is_file()


def test_rows_that_a_change_leaves_as_they_are_are_not_asked_for(tmp_path: Path) -> None:
    """A gate would pass on rows that hold the value already, of which every model keeps its prediction."""
    gates: list[dict[str, Any]] = [
        {"kind": "invariance", "column": "age", "values": [30.0, 30], "name": "age"},
        {"kind": "directional", "column": "age", "add": 0.4, "moves": "up", "name": "step"},
        {"kind": "robustness", "noise": 0, "outside": 0, "missing": 1},
    ]
    job = _stage(tmp_path, gates)
    schema = json.loads((tmp_path / "schema" / "schema.json").read_text())
    for feature in schema["features"]:
        feature["nullable"] = False
    (tmp_path / "schema" / "schema.json").write_text(json.dumps(schema))
    run(job)
    folders = sorted((tmp_path / "perturbed-rows").iterdir())
    parts = [Part.model_validate_json((folder / "part.json").read_text()) for folder in folders]
    assert pl.read_csv(folders[0] / "keys.csv")["key"].to_list() == ["b", "c"], "the row of 30 stays out"
    assert pl.read_csv(folders[0] / "features.csv")["age"].to_list() == [30, 30], "30.0 in a column of int"
    assert pl.read_csv(folders[1] / "keys.csv")["key"].to_list() == ["b", "c"]
    assert "lost in rounding" in parts[2].idle
    assert "no column may be null" in parts[3].idle


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        (["1.50", "x", ""], ["1.5", "y", "NA"], [True, True, True]),
        (["1.5", "2", "3"], ["1.51", "2.0", ""], [False, True, False]),
    ],
)
def test_numbers_are_the_same_however_they_are_written(
    before: list[str], after: list[str], same: list[bool]
) -> None:
    """Noise of nothing would count as a change, since 1.50 was written as 1.5."""
    schema = Schema(
        features=[SCHEMA["pay"]], label=LabelSchema(name="ok", type="int"), key=[], null_values=["NA"]
    )
    tables = (pl.DataFrame({"pay": before}), pl.DataFrame({"pay": after}))
    assert different(*tables, schema).to_list() == [not one for one in same]


def test_a_value_of_another_type_is_no_null() -> None:
    """A misspelt value would be judged as a missing one (Parquet), and the gate pass or fail for that."""
    for column, value in (("age", "abc"), ("pay", "much")):
        with pytest.raises(Exception, match=f"'{value}' is no (int|float), as '{column}' is"):
            change(TYPED, SCHEMA, part(operation="set", column=column, value=value))


def test_a_date_is_set_by_its_text_whatever_the_file() -> None:
    """A date in Parquet would become a null, and the gate judge the missing value."""
    kinds: dict[str, tuple[Any, Any]] = {
        "date": (pl.Date, date(2024, 5, 5)),
        "local": (pl.Datetime("us"), datetime(2024, 5, 5, 10)),  # noqa: DTZ001 - it has no zone
        "utc": (pl.Datetime("ms", "UTC"), datetime(2024, 5, 5, 8, tzinfo=UTC)),
    }
    rows = pl.DataFrame({name: pl.Series([None], dtype=kind) for name, (kind, _) in kinds.items()})
    for name, (kind, expected) in kinds.items():
        text = {"date": "2024-05-05", "local": "2024-05-05T10:00", "utc": "2024-05-05T10:00+02:00"}[name]
        schema = {
            name: FeatureSchema(name=name, type="date" if name == "date" else "datetime", nullable=True)
        }
        changed = change(rows, schema, part(operation="set", column=name, value=text))[name]
        assert changed.dtype == kind
        assert changed.to_list() == [expected]
        with pytest.raises(Exception, match="'5th of may' is no date"):
            change(rows, schema, part(operation="set", column=name, value="5th of may"))


def test_a_large_whole_number_stays_one() -> None:
    """A number out of the range of 64 bits would become a null, and the predictor be blamed for it."""
    rows = pl.DataFrame({"age": [-(2**62), 2**62], "pay": [1.0, 2.0], "city": ["Rome", "Oslo"]})
    moved = change(rows, SCHEMA, part(operation="outside", value=10.0))["age"]
    assert moved.null_count() == 0
    assert int(moved[0]) > 2**62


def _measured(
    folder: Path, change: Part, answers: pl.DataFrame | str | None, *, numeric: bool = False
) -> Behaviour:
    rows, said = folder / "rows" / "0000", folder / "said" / "0000"
    rows.mkdir(parents=True)
    said.mkdir(parents=True)
    (rows / "part.json").write_text(change.model_dump_json())
    pl.DataFrame({"key": ["a", "b", "c"]}).write_csv(rows / "keys.csv")
    pl.DataFrame({"key": ["a", "b", "c"], "label": ["1", "0", "1"]}).write_parquet(rows / "labels.parquet")
    if isinstance(answers, str):
        (said / "error.json").write_text(json.dumps({"error": answers}))
    elif answers is not None:
        answers.write_csv(said / "predictions.csv")
    before = pl.DataFrame({"key": ["c", "b", "a"], "prediction": ["1", "0", "1"]})
    before = before.with_columns(
        probability_0=pl.Series([0.4, 0.9, 0.2]), probability_1=pl.Series([0.6, 0.1, 0.8])
    )
    if numeric:
        before = before.select("key", pl.col("prediction").cast(pl.Float64))

    def judge(labels: pl.DataFrame, predictions: pl.DataFrame) -> list[Metric]:
        return [Metric(name="rows", value=labels.join(predictions, on="key").height)]

    groups = np.arange(3)
    holdout = Holdout(before, numeric, None, lambda keys: Shares(0.95, groups[: keys.height]))
    (found,) = behaviours(folder / "rows", folder / "said", holdout, judge)
    return found


ANSWERS = pl.DataFrame(
    {
        "key": ["a", "b", "c"],
        "prediction": ["1", "1", "1"],
        "probability_0": [0.1, 0.3, 0.5],
        "probability_1": [0.9, 0.7, 0.5],
    }
)


def test_rows_that_break_the_rule_are_counted_by_key(tmp_path: Path) -> None:
    """Predictions would be compared with those of other rows."""
    same = _measured(tmp_path / "1", part(operation="set"), ANSWERS)
    assert (same.broken, same.examples) == (1, ["b"])
    up = _measured(tmp_path / "2", part(operation="add", expects="increase"), ANSWERS)
    assert (up.broken, up.examples) == (1, ["c"])
    down = _measured(tmp_path / "3", part(operation="add", expects="increase", of="0"), ANSWERS)
    assert (down.broken, down.examples) == (2, ["a", "b"])
    allowed = _measured(tmp_path / "4", part(operation="add", expects="increase", tolerance=0.2), ANSWERS)
    assert allowed.broken == 0
    anything = _measured(tmp_path / "5", part(operation="missing", expects="any"), ANSWERS)
    assert anything.broken == 0


def test_rounding_is_no_change_of_a_number(tmp_path: Path) -> None:
    """A sum that is rounded otherwise among fewer rows would fail a model that ignores the column."""
    answers = ANSWERS.with_columns(
        probability_1=pl.Series([0.8 - 1e-9, 0.1, 0.6 - 1e-4]), probability_0=pl.Series([0.2, 0.9, 0.4])
    )
    found = _measured(tmp_path / "1", part(operation="add", expects="increase"), answers)
    assert (found.broken, found.examples, found.moved) == (1, ["c"], 1)
    numbers = pl.DataFrame({"key": ["a", "b", "c"], "prediction": [1.0 + 1e-9, 0.0, 1.0]})
    assert _measured(tmp_path / "2", part(operation="noise"), numbers, numeric=True).broken == 0


def test_a_class_that_is_not_there_is_a_fault_of_the_gate_alone(tmp_path: Path) -> None:
    """A misspelt class in one gate would end the evaluation, and with it every other gate."""
    found = _measured(tmp_path, part(operation="add", expects="increase", of="yes"), ANSWERS)
    assert "`of` names the class 'yes'; there are: 0, 1" in found.fault


def test_a_predictor_that_leaves_before_it_answered_is_an_error_of_its_own(tmp_path: Path) -> None:
    """`os._exit(0)` on bad rows would end the evaluation with a traceback of ours."""
    found = _measured(tmp_path, part(operation="missing", expects="any"), None)
    assert "ended its process before it had answered" in found.error


def test_numbers_may_move_by_the_tolerance(tmp_path: Path) -> None:
    """Rounding would count as a change of the prediction."""
    answers = pl.DataFrame({"key": ["a", "b", "c"], "prediction": [1.05, 0.0, 1.5]})
    found = _measured(tmp_path, part(operation="noise", tolerance=0.1), answers, numeric=True)
    assert (found.rows, found.broken, found.examples) == (3, 1, ["c"])


def test_a_predictor_that_raises_or_answers_nan_is_an_error_of_its_own(tmp_path: Path) -> None:
    """A crash on missing values would be no rows broken, which passes."""
    assert _measured(tmp_path / "1", part(operation="missing", expects="any"), "KeyError: 'x'").error
    empty = ANSWERS.with_columns(prediction=pl.Series(["1", None, "1"]))
    assert (
        "no usable value" in _measured(tmp_path / "2", part(operation="missing", expects="any"), empty).error
    )


def test_rows_of_the_train_set_are_judged_by_their_labels(tmp_path: Path) -> None:
    """The gap to the train set would be that of changed holdout rows."""
    found = _measured(tmp_path, part(operation="train"), ANSWERS)
    assert [metric.value for metric in found.metrics] == [3]


def test_rows_of_the_train_set_keep_what_they_belong_to(tmp_path: Path) -> None:
    """The gap to the train set would count a patient's visits as so many patients."""
    run(_stage(tmp_path, [{"kind": "overfit-gap", "metric": "f1", "max": 0.1}], cluster="city"))
    part = tmp_path / "perturbed-rows" / "0000"
    assert pl.read_parquet(part / "labels.parquet")["cluster"].to_list() == ["Rome", "Oslo", None]


def _evaluated(
    folder: Path, groups: int, cluster: str | None, otherwise: int = 0, **data: Any
) -> dict[str, Any]:
    """The report on 300 rows, of which changed ones and ones of the train set were predicted, too.

    Of the changed rows the first few are answered ``otherwise``.
    """
    keys = [f"k{number}" for number in range(300)]
    patient = [f"p{number * groups // 300}" for number in range(300)]
    truth = ["yes" if number % 3 else "no" for number in range(300)]
    said = ["no" if number % 10 == 0 else label for number, label in enumerate(truth)]
    folders = {name: folder / name for name in ("predictions", "holdout-labels")}
    folders |= {name: folder / name for name in ("perturbed-rows", "perturbed-predictions", "sealed-ledger")}
    for place in folders.values():
        place.mkdir(parents=True)
    answers = pl.DataFrame({"key": keys, "prediction": said})
    answers.write_csv(folders["predictions"] / "predictions.csv")
    pl.DataFrame({"key": keys, "label": truth, "patient": patient}).write_parquet(
        folders["holdout-labels"] / "labels.parquet"
    )
    for number, asked in enumerate((part(operation="set", column="sex", value="f"), part(operation="train"))):
        rows, answered = (folders[f"perturbed-{name}"] / f"{number:04d}" for name in ("rows", "predictions"))
        rows.mkdir()
        answered.mkdir()
        (rows / "part.json").write_text(asked.model_dump_json())
        pl.DataFrame({"key": keys}).write_csv(rows / "keys.csv")
        pl.DataFrame({"key": keys, "label": truth, "cluster": patient}).write_parquet(rows / "labels.parquet")
        changed = pl.when(pl.int_range(pl.len()) < otherwise).then(pl.lit("maybe")).otherwise("prediction")
        answers.with_columns(prediction=changed).reverse().write_csv(answered / "predictions.csv")
    evaluation = {"metrics": ["accuracy"], "cluster": cluster, "stricter": [2]}
    outputs = {"sealed-ledger": folders.pop("sealed-ledger")}
    data = {"path": "x.csv", "label": "y", **data}
    config = {"task": "classification", "data": data, "evaluation": evaluation}
    report = folder / "report.json"
    evaluate(Job(stage="evaluate", config=config, inputs=folders, outputs=outputs, report=report))
    found: dict[str, Any] = json.loads(report.read_text())
    return found


def test_changed_rows_are_counted_by_groups(tmp_path: Path) -> None:
    """Gates on behaviour would promise on 30 patients what only 300 independent rows could."""
    by_rows = _evaluated(tmp_path / "rows", 30, None)
    by_groups = _evaluated(tmp_path / "groups", 30, "patient")
    assert [one["share"]["method"] for one in by_rows["behaviours"][:1]] == ["Clopper-Pearson"]
    assert by_groups["behaviours"][0]["share"]["method"] == "cluster t over 30 groups"
    assert by_groups["behaviours"][1]["metrics"][0]["method"] == "cluster t over 30 groups"
    stricter = by_groups["stricter"]["2"]["behaviours"][1]["metrics"][0]
    assert stricter["confidence"] == 0.975
    assert stricter["lower"] < by_groups["behaviours"][1]["metrics"][0]["lower"]
    few = _evaluated(tmp_path / "few", 3, "patient")["behaviours"]
    assert few[0]["share"]["lower"] is None
    assert few[1]["metrics"][0]["lower"] is None
    assert "3 groups" in few[0]["share"]["note"]


def test_sensitive_keys_stand_in_no_report(tmp_path: Path) -> None:
    """If this fails, the verdict names patients whose rows broke a rule."""
    shown = _evaluated(tmp_path / "shown", 300, None, otherwise=2)
    rules = {"key": ["id"], "columns": {"id": {"sensitive": True}}}
    masked = _evaluated(tmp_path / "masked", 300, None, otherwise=2, **rules)
    found = masked["behaviours"][0]
    assert found["examples"] == ["(masked 2)", "(masked 1)"]
    assert shown["behaviours"][0]["examples"] == ["k1", "k0"]
    assert {**found, "examples": shown["behaviours"][0]["examples"]} == shown["behaviours"][0]
    assert masked["behaviours"][1] == shown["behaviours"][1], "rows of the train set have no keys"
