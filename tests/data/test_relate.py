"""Rules over several columns, rows and files, against brute force."""

from __future__ import annotations

import itertools
import math
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_stages.data.information import label_information, uncertainty_coefficient
from tests.data.job import folder

SMALL = st.none() | st.integers(0, 3)
ROWS = st.lists(st.tuples(SMALL, SMALL, st.sampled_from(["a", "b", None])), max_size=25)


@given(ROWS)
@settings(max_examples=40, deadline=None)
def test_rules_order_and_conflicts_by_hand(rows: list[tuple[int | None, int | None, str | None]]) -> None:
    """If this fails, rows that break a rule pass, or rows that keep it are accused."""
    table = pl.DataFrame(rows, schema={"m": pl.Int64, "n": pl.Int64, "y": pl.String}, orient="row")
    with tempfile.TemporaryDirectory() as root:
        data = folder(
            Path(root),
            table,
            rules=[{"expect": "n >= m"}],
            max_conflicts=0,
            columns={"m": {"order": "ascending"}, "n": {"order": "strictly-ascending"}},
        )
        data.validate()
        relations = data.validated_profile().relations
    assert relations.rules[0].count == sum(m is not None and n is not None and n < m for m, n, _ in rows)
    m = [row[0] for row in rows if row[0] is not None]
    n = [row[1] for row in rows if row[1] is not None]
    assert relations.out_of_order == {
        "m": sum(b < a for a, b in itertools.pairwise(m)),
        "n": sum(b <= a for a, b in itertools.pairwise(n)),
    }
    labels: dict[Any, set[str]] = {}
    for *features, label in rows:
        labels.setdefault(tuple(features), set()).update({label} - {None})  # type: ignore[arg-type]
    assert relations.conflicts == sum(len(labels[row[:2]]) > 1 for row in rows)


CSV = "id,start,end,who,y\n" + "".join(
    f"{n},2024-01-{1 + n % 28:02d},2024-01-{1 + (n * 5) % 28:02d},u{n % 9},{'ab'[n % 2]}\n" for n in range(60)
)


def test_a_rule_over_times(tmp_path: Path) -> None:
    """If this fails, times in CSV are compared as something else."""
    data = folder(tmp_path, CSV, rules=[{"name": "ends after it starts", "expect": '"end" >= start'}])
    finding = data.finding("row-rule")
    assert finding.count == sum((n * 5) % 28 < n % 28 for n in range(60))
    assert "break the rule ends after it starts" in finding.message
    assert finding.examples[0] == {"end": "2024-01-03", "start": "2024-01-07"}


def test_a_rule_over_a_day(tmp_path: Path) -> None:
    """If this fails, the way to write a day that messages and pages name is none."""
    finding = folder(tmp_path, CSV, rules=[{"expect": "start >= date '2024-01-15'"}]).finding("row-rule")
    assert finding.count == sum(1 + n % 28 < 15 for n in range(60))


@pytest.mark.parametrize(
    ("expect", "fault"),
    [
        ("ends >= start", "ends"),
        ("id +", "unable to parse"),
        ("id + 1", "expected a comparison"),
        ("1 = 1", "comparison"),
        ("start > '2024-01-15'", "write a day as date '2024-01-31'"),
    ],
)
def test_a_rule_that_makes_no_sense(tmp_path: Path, expect: str, fault: str) -> None:
    """If this fails, a rule with a typing error passes every time."""
    message = folder(tmp_path, CSV, rules=[{"expect": expect}]).finding("row-rule").message
    assert "cannot be computed" in message
    assert fault in message.lower()


TOGETHER = [
    "id >= 0",
    "id < 50",
    "max(id) < 40",
    "max(id) < 60",
    "ends >= start",
    "who != 'u1'",
    "CAST(who AS INT) > 3",
]


def test_rules_say_together_what_each_says_alone(tmp_path: Path) -> None:
    """If this fails, a rule passes, or is accused, by which other ones stand beside it."""

    def found(expects: list[str]) -> list[Any]:
        data = folder(tmp_path, CSV, rules=[{"expect": expect} for expect in expects])
        data.validate()
        return data.validated_profile().relations.rules

    alone = [rule for expect in TOGETHER for rule in found([expect])]
    assert found(TOGETHER) == alone
    assert found(TOGETHER[:-1]) == alone[:-1]
    assert [rule.count for rule in alone[:4]] == [0, 10, 60, 0]
    assert [bool(rule.fault) for rule in alone[4:]] == [True, False, True]


