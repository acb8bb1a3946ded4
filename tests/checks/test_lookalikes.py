"""Values that look alike, whole numbers at the edge of floats, and labels that are no numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ml_stages.checks.columns import nearest
from ml_stages.drift.files import drift_of_files
from ml_stages.errors import UsageError
from tests.data.job import folder

N = 24
LABEL = ["a", "b"] * (N // 2)
COMPOSED, DECOMPOSED = "\u00e9", "e\u0301"


@pytest.mark.parametrize(
    ("values", "alike"),
    [
        (["yes", "no", "yes ", "No"], [["No", "no"], ["yes", "yes "]]),
        (["1", "0", "1.0", "0"], [["1", "1.0"]]),
        ([COMPOSED, DECOMPOSED, "b", "c"], [[DECOMPOSED, COMPOSED]]),
        (["1.5", "1.50", "a b", "ab"], []),
        (["+1", "-1", "1", "2"], []),
    ],
)
def test_classes_that_look_alike(tmp_path: Path, values: list[str], alike: list[list[str]]) -> None:
    """If this fails, `yes ` is learnt as a class of its own, and nobody hears of it."""
    content = "x,y\n" + "".join(f"{n},{values[n % 4]}\n" for n in range(N))
    found = [one for one in folder(tmp_path, content).validate().findings if one.rule == "lookalikes"]
    assert [sorted(map(sorted, one.examples)) for one in found] == (
        [sorted(map(sorted, alike))] if alike else []
    )
    assert all((one.severity, one.column) == ("warning", "y") for one in found)


def test_categories_that_look_alike_are_masked_where_sensitive(tmp_path: Path) -> None:
    """If this fails, categories written in two ways go unseen, or sensitive ones are printed."""
    table = pl.DataFrame({"n": range(N), "c": ["red", "red ", "blue", "Blue"] * (N // 4), "y": LABEL})
    found = folder(tmp_path, table, max_label_information=1).finding("lookalikes")
    assert (found.column, found.count) == ("c", N // 2)
    hidden = folder(tmp_path, table, max_label_information=1, columns={"c": {"sensitive": True}})
    assert hidden.findings() == []
    labels = pl.DataFrame({"n": range(N), "y": ["ill", "ill ", "well", "well"] * (N // 4)})
    masked = folder(tmp_path, labels, max_label_information=1, columns={"y": {"sensitive": True}})
    found = masked.finding("lookalikes")
    assert (found.column, found.examples) == ("y", [["(masked)", "(masked)"]])
    assert "ill" not in found.message


@pytest.mark.parametrize(
    ("keys", "count"),
    [
        ([f"k{n // 2}{' ' * (n % 2)}" for n in range(N)], N // 2),
        ([f"{DECOMPOSED if n % 2 else COMPOSED}{n // 2}" for n in range(N)], N // 2),
        ([f" k{n}" for n in range(N)], 0),
        ([f"{COMPOSED}{n}" for n in range(N)], 0),
        ([f"{'kK'[n % 2]}{n // 2}" for n in range(N)], 0),
    ],
)
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_keys_that_look_alike(tmp_path: Path, keys: list[str], count: int, suffix: str) -> None:
    """If this fails, one customer is on both sides of the split under two keys that look the same."""
    table = pl.DataFrame({"id": keys, "y": LABEL})
    data = folder(tmp_path, table if suffix == "parquet" else table.write_csv(), key=["id"])
    found = [one for one in data.validate().findings if one.rule == "lookalikes"]
    assert [one.count for one in found] == ([count] if count else [])
    if found:
        where = "t.csv, line 3" if suffix == "csv" else "t.parquet, row 2"
        assert found[0].message.endswith(f"first in {where}")
        assert found[0].examples[0] == keys[1]


def test_a_masked_key(tmp_path: Path) -> None:
    """If this fails, sensitive keys are printed."""
    keys = pl.DataFrame({"id": ["k", "k "], "y": ["a", "b"]})
    found = folder(tmp_path, keys, key=["id"], columns={"id": {"sensitive": True}}).finding("lookalikes")
    assert found.examples == ["(masked)"]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("rule", "wrong"),
    [
        ({"max": 2**53}, 2),
        ({"min": 2**53 + 2}, 2),
        ({"allowed": [2**53 + 1]}, 2),
        ({"max": 2.0**53 + 0.0}, 2),
        ({"min": -1e300}, 0),
        ({"min": 1.5}, 0),
        ({"max": 1e300}, 0),
    ],
)
def test_whole_numbers_that_floats_cannot_hold(
    tmp_path: Path, suffix: str, rule: dict[str, Any], wrong: int
) -> None:
    """If this fails, identifiers of 17 digits are compared after rounding."""
    table = pl.DataFrame({"x": [2**53, 2**53 + 1, 2**53 + 2], "y": ["a", "b", "a"]})
    expected = {"max": [1, 2], "min": [0, 1], "allowed": [0, 2]}
    content = table if suffix == "parquet" else table.write_csv()
    found = [
        one
        for one in folder(tmp_path, content, columns={"x": rule}).validate().findings
        if one.rule in {"range", "allowed-values"}
    ]
    assert sum(one.count or 0 for one in found) == wrong
    if wrong:
        (kind,) = rule
        assert found[0].examples == [table["x"][i] for i in expected[kind]] or suffix == "csv"


def test_a_range_is_told_in_all_its_digits(tmp_path: Path) -> None:
    """If this fails, a message says `above 5e+06, up to 5e+06`."""
    table = pl.DataFrame({"x": [1, 5_000_001], "y": ["a", "b"]})
    message = folder(tmp_path, table, columns={"x": {"max": 5_000_000}}).finding("range").message
    assert "above 5,000,000, up to 5,000,001, first" in message


@pytest.mark.parametrize(
    ("label", "said"),
    [
        (["1.5", "?"] * (N // 2), "holds string, a regression needs numbers;"),
        (["1.5", "?"] * (N // 2), ", first in t.parquet, row 2"),
        ([True, False] * (N // 2), "holds bool"),
        (
            [1.0, float("-inf")] + [1.0] * (N - 2),
            "are infinite; a regression needs finite numbers, first",
        ),
    ],
)
def test_the_label_of_a_regression_is_a_number(tmp_path: Path, label: list[Any], said: str) -> None:
    """If this fails, a regression on texts is found out after an hour of training."""
    data = folder(tmp_path, pl.DataFrame({"x": range(N), "y": label}), task="regression")
    assert said in data.finding("label-type").message
    right = folder(tmp_path, pl.DataFrame({"x": range(N), "y": range(N)}), task="regression")
    assert "label-type" not in {rule for rule, _ in right.findings()}


def test_a_name_with_blanks_is_near() -> None:
    """If this fails, ` y ` is listed as if it were `y`, and nothing tells why it is missing."""
    assert nearest("y", [" n ", " Y "]) == "; the data has ' Y '"


def test_nothing_to_compare_is_no_drift(tmp_path: Path) -> None:
    """If this fails, two empty files show no drift."""
    pl.DataFrame().write_parquet(tmp_path / "t.parquet")
    with pytest.raises(UsageError, match=r"t\.parquet has no columns; there is nothing to compare"):
        drift_of_files(tmp_path / "t.parquet", tmp_path / "t.parquet")
