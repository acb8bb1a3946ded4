"""Each check tells what is wrong, how much of it, and nothing where all is well."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml_stages.checks import registry
from ml_stages.checks.registry import CHECKS
from ml_stages.config.data import DataConfig
from ml_stages.data.distribution import Distribution
from ml_stages.data.profile import ColumnProfile, Profile, Violation
from ml_stages.data.sample import numbers_of
from ml_stages.evidence import Finding


def config(**more: Any) -> DataConfig:
    return DataConfig.model_validate({"path": "t.csv", "label": "y", "min_rows": 0, **more})


def profile(*columns: ColumnProfile, **more: Any) -> Profile:
    label = ColumnProfile(name="y", type="int", nulls=0)
    defaults: dict[str, Any] = {"rows": 200, "duplicates": 0, "key_duplicates": 0}
    return Profile(columns=[*columns, label], **defaults | more)


def column(**more: Any) -> ColumnProfile:
    return ColumnProfile.model_validate({"name": "x", "type": "float", "nulls": 0, **more})


def findings(found: Profile, rules: DataConfig) -> list[Finding]:
    return [finding for check in CHECKS for finding in check(found, rules)]


BROKEN = Violation(count=50, examples=[-1.0, -2.0])

FAR = Distribution(
    distinct=102,
    distinct_error=0,
    numbers=numbers_of(np.sort(np.array([*range(100), -500, 900], dtype=float))),
)

CASES: dict[str, tuple[Profile, DataConfig, str, str]] = {
    "missing column": (
        profile(column(name="incom")),
        config(columns={"income": {}}),
        "missing-column",
        "income: the column is missing; the data has 'incom'",
    ),
    "extra column": (
        profile(column()),
        config(extra_columns="forbid"),
        "extra-column",
        "x: the column is not declared",
    ),
    "few rows": (profile(), config(min_rows=1000), "min-rows", "200 rows, expected at least 1,000"),
    "type": (
        profile(column(broken_type=Violation(count=2, examples=["a"]))),
        config(columns={"x": {"type": "float"}}),
        "type",
        "x: 1.00 % (2 of 200 rows) are no float, e.g. 'a'",
    ),
    "unsupported": (
        profile(column(unsupported="List(Int64)")),
        config(),
        "type",
        (
            "x: columns of List(Int64) cannot be given to a predictor; store them as a column for each value,"
            " or as JSON texts, or declare feature = false"
        ),
    ),
    "list label": (
        profile(column(name="y", unsupported="List(String)")),
        config(),
        "type",
        (
            "y: the label holds List(String), which is neither a class nor a number; store it as texts such"
            ' as a|b of several labels a row (task = "multilabel")'
        ),
    ),
    "nulls": (
        profile(column(nulls=50)),
        config(columns={"x": {"max_null": 0.1}}),
        "nulls",
        "x: 25.00 % (50 of 200 rows) null, at most 0.1 allowed",
    ),
    "NaN": (
        profile(column(nulls=0, nan=1)),
        config(columns={"x": {}}),
        "nulls",
        "x: 0.50 % (1 of 200 rows) null or NaN, none allowed",
    ),
    "below": (
        profile(column(min=-2, below=BROKEN)),
        config(columns={"x": {"min": 0}}),
        "range",
        "x: 25.00 % (50 of 200 rows) below 0, down to -2",
    ),
    "above": (
        profile(column(max=7, above=BROKEN)),
        config(columns={"x": {"max": 5, "sensitive": True}}),
        "range",
        "x: 25.00 % (50 of 200 rows) above 5",
    ),
    "range of texts": (
        profile(column(type="string")),
        config(columns={"x": {"min": 0}}),
        "range",
        "x: the rule gives a minimum or maximum, but the column holds string, no numbers",
    ),
    "constant": (
        profile(column(distribution=Distribution(distinct=1, distinct_error=0))),
        config(),
        "constant",
        "x: every row holds the same value",
    ),
    "outliers": (
        profile(column(distribution=FAR)),
        config(columns={"x": {"max_outliers": 0.01}}),
        "outliers",
        "x: 1.96 % lie far out, below -129 or above 228, at most 0.01 allowed",
    ),
    "allowed": (
        profile(column(not_allowed=BROKEN)),
        config(columns={"x": {"allowed": [1, 2]}}),
        "allowed-values",
        "x: 25.00 % (50 of 200 rows) hold a value that is not allowed, e.g. -1.0, -2.0",
    ),
    "unique": (
        profile(column(repeated=2)),
        config(columns={"x": {"unique": True}}),
        "unique",
        "x: 1.00 % (2 of 200 rows) repeat a value that must be unique",
    ),
    "key": (
        profile(column(), column(name="z"), key_duplicates=2),
        config(key=["x", "z"]),
        "unique",
        "x|z: 1.00 % (2 of 200 rows) repeat a value that must be unique",
    ),
    "duplicates": (
        profile(duplicates=4),
        config(max_duplicates=0.01),
        "duplicates",
        "2.00 % (4 of 200 rows) repeat an earlier row, at most 0.01 allowed",
    ),
    "one class": (
        profile(label_counts={"a": 200}),
        config(),
        "classes",
        "y: the label holds 'a' alone, expected at least two classes",
    ),
    "balance": (
        profile(label_counts={"a": 198, "b": 2}),
        config(balance={"min_share": 0.05}),
        "balance",
        "y: class 'b' is 1.00 % (2 of 200 rows), expected at least 0.05",
    ),
}


@pytest.mark.parametrize(("found", "rules", "rule", "message"), CASES.values(), ids=list(CASES))
def test_what_is_wrong_is_told(found: Profile, rules: DataConfig, rule: str, message: str) -> None:
    """If this fails, a fault passes, or its message leaves the reader guessing."""
    (finding,) = findings(found, rules)
    assert (finding.rule, finding.message) == (rule, message)
    assert finding.count is None or finding.share == finding.count / 200 or finding.share is None


FINE: dict[str, tuple[Profile, DataConfig]] = {
    "nulls at the limit": (profile(column(nulls=20)), config(columns={"x": {"max_null": 0.1}})),
    "nulls without a rule": (profile(column(nulls=200)), config()),
    "optional column": (profile(), config(columns={"x": {"required": False}})),
    "rows at the limit": (profile(), config(min_rows=200)),
    "duplicates at the limit": (profile(duplicates=2), config(max_duplicates=0.01)),
    "balance at the limit": (
        profile(label_counts={"a": 190, "b": 10}),
        config(balance={"min_share": 0.05}),
    ),
    "unsupported, but not given to the predictor": (
        profile(column(unsupported="Binary")),
        config(columns={"x": {"feature": False}}),
    ),
}


@pytest.mark.parametrize(("found", "rules"), FINE.values(), ids=list(FINE))
def test_what_is_within_its_rule_is_left_alone(found: Profile, rules: DataConfig) -> None:
    """If this fails, good data blocks a release."""
    assert findings(found, rules) == []


def test_a_key_lacks_nothing_whatever_its_rule() -> None:
    """If this fails, rows without a key are silently lost."""
    rules = config(key=["x"], columns={"x": {"max_null": 1}})
    found = Profile(
        rows=2,
        columns=[ColumnProfile(name=name, type="int", nulls=name == "x") for name in ("x", "y")],
        duplicates=0,
        key_duplicates=0,
    )
    assert [(finding.rule, finding.column) for finding in findings(found, rules)] == [("nulls", "x")]


def test_every_check_is_registered() -> None:
    """If this fails, a check stands in its file and never runs."""
    folder = Path(registry.__file__).parent
    files = {path.stem for path in folder.glob("*.py")} - {"__init__", "check", "registry"}
    assert len(set(CHECKS)) == len(CHECKS)
    assert {check.__module__.rpartition(".")[2] for check in CHECKS} == files
