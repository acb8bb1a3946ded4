"""Which published version a run is compared with."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ml_stages import digest
from ml_stages.config.load import load_config
from ml_stages.errors import UsageError
from ml_stages.host.artifact import Folder
from ml_stages.host.given import Given, find_given
from ml_stages.host.registry import Registry
from tests.host.test_registry import PASSED
from tests.projects import TinyProject


def _given(project: TinyProject, tmp_path: Path, baseline: str | None = None) -> Given:
    config = load_config(project.root).config
    copy = tmp_path / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    output, cache = tmp_path / "output", tmp_path / "cache"
    return find_given(project.root, None, output, baseline, config, cache=cache, copy=copy)


def test_another_models_bundle_is_no_baseline(project: TinyProject, tmp_path: Path) -> None:
    """If this fails, a worse model that was copied over the published one is what a candidate must beat."""
    registry = Registry(project.root / "registry", "apples")
    for weights in ("1", "2"):
        (tmp_path / weights).mkdir()
        (tmp_path / weights / "bundle.json").write_text(f'{{"weights": {weights}}}')
        made = Folder(tmp_path / weights, digest.of_tree(tmp_path / weights))
        registry.publish(made, PASSED, "production")
    version = registry.resolve("production")
    assert version is not None
    assert _given(project, tmp_path).baseline_digest == made.digest
    shutil.copyfile(tmp_path / "1" / "bundle.json", version / "bundle" / "bundle.json")
    with pytest.raises(UsageError, match=rf"{version.name} does not hold the model that was published there"):
        _given(project, tmp_path)
    assert _given(project, tmp_path, "none").is_declined
    assert _given(project, tmp_path, str(version)).baseline_digest == digest.of_tree(tmp_path / "1")
