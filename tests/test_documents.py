"""What documents tell people to write: tables that are valid, commands that exist, pages that are there."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest

from ml_stages.cli import parser
from ml_stages.config.config import Config

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "ci" / "README.md",
    *(ROOT / "docs").glob("*.md"),
]
LEAST: dict[str, Any] = {
    "name": "loans",
    "task": "classification",
    "data": {"path": "t.csv", "label": "y"},
    "train": {"command": "python train.py {train} {model}"},
}


def _blocks(language: str) -> list[Any]:
    fenced = re.compile(rf"^```{language}\n(.*?)^```", re.MULTILINE | re.DOTALL)
    return [
        pytest.param(block, id=f"{page.relative_to(ROOT)}-{place}")
        for page in sorted(PAGES)
        for place, block in enumerate(fenced.findall(page.read_text(encoding="utf-8")))
    ]


def _over(least: dict[str, Any], table: dict[str, Any]) -> dict[str, Any]:
    both = {key: _over(least[key], value) for key, value in table.items() if isinstance(least.get(key), dict)}
    return {**least, **table, **both}


@pytest.mark.parametrize("block", _blocks("toml"))
def test_a_table_can_be_copied(block: str) -> None:
    """If this fails, who copies a table out of a page is told that it is wrong."""
    table = _over(LEAST, tomllib.loads(block)["tool"]["ml-pipeline"])
    profiles = table.pop("profiles", {})
    Config.model_validate(table)
    for profile in profiles.values():
        Config.model_validate(_over(table, profile))


@pytest.mark.parametrize("block", _blocks("console"))
def test_a_command_can_be_typed(block: str, capsys: pytest.CaptureFixture[str]) -> None:
    """If this fails, a page shows a command or an option that there is not."""
    for line in block.replace("\\\n", " ").splitlines():
        words = shlex.split(line.removeprefix("$ "), comments=True)
        if words[:1] == ["ml-pipeline"]:
            assert parser().parse_args(words[1:]), capsys.readouterr().err


def test_the_pages_that_are_named_are_there() -> None:
    """If this fails, a reader follows a link to nothing."""
    links = [
        (page, target)
        for page in PAGES
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
        if "://" not in target
    ]
    assert len(links) > 20
    assert not [f"{page}: {target}" for page, target in links if not (page.parent / target).exists()]
