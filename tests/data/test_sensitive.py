"""Values of sensitive columns, in what is found wrong with them: nowhere in the report."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.data.job import DataFolder, folder

ROWS = 300
VALUE = re.compile(r"canary|918[67]\d|9\.187|2031-0", re.IGNORECASE)
"""What of the values below a report may hold nothing of."""
SENSITIVE = ("text", "number", "day", "y")
DAY = {"max_age": "1d"}


def _csv(**other: Any) -> str:
    """A table of sensitive values; ``other`` is for the values of every tenth row."""
    lines = ["id,text,number,day,y"]
    for n in range(ROWS):
        row = {
            "id": str(n),
            "text": f"canary{n % 40}",
            "number": str(918_700 + n * n % 50),
            "day": f"2031-0{1 + n % 9}-11",
            "y": f"canary-{'abc'[n % 3 if n % 10 else 0]}",
        }
        lines.append(",".join({**row, **({} if n % 10 else other)}.values()))
    return "\n".join(lines) + "\n"


def _data(root: Path, content: str, columns: dict[str, dict[str, Any]], **config: Any) -> DataFolder:
    rules = {name: {"sensitive": True, **columns.get(name, {})} for name in SENSITIVE}
    return folder(root, content, key=["id"], columns=rules, **config)


CASES: dict[str, tuple[str, dict[str, dict[str, Any]], dict[str, Any], set[str]]] = {
    "types": (
        _csv(number="canary"),
        {"text": {"type": "date"}, "number": {"type": "int"}, "day": {"type": "bool"}},
        {},
        {"type"},
    ),
    "numbers": (
        _csv(number="91879999"),
        {"number": {"min": 1_000_000, "max": 1_000_000, "max_outliers": 0.0, "allowed": [1]}},
        {},
        {"range", "outliers", "allowed-values"},
    ),
    "texts": (
        _csv(),
        {"text": {"allowed": ["x"], "pattern": "x", "max_length": 3, "min_slice": 99, "unique": True}},
        {},
        {"allowed-values", "pattern", "length", "slice-size", "unique"},
    ),
    "stray words": (_csv(number="canary").replace(",canary,2", ",91870,2", 27), {}, {}, {"stray-words"}),
    "order": (_csv(), {"day": {"order": "strictly-ascending"}}, {}, {"order"}),
    "old": (_csv(), {"day": DAY}, {"as_of": "2099-01-01T00:00:00+00:00"}, {"freshness"}),
    "future": (_csv(), {"day": DAY}, {"as_of": "2001-01-01T00:00:00+00:00"}, {"freshness"}),
    "classes": (_csv(), {}, {"balance": {"min_share": 0.5}}, {"balance"}),
    "one class": (
        _csv(y="canary-a").replace("canary-b", "canary-a").replace("canary-c", "canary-a"),
        {},
        {},
        {"classes"},
    ),
    "rows": (
        _csv(number="91870") + "299,canary1,91870,2031-01-11,canary-b\n",
        {},
        {"max_conflicts": 0.0, "max_label_information": 0.0, "rules": [{"expect": "number < 9"}]},
        {"unique", "row-rule"},
    ),
    "rules that fail": (
        _csv(),
        {},
        {"rules": [{"expect": "CAST(text AS INT) > 3"}, {"expect": "CAST(number AS TINYINT) > 3"}]},
        {"row-rule"},
    ),
    "references": (
        _csv(),
        {},
        {"references": [{"column": name, "file": "other.csv", "to": "k"} for name in SENSITIVE]},
        {"reference"},
    ),
    "group": (_csv(), {}, {"split": {"group": "text", "max_shared": 0}}, {"group-leakage"}),
    "times": (_csv(), {}, {"split": {"time": "day"}}, {"time-overlap"}),
    "times as numbers": (_csv(), {}, {"split": {"time": "number"}}, {"time-overlap"}),
}


@pytest.mark.parametrize("case", CASES)
def test_no_finding_shows_a_sensitive_value(tmp_path: Path, case: str) -> None:
    """If this fails, personal data stands in a report, in the terminal and in a public CI log."""
    content, columns, config, rules = CASES[case]
    asked = {name: value for name, value in config.items() if name != "as_of"}
    data = replace(_data(tmp_path, content, columns, **asked), as_of=config.get("as_of"))
    (tmp_path / "data/other.csv").write_text("k\n1\n")
    findings = data.validate().findings
    assert rules <= {finding.rule for finding in findings}
    told = [finding for finding in findings if VALUE.search(json.dumps(finding.model_dump(mode="json")))]
    assert told == []


def test_what_is_not_sensitive_is_shown(tmp_path: Path) -> None:
    """If this fails, nobody sees which class is rare, how old the data is or which value a rule fails on."""
    rules = [{"expect": "CAST(text AS INT) > 3"}]
    data = folder(tmp_path, _csv(), key=["id"], columns={"day": DAY}, rules=rules, balance={"min_share": 0.5})
    data = replace(data, as_of="2032-01-01T00:00:00+00:00")
    messages = " ".join(finding.message for finding in data.validate().findings)
    for shown in ("class 'canary-b'", "the newest time is 2031-09-11T00:00Z, 112 days ago", '"canary1"'):
        assert shown in messages
