"""Pages of gates, checks and keys, written from their models."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import BaseModel, TypeAdapter

import ml_stages
from ml_stages.checks.registry import CHECKS
from ml_stages.config.data import ClassBalance, ColumnRule, DataConfig
from ml_stages.data.misread import PEOPLES
from ml_stages.gates.registry import GATES, Gate
from ml_stages.report.check_page import BESIDE, check_page
from ml_stages.report.check_page import sections as check_sections
from ml_stages.report.gate_pages import pages, sections

SOURCE = Path(ml_stages.__file__).parent
DOCS = Path(__file__).parents[2] / "docs"
STATISTICAL = [kind for kind, gate in GATES.items() if "Null hypothesis" in sections(gate)]


def test_the_pages_are_those_of_the_models() -> None:
    """A gate would be documented as it was, or not at all: `make docs` renews the pages."""
    written = {name: (DOCS / name).read_text(encoding="utf-8") for name in pages()}
    assert written == pages()
    assert {path.stem for path in (DOCS / "gates").glob("*.md")} == {*GATES, "README"}


def test_every_key_of_every_table_is_on_the_page_of_the_configuration() -> None:
    """Who wants a split by time, or a lock of another name, would have to read the source for the key."""
    text = pages()["configuration.md"]
    tables = dict(re.findall(r"## `\[+([^\]]*)\]+`\n(.*?)(?=\n## |\Z)", text, re.DOTALL))
    assert "| `method` |" in tables["tool.ml-pipeline.data.split"]
    assert "| `feature` |" in tables["tool.ml-pipeline.data.columns.NAME"]
    assert "| `lock` |" in tables["tool.ml-pipeline.environment"]
    assert "| `minor` | number | `0.1` |" in tables["tool.ml-pipeline.drift.psi"]
    assert "| `data-validate` | number | `1800` |" in tables["tool.ml-pipeline.timeouts"]
    assert {name.split(".")[2] for name in tables if "." in name[5:]} >= {
        "data",
        "train",
        "sealed",
        "publish",
    }


@pytest.mark.parametrize("kind", STATISTICAL)
def test_a_gate_that_estimates_says_how_and_within_which_limits(kind: str) -> None:
    """A user would trust a number without knowing what it rests on."""
    known = sections(GATES[kind])
    assert "Limits" in known
    assert kind == "drift" or "Assumes" in known


@pytest.mark.parametrize("kind", sorted(GATES))
def test_the_example_is_a_valid_gate(kind: str) -> None:
    """A user who copies the example would get a fault."""
    (example,) = re.findall(r"```toml\n(.*?)```", pages()[f"gates/{kind}.md"], re.DOTALL)
    (gate,) = tomllib.loads(example)["tool"]["ml-pipeline"]["gates"]
    assert TypeAdapter(Gate).validate_python(gate).kind == kind


def test_every_rule_of_a_finding_is_on_the_page_of_the_checks() -> None:
    """Who reads a finding would look for its rule, and for the key that changes it, in the source."""
    named = {
        keyword.value.value
        for file in [*(SOURCE / "checks").glob("*.py"), *(SOURCE / "data").glob("*.py")]
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Finding"
        for keyword in call.keywords
        if keyword.arg == "rule" and isinstance(keyword.value, ast.Constant)
    }
    assert len(named) > 20
    first_cells = re.findall(r"^\| ([^|]*) \|", check_page(), re.MULTILINE)
    told = set(re.findall(r"`([a-z-]+)`", " ".join(first_cells)))
    assert named - {"drift"} <= told, "drift is a gate of its own"
    assert set(PEOPLES) <= told


@pytest.mark.parametrize("check", [*CHECKS, *BESIDE])
def test_a_key_that_sets_a_check_is_one_of_the_configuration(check: Callable[..., object]) -> None:
    """A user would set a key that is refused."""
    for key in re.findall(r"`([^`]*)`", check_sections(check).get("Set by", "")):
        model: type[BaseModel] = DataConfig
        below: dict[str, type[BaseModel]] = {"columns": ColumnRule, "balance": ClassBalance}
        for name in key.replace("columns.NAME.", "columns.").split("."):
            assert name in model.model_fields, key
            model = below.get(name, model)
