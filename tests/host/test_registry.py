"""The registry folder: what a baseline is found by, and when a version is not let out."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ml_stages import digest
from ml_stages.errors import StageError, UsageError
from ml_stages.host.artifact import Folder
from ml_stages.host.registry import Registry
from ml_stages.lineage import Lineage
from ml_stages.verdict import Verdict, VerdictStatus

PASSED = Verdict(
    name="apples",
    status=VerdictStatus.PASSED,
    should_deploy=True,
    started="2026-01-01T00:00:00+00:00",
    duration=1.0,
    gates=[],
    stages=[],
    lineage=Lineage(pipeline_version="1", seed=0),
)


def _bundle(folder: Path, weights: str) -> Folder:
    folder.mkdir(exist_ok=True)
    (folder / "bundle.json").write_text("{}")
    (folder / "weights").write_text(weights)
    return Folder(folder, digest.of_tree(folder))


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "registry", "apples")


@pytest.fixture
def alias(tmp_path: Path) -> Path:
    return tmp_path / "registry" / "apples" / "aliases" / "production"


def test_before_anything_was_published_there_is_no_baseline(registry: Registry, tmp_path: Path) -> None:
    """If this fails, a project's first run cannot begin, or the first run under another alias."""
    assert registry.resolve("production") is None
    registry.publish(_bundle(tmp_path / "bundle", "1"), PASSED, "production")
    assert registry.resolve("production") is not None
    assert registry.resolve("staging") is None


def test_another_alias_or_name_is_told(registry: Registry, tmp_path: Path) -> None:
    """If this fails, a renamed project passes uncompared as a first run, and nobody is told why."""
    assert registry.instead_of("production") == ""
    registry.publish(_bundle(tmp_path / "bundle", "1"), PASSED, "production")
    assert registry.instead_of("production") == ""
    assert registry.instead_of("champion") == (
        "nothing was published as champion before, but as production; "
        "--baseline PATH names what to compare with"
    )
    renamed = Registry(tmp_path / "registry", "fruit")
    assert "nothing was published as the model fruit before, but as apples;" in renamed.instead_of(
        "production"
    )


def test_a_version_that_is_gone_is_no_first_run(registry: Registry, alias: Path, tmp_path: Path) -> None:
    """If this fails, whoever tidies up the registry lets the next model out without any comparison."""
    registry.publish(_bundle(tmp_path / "bundle", "1"), PASSED, "production")
    shutil.rmtree(alias.resolve())
    with pytest.raises(UsageError, match=r"production points at no published version; .* --baseline"):
        registry.resolve("production")


def test_an_alias_that_is_a_text_is_no_first_run(registry: Registry, alias: Path, tmp_path: Path) -> None:
    """If this fails, a registry from a file system without links counts as an empty one."""
    registry.publish(_bundle(tmp_path / "bundle", "1"), PASSED, "production")
    target = alias.readlink()
    alias.unlink()
    alias.write_text(str(target))
    with pytest.raises(UsageError, match="production points at no published version"):
        registry.resolve("production")


def test_versions_without_any_alias_are_no_first_run(registry: Registry, alias: Path, tmp_path: Path) -> None:
    """If this fails, a registry that was copied without its links counts as an empty one."""
    registry.publish(_bundle(tmp_path / "bundle", "1"), PASSED, "production")
    shutil.rmtree(alias.parent)
    with pytest.raises(UsageError, match=r"versions holds 1 version, and there is no alias at all"):
        registry.resolve("production")


def test_a_damaged_version_is_not_published_again(registry: Registry, alias: Path, tmp_path: Path) -> None:
    """If this fails, other files go out than those that were probed."""
    bundle = _bundle(tmp_path / "bundle", "1")
    registry.publish(bundle, PASSED, "production")
    registry.publish(bundle, PASSED, "production")
    (alias / "bundle" / "weights").write_text("2")
    with pytest.raises(StageError, match="was published before and is damaged"):
        registry.publish(bundle, PASSED, "production")
    (alias / "bundle" / "weights").write_text("1")
    (alias / "bundle" / "numpy").symlink_to(tmp_path)
    with pytest.raises(StageError, match="was published before and is damaged"):
        registry.publish(bundle, PASSED, "production")


def test_the_same_model_published_by_force_says_so(registry: Registry, alias: Path, tmp_path: Path) -> None:
    """If this fails, a model that a new gate refused keeps the verdict that it passed by."""
    bundle = _bundle(tmp_path / "bundle", "1")
    registry.publish(bundle, PASSED, "production")
    update = {"status": VerdictStatus.FAILED, "forced": "an urgent fix"}
    registry.publish(bundle, PASSED.model_copy(update=update), "production")
    assert Verdict.model_validate_json((alias / "verdict.json").read_text()).forced == "an urgent fix"
    assert sorted(path.name for path in alias.iterdir()) == ["bundle", "verdict.json"]


def test_a_model_is_not_published_over_one_that_it_was_not_compared_with(
    registry: Registry, tmp_path: Path
) -> None:
    """If this fails, of two runs at once the later one replaces a better model that it never met."""
    first, second = (_bundle(tmp_path / name, name) for name in ("first", "second"))
    registry.check_still("production", None, first)
    registry.publish(first, PASSED, "production")
    compared = registry.resolve("production")
    registry.check_still("production", compared, second)
    registry.check_still("production", None, first)  # another run published the same
    with pytest.raises(StageError, match=r"production pointed at nothing .* points at version \w{12} now"):
        registry.check_still("production", None, second)


def test_of_two_runs_that_publish_the_same_both_do(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If this fails, the second of two runs on one commit breaks although its model is out."""
    bundle = _bundle(tmp_path / "bundle", "1")
    rename = Path.rename

    def late(path: Path, target: Path) -> Path:
        monkeypatch.setattr(Path, "rename", rename)
        registry.publish(bundle, PASSED, "production")
        return path.rename(target)

    monkeypatch.setattr(Path, "rename", late)
    registry.publish(bundle, PASSED, "production")
    version = registry.resolve("production")
    assert version is not None
    assert [path.name for path in version.parent.iterdir()] == [version.name]