def test_rules_that_hold_take_one_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If this fails, a table is read once for each of its rules."""
    looks: list[Any] = []
    collect = pl.LazyFrame.collect

    def counted(scan: pl.LazyFrame, **options: Any) -> Any:
        looks.append(scan)
        return collect(scan, **options)

    monkeypatch.setattr(pl.LazyFrame, "collect", counted)

    def looks_for(count: int) -> int:
        looks.clear()
        data = folder(tmp_path, CSV, rules=[{"expect": f"id >= -{number}"} for number in range(count)])
        assert data.findings() == []
        return len(looks)

    assert looks_for(9) == looks_for(2)


def test_values_of_sensitive_columns_are_masked(tmp_path: Path) -> None:
    """If this fails, personal data is printed in a public CI log."""
    rules = [{"expect": "who = 'u1'"}]
    data = folder(tmp_path, CSV, rules=rules, columns={"who": {"sensitive": True}})
    assert data.finding("row-rule").examples[0] == {"who": "(masked)"}


def test_values_that_another_file_lacks(tmp_path: Path) -> None:
    """If this fails, rows that point at nothing pass."""
    data = folder(tmp_path, CSV, references=[{"column": "who", "file": "people.csv", "to": "name"}])
    assert "no file matches" in data.finding("reference").message
    (tmp_path / "data/people.csv").write_text("name,age\n" + "".join(f"u{n},1\n" for n in range(8)))
    finding = data.finding("reference")
    assert (finding.count, finding.examples) == (sum(n % 9 == 8 for n in range(60)), ["u8"])
    (tmp_path / "data/people.csv").write_text("nom,age\nu1,1\n")
    assert "has no column 'name'; it has nom, age" in data.finding("reference").message
    (tmp_path / "data/people.csv").write_text("name,age\n" + "".join(f"u{n},1\n" for n in range(9)))
    assert "reference" not in {rule for rule, _ in data.findings()}


_DAYS = pl.Series([f"2024-01-{1 + n % 28:02} 0{n % 2}:00" for n in range(60)]).str.to_datetime()


@pytest.mark.parametrize(
    ("here", "there"),
    [
        pytest.param(_DAYS, _DAYS.cast(pl.Datetime("ns")), id="precision"),
        pytest.param(_DAYS.cast(pl.Date), _DAYS.dt.truncate("1d"), id="dates that pandas wrote"),
        pytest.param(_DAYS, _DAYS.dt.replace_time_zone("UTC"), id="with an offset"),
        pytest.param(pl.Series(range(60)), pl.Series(range(60)).cast(pl.Decimal(9, 2)), id="decimals"),
    ],
)
def test_times_and_numbers_are_found_whatever_their_type(
    tmp_path: Path, here: pl.Series, there: pl.Series
) -> None:
    """If this fails, every row is said to point at nothing, since another tool wrote the other file."""
    references = [{"column": "at", "file": "known.parquet", "to": "at"}]
    data = folder(tmp_path, pl.DataFrame({"at": here, "y": ["no", "yes"] * 30}), references=references)
    pl.DataFrame({"at": there}).write_parquet(tmp_path / "data/known.parquet")
    assert "reference" not in {rule for rule, _ in data.findings()}
    pl.DataFrame({"at": there.filter(there != there[0])}).write_parquet(tmp_path / "data/known.parquet")
    assert data.finding("reference").count == (there == there[0]).sum()


def test_zeros_in_front_count_beside_texts(tmp_path: Path) -> None:
    """If this fails, `007` is not found in a file where some codes have letters, or `07` is found as `7`."""
    csv = "code,y\n" + "".join(f"{n:03},{'yes' if n % 3 else 'no'}\n" for n in range(60))
    references = [{"column": "code", "file": "codes.csv", "to": "code"}]
    data = folder(tmp_path, csv, references=references)
    codes = [f"{n:03}" for n in range(60)]
    (tmp_path / "data/codes.csv").write_text("\n".join(["code", "A12", *codes]))
    assert "reference" not in {rule for rule, _ in data.findings()}
    (tmp_path / "data/codes.csv").write_text("\n".join(["code", "A12", "7", *codes[:7], *codes[8:]]))
    assert data.finding("reference").examples == ["007"]
    # The letters come after the rows that tell a column's type.
    (tmp_path / "data/codes.csv").write_text("\n".join(["code", *(f"{n:03}" for n in range(12_000)), "A12"]))
    (tmp_path / "data/t.csv").write_text(csv + "A12,no\n")
    assert "reference" not in {rule for rule, _ in data.findings()}


@pytest.mark.parametrize(("first", "later"), [("7", "2.5"), ("2024-01-31", "2024-01-31 10:00"), ("", "007")])
def test_late_values_of_another_file_are_found(tmp_path: Path, first: str, later: str) -> None:
    """If this fails, rows point at nothing because the other file begins with values of another type."""
    references = [{"column": "code", "file": "codes.csv", "to": "code"}]
    data = folder(tmp_path, "code,y\n" + f"{later},yes\n{later},no\n" * 30, references=references)
    lines = [f"{first},1"] * 10_500
    (tmp_path / "data/codes.csv").write_text("\n".join(["code,more", *lines, f"{later.lstrip('0')},1"]))
    assert "reference" not in {rule for rule, _ in data.findings()}


def test_texts_have_pattern_and_length(tmp_path: Path) -> None:
    """If this fails, malformed codes pass."""
    columns = {"who": {"pattern": "u[0-7]"}, "y": {"max_length": 0}, "id": {"min_length": 2}}
    data = folder(tmp_path, CSV, columns=columns)
    found = {(finding.rule, finding.column): finding for finding in data.validate().findings}
    assert found["pattern", "who"].count == sum(n % 9 == 8 for n in range(60))
    assert found["length", "y"].count == 60
    assert found["length", "id"].count == 10
    assert "0 to 0 characters" in found["length", "y"].message


def test_a_pattern_that_is_none(tmp_path: Path) -> None:
    """If this fails, a typing error in a pattern looks like a broken file."""
    message = folder(tmp_path, CSV, columns={"who": {"pattern": "u("}}).finding("readable").message
    assert message.startswith("data.columns.who.pattern is no regular expression")
    assert "\n" not in message


def test_another_digest_than_agreed(tmp_path: Path) -> None:
    """If this fails, a model is trained on other data than was agreed upon."""
    digest = folder(tmp_path, CSV).validate().digest
    assert folder(tmp_path, CSV, digest=digest).findings() == []
    assert folder(tmp_path, CSV + "60,,,,\n", digest=digest).finding("digest").expected == digest


def mutual_information(pairs: list[tuple[str, str]]) -> float:
    n, joint = len(pairs), Counter(pairs)
    left, right = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    return sum(c / n * math.log(c * n / (left[a] * right[b])) for (a, b), c in joint.items())


@given(st.lists(st.tuples(st.sampled_from("uvw"), st.sampled_from("ab")), min_size=2, max_size=40))
@settings(max_examples=60, deadline=None)
def test_uncertainty_coefficient_by_hand(pairs: list[tuple[str, str]]) -> None:
    """If this fails, leaks are missed or invented."""
    codes = (np.array(["uvwab".index(text) for text in texts]) for texts in zip(*pairs, strict=True))
    found = uncertainty_coefficient(*codes)
    labels = Counter(b for _, b in pairs)
    if len(labels) < 2:
        assert found is None
        return
    entropy = -sum(c / len(pairs) * math.log(c / len(pairs)) for c in labels.values())
    explained, features = mutual_information(pairs), len({a for a, _ in pairs})
    chance = (features - 1) * (len(labels) - 1) / (2 * len(pairs))
    expected = 1.0 if math.isclose(explained, entropy) else max(0.0, (explained - chance) / entropy)
    assert found == pytest.approx(expected, abs=1e-9)


def test_a_feature_that_tells_the_label_is_found(tmp_path: Path) -> None:
    """If this fails, a column made from the label goes unnoticed; or honest ones are accused."""
    rng = np.random.default_rng(1)
    label = rng.random(5_000) < 0.2
    table = pl.DataFrame(
        {
            "id": range(5_000),
            "leak": np.where(label, 5.0, -5.0) + rng.normal(size=5_000),
            "code": np.where(label, "refused", "paid"),
            "good": label + rng.normal(size=5_000),
            "name": [f"n{n}" for n in range(5_000)],
            "y": np.where(label, "yes", "no"),
        }
    )
    findings = folder(tmp_path, table, key=["id"]).validate().findings
    assert {(finding.rule, finding.column, finding.severity) for finding in findings} == {
        ("label-leakage", "leak", "warning"),
        ("label-leakage", "code", "warning"),
    }
    strict = folder(tmp_path, table, key=["id"], max_label_information=0.1).validate().findings
    assert {finding.column for finding in strict} == {"leak", "code", "good"}
    assert {finding.severity for finding in strict} == {"error"}


def test_a_number_that_tells_a_number() -> None:
    """If this fails, leaks are found for classes only; or noise is taken for one."""
    rng = np.random.default_rng(2)
    y = rng.normal(size=20_000)
    rows = pl.DataFrame({"same": y * 3, "noise": rng.normal(size=20_000), "y": y})
    found = label_information(rows, "y", categorical=False)
    assert found["same"] > 0.95
    assert found["noise"] < 0.02


def test_few_rows_accuse_nobody() -> None:
    """If this fails, any feature of a tiny table "tells" its label."""
    rows = pl.DataFrame({"x": range(50), "y": ["a", "b"] * 25})
    assert label_information(rows, "y", categorical=True) == {}


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_nan_is_missing_for_rules_over_rows(tmp_path: Path, form: str) -> None:
    """Polars takes NaN for the greatest number: it broke each upper limit, order and reference."""
    number = [float("nan") if n % 7 == 3 else float(n) for n in range(60)]
    number[50], number[55] = 20.0, 70.0
    table = pl.DataFrame({"x": number, "y": ["a", "b"] * 30})
    rules: dict[str, Any] = {
        "rules": [{"expect": "x <= 60"}],
        "columns": {"x": {"order": "strictly-ascending", "max_null": 1}},
        "references": [{"column": "x", "file": "other.csv", "to": "k"}],
    }
    data = folder(tmp_path, table.write_csv() if form == "csv" else table, **rules)
    (tmp_path / "data/other.csv").write_text("k\n" + "".join(f"{n}\n" for n in range(60)))
    found = {finding.rule: finding for finding in data.validate().findings}
    assert [found[rule].count for rule in ("row-rule", "order", "reference")] == [1, 2, 1]
    assert [float(value) for value in found["order"].examples] == [20.0, 56.0]
    assert found["reference"].examples == ["70"]
