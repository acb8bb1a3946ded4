"""Projects that tests run, as small as they can be and still be real."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from tests.projects import TinyProject

# Everywhere the same examples, so that a submission is never judged by luck; other ones, by hand:
# pytest --hypothesis-profile=default.
settings.load_profile("ci")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test starts with an empty cache, and leaves the user's alone."""
    monkeypatch.setenv("ML_PIPELINE_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def project(tmp_path: Path) -> TinyProject:
    """A project that passes."""
    return TinyProject.create(tmp_path / "project")
