"""What the module reads of a published image, before anything is compared with it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import cast

import dagger
import pytest

from ml_pipeline.baseline import Baseline, read_baseline
from ml_pipeline.containers import Lock
from ml_stages.errors import UsageError
from ml_stages.lineage import Lineage
from ml_stages.model.labels import labels

BUNDLE = {
    "bundle.json": json.dumps({"python": "3.12", "files": {"requirements.lock": "sha256:1"}, "split": "s"}),
    "schema.json": json.dumps({"features": []}),
    "requirements.lock": "pandas==3.0.0\n",
}


class _Image:
    """A published image: the files of its ``/app``, and its labels."""

    def __init__(self, files: dict[str, str], labels: Mapping[str, str | None]) -> None:
        self._files, self._labels = files, labels

    def directory(self, path: str) -> _Folder:
        assert path == "/app"
        return _Folder(self._files)

    async def label(self, name: str) -> str | None:
        return self._labels.get(name)


class _Folder:
    def __init__(self, files: dict[str, str]) -> None:
        self._files = files

    async def glob(self, pattern: str) -> list[str]:
        assert pattern == "*"
        return list(self._files)

    def file(self, name: str) -> _File:
        return _File(self._files[name])


class _File:
    def __init__(self, text: str) -> None:
        self._text = text

    async def contents(self) -> str:
        return self._text


@pytest.fixture(autouse=True)
def _digest(monkeypatch: pytest.MonkeyPatch) -> None:
    async def taken(folder: _Folder) -> str:
        return f"sha256:{await folder.glob('*')}"

    monkeypatch.setattr("ml_pipeline.baseline.tree_digest", taken)


def _read(files: dict[str, str], labels: Mapping[str, str | None] | None = None) -> Baseline:
    return asyncio.run(read_baseline(cast("dagger.Container", _Image(files, labels or {}))))


def test_a_published_image_is_asked_in_its_own_environment() -> None:
    """If this fails, a baseline answers with the candidate's packages, or from another Python."""
    baseline = _read(BUNDLE)
    assert baseline.lock == Lock("requirements.lock", "pandas==3.0.0\n", "3.12")
    assert baseline.published.split == "s"
    assert baseline.published.identity
    assert baseline.digest == f"sha256:{[*BUNDLE]}"


@pytest.mark.parametrize(
    ("name", "text"), [*((name, None) for name in list(BUNDLE)[1:]), ("bundle.json", "{")]
)
def test_of_a_damaged_image_the_stage_says_what_is_damaged(name: str, text: str | None) -> None:
    """If this fails, a damaged image ends the call with a message of the JSON parser or the file system."""
    files = {**BUNDLE, name: text} if text else {key: one for key, one in BUNDLE.items() if key != name}
    published = _read(files).published
    assert name == "requirements.lock" or published.identity == ""


def test_an_image_of_something_else_is_refused() -> None:
    """If this fails, a mistyped address counts as a broken pipeline, with words about a missing file."""
    with pytest.raises(UsageError, match="--baseline is no model image"):
        _read({})


@pytest.mark.parametrize("reason", [None, "the old model is broken"])
def test_a_forced_image_is_known_by_its_label(reason: str | None) -> None:
    """If this fails, a model passes by a comparison with one that was forced out, and nobody is told."""
    baseline = _read(BUNDLE, labels("apples", Lineage(pipeline_version="1", seed=0), force=reason))
    assert baseline.published.forced == reason
