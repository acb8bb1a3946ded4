"""The stage data-validate: what it finds, and the schema that it hands on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ml_stages.data.frame import read_features
from tests.data.job import folder

GOOD = "id,x,s,y\n" + "".join(f"{n},{n / 3!r},{'ab'[n % 2]},{'yes' if n % 3 else 'no'}\n" for n in range(40))


def test_good_data_has_no_findings(tmp_path: Path) -> None:
    """If this fails, good data blocks a release."""
    report = folder(tmp_path, GOOD, key=["id"], max_duplicates=0).validate()
    assert report.findings == []
    assert (report.rows, report.columns) == (40, ["id", "x", "s", "y"])


EDGES: dict[str, tuple[bytes | str | pl.DataFrame, dict[str, Any], set[tuple[str, str | None]]]] = {
    "header only": ("id,y\n", {"min_rows": 1}, {("min-rows", None), ("classes", "y")}),
    "one row": ("x,y\n1,a\n", {}, {("classes", "y")}),
    "no columns": (pl.DataFrame(), {}, {("missing-column", "y")}),
    "all-null column": (
        "x,y\n,a\n,b\n",
        {"columns": {"x": {"type": "int"}}},
        {("nulls", "x"), ("constant", "x")},
    ),
    "label all null": ("x,y\n1,\n2,\n", {}, {("nulls", "y"), ("classes", "y")}),
    "label null text": ("x,y\n1,NA\n2,a\n3,b\n", {"null_values": ["NA"]}, {("nulls", "y")}),
    "NaN beside null": (
        pl.DataFrame({"x": [float("nan"), None, 1.0, 2.0], "y": list("abab")}),
        {"columns": {"x": {"max_null": 0.4}}},
        {("nulls", "x")},
    ),
    "no label column": ("x\n1\n2\n", {}, {("missing-column", "y")}),
    "no key column": ("x,y\n1,a\n2,b\n", {"key": ["id"]}, {("missing-column", "id")}),
    "key with nulls": ("id,y\n1,a\n,b\n", {"key": ["id"]}, {("nulls", "id")}),
    "key repeats": ("id,y\n1,a\n1,b\n", {"key": ["id"]}, {("unique", "id")}),
    "duplicate rows without a key": (
        "x,y\n1,a\n1,a\n2,b\n",
        {"max_duplicates": 0.1},
        {("duplicates", None)},
    ),
    "beyond 64 bits": (
        "n,y\n1,a\n99999999999999999999,b\n",
        {"columns": {"n": {"type": "int"}}},
        {("type", "n")},
    ),
    "lists": (pl.DataFrame({"l": [[1], [2]], "y": ["a", "b"]}), {}, {("type", "l")}),
    "too many classes": (
        "x,y\n" + "".join(f"{n},{n / 7}\n" for n in range(1_500)),
        {"balance": {"min_share": 0.01}},
        {("classes", "y")},
    ),
}


@pytest.mark.parametrize(("content", "config", "expected"), EDGES.values(), ids=list(EDGES))
def test_edges_end_in_findings(tmp_path: Path, content: Any, config: dict[str, Any], expected: Any) -> None:
    """If this fails, odd data ends in a traceback, or passes."""
    assert set(folder(tmp_path, content, **config).findings()) == expected


def test_a_column_without_a_name_is_called_so(tmp_path: Path) -> None:
    """A finding that begins with `: ` names no column; pandas writes an index so."""
    content = ",x,y\n" + "".join(f"{n},{n * 7 % 40},{'ab'[n % 2]}\n" for n in range(40))
    found = folder(tmp_path, content, columns={"": {"max": 10}}, max_label_information=1).finding("range")
    assert found.message.startswith("the column without a name: 72.50 % (29 of 40 rows) above 10")


def test_unreadable_data_is_a_finding(tmp_path: Path) -> None:
    """If this fails, a broken file is the pipeline's error rather than the data's."""
    report = folder(tmp_path, "x,y\n1,a\n2\n").validate()
    assert report.rows is None
    assert [finding.rule for finding in report.findings] == ["readable"]


@pytest.mark.parametrize(
    ("task", "expected"),
    [("classification", [("nulls", "y")]), ("regression", [("nulls", "y")]), ("multilabel", [])],
)
def test_only_of_several_labels_there_may_be_none(
    tmp_path: Path, task: str, expected: list[tuple[str, str]]
) -> None:
    """If this fails, rows without a label are silently lost, or rows with none of several are refused."""
    labels = {"classification": "ab", "regression": "12", "multilabel": ["a|b", "b"]}[task]
    content = "x,y\n" + "".join(f"{n * 7 % 41},{labels[n % 2] if n else ''}\n" for n in range(41))
    rules = {"columns": {"y": {"max_null": 0.5}}, "max_label_information": 1}
    assert folder(tmp_path, content, task=task, **rules).findings() == expected


def test_regression_has_no_classes(tmp_path: Path) -> None:
    """If this fails, a numeric label is judged as classes."""
    data = folder(tmp_path, "x,y\n1,2.5\n2,2.5\n", task="regression")
    assert data.findings() == []
    assert data.schema()["label"] == {"name": "y", "type": "float", "classes": None}


def test_schema_says_what_predictors_get(tmp_path: Path) -> None:
    """If this fails, the server takes other requests than the model was trained for."""
    data = folder(
        tmp_path,
        "id,n,t,group,s,y\n1,5,2024-01-01T00:00:00Z,g,,b\n2,6,2024-01-02T00:00:00Z,g,x,a\n",
        key=["id"],
        null_values=["-"],
        columns={
            "n": {"type": "int", "min": 0, "max": 9},
            "s": {"max_null": 0.5, "sensitive": True, "allowed": ["x"]},
            "group": {"feature": False},
        },
    )
    assert data.findings() == []
    schema = data.schema()
    assert [column["name"] for column in schema["features"]] == ["n", "t", "s"]
    n, t, s = schema["features"]
    assert (n["type"], n["nullable"], n["min"], n["max"]) == ("int", False, 0, 9)
    assert (t["type"], t["nullable"], t["utc"]) == ("datetime", True, True)
    assert (s["type"], s["nullable"], s["sensitive"], s["allowed"]) == ("string", True, True, ["x"])
    assert schema["label"] == {"name": "y", "type": "string", "classes": ["a", "b"]}
    assert (schema["key"], schema["null_values"]) == (["id"], ["-"])


VALUES = {
    "int": ["1", "-5", "", '""', "NA", "9223372036854775807"],
    "float": ["1", "1e-3", "nan", "", '""', "NA"],
    "bool": ["true", "FALSE", "1", "", '""', "NA"],
    "string": ["x", " NA", "", '""', "NA", '"a\nb"'],
    "date": ["2024-02-29", "", '""', "NA"],
    "datetime": ["2024-02-29", "2024-02-29T10:00", "2024-02-29 10:00:01.5", "", '""', "NA"],
}


@pytest.mark.parametrize("kind", sorted(VALUES))
def test_what_validates_can_be_given_to_a_predictor(tmp_path: Path, kind: str) -> None:
    """If this fails, data passes validation and the prediction on it fails, or sees other nulls."""
    content = "x,y\n" + "".join(f"{value},{n}\n" for n, value in enumerate(VALUES[kind] * 20))
    data = folder(
        tmp_path, content, null_values=["NA"], columns={"x": {"type": kind, "max_null": 1}}, holdout=0.9
    )
    assert data.findings() == []
    data.split()
    lacks = sum(text in {"", '""', "NA"} for text in VALUES[kind]) * 20
    assert sum(column.nulls for column in data.validated_profile().columns) == lacks
    frame = read_features(tmp_path / "holdout-features/features.csv", data.schema())
    texts = data.texts("holdout-features/features.csv")["x"]
    missing = [text in {None, "", "NA"} or (kind == "float" and text == "nan") for text in texts]
    assert frame["x"].isna().tolist() == missing


def test_profile_is_json_without_surprises(tmp_path: Path) -> None:
    """If this fails, infinities or huge numbers make profile.json unreadable."""
    data = folder(tmp_path, "x,n,y\ninf,9223372036854775807,a\n-inf,1,b\n")
    data.validate()
    profile = json.loads((tmp_path / "profile/profile.json").read_text(encoding="utf-8"))
    assert (profile["columns"][0]["min"], profile["columns"][0]["max"]) == ("-Infinity", "Infinity")
