"""Packages that a project without a lock gets from folders of this machine."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from ml_stages.host.installed import from_folders


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of a colleague, installed as `pip install -e` leaves it."""
    site, library = tmp_path / "site", tmp_path / "a library"
    info = site / "scales-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: scales\nVersion: 1\n")
    (info / "RECORD").write_text("scales/__init__.py,sha256=1,1\n")
    library.mkdir()
    (library / "scales.py").write_text("GRAMS = 1\n")
    _installed(tmp_path, editable=True)
    monkeypatch.setattr(sys, "path", [str(site), *sys.path])
    return library


def _installed(folder: Path, *, editable: bool) -> None:
    url = (folder / "a library").as_uri()
    said = {"url": url, "dir_info": {"editable": True} if editable else {}}
    (folder / "site" / "scales-1.dist-info" / "direct_url.json").write_text(json.dumps(said))


def test_an_edit_of_a_linked_package_counts(library: Path, tmp_path: Path) -> None:
    """If this fails, a training runs on a library that was edited since, and the old model is found."""
    before = from_folders(tmp_path / "project")
    (library / "README.md").write_text("Weigh.")
    assert from_folders(tmp_path / "project") == before
    (library / "scales.py").write_text("GRAMS = 1000\n")
    after = from_folders(tmp_path / "project")
    assert set(after) == set(before) == {"scales"}
    assert after != before


def test_a_copied_package_counts_as_it_was_copied(library: Path, tmp_path: Path) -> None:
    """If this fails, an edit that nobody installed trains again, or one that somebody did does not."""
    _installed(tmp_path, editable=False)
    before = from_folders(tmp_path)
    (library / "scales.py").write_text("GRAMS = 1000\n")
    assert from_folders(tmp_path) == before
    (tmp_path / "site" / "scales-1.dist-info" / "RECORD").write_text("scales/__init__.py,sha256=2,1\n")
    assert from_folders(tmp_path) != before


def test_the_project_itself_counts_as_source_alone(library: Path) -> None:
    """If this fails, an edit of the project's tests trains again."""
    assert from_folders(library) == {}
