"""The registry folder: what a baseline is found by, and when a version is not let out."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

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


def test_git_leaves_a_new_registry_alone(registry: Registry, alias: Path, tmp_path: Path) -> None:
    """If this fails, `git add -A` commits every model, without the files that the repository ignores.

    A checkout of that holds no version that can be a baseline.
    """
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    (tmp_path / ".gitignore").write_text("__pycache__/\n/bundle/\n")
    bundle = _bundle(tmp_path / "bundle", "1")
    with registry.alone():
        registry.publish(bundle, PASSED, "production")
    offered = ["git", "-C", str(tmp_path), "ls-files", "--others", "--exclude-standard"]
    assert subprocess.check_output(offered, text=True).split() == [".gitignore"]
    (tmp_path / "registry" / ".gitignore").unlink()
    with registry.alone():
        assert registry.resolve("production") == alias.resolve()
    assert not (tmp_path / "registry" / ".gitignore").exists(), "who commits a registry meant it"


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


def _killed_at(step: int, registry: Registry, bundle: Folder) -> bool:
    """Publish in a process that is killed before its ``step``-th change of the disk; whether it was."""
    child = os.fork()
    if child:
        return os.WIFSIGNALED(os.waitpid(child, 0)[1])
    steps = 0

    def count(event: str, given: tuple[Any, ...]) -> None:
        nonlocal steps
        changes = event in {"os.mkdir", "os.rename", "os.symlink", "os.remove", "os.rmdir"}
        if changes or (event == "open" and given[1] == "w"):
            steps += 1
            if steps == step:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    try:
        registry.publish(bundle, PASSED, "production")
    finally:
        os._exit(0)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # the child is killed, or ends at once
@pytest.mark.parametrize("is_first", [True, False])
def test_a_publishing_that_is_killed_leaves_whole_versions_alone(
    registry: Registry, alias: Path, tmp_path: Path, is_first: bool
) -> None:
    """If this fails, a power cut at the wrong moment puts half a model into production."""
    bundle = _bundle(tmp_path / "second", "2")
    whole = {bundle.digest}
    if not is_first:
        registry.publish(_bundle(tmp_path / "first", "1"), PASSED, "production")
        whole.add(digest.of_tree(alias / "bundle"))
    (tmp_path / "registry").mkdir(exist_ok=True)
    shutil.copytree(tmp_path / "registry", tmp_path / "before", symlinks=True)
    step = 1
    while _killed_at(step, registry, bundle):
        for version in (alias.parent.parent / "versions").glob("[!.]*"):
            assert digest.of_tree(version / "bundle") in whole, step
            assert (version / "verdict.json").is_file(), step
        assert is_first or digest.of_tree(alias / "bundle") in whole, step
        registry.publish(bundle, PASSED, "production")
        assert digest.of_tree(alias / "bundle") == bundle.digest, step
        shutil.rmtree(tmp_path / "registry")
        shutil.copytree(tmp_path / "before", tmp_path / "registry", symlinks=True)
        step += 1
    assert step > 8, "the process was killed at every change that it makes"


def test_what_a_killed_publishing_left_goes(registry: Registry, alias: Path, tmp_path: Path) -> None:
    """If this fails, each killed run leaves a model in the registry for ever, or a run loses its own."""
    registry.publish(_bundle(tmp_path / "first", "1"), PASSED, "production")
    versions = alias.parent.parent / "versions"
    old, new, link = versions / ".1-old", versions / ".2-new", alias.parent / ".production-old"
    for folder in (old, new):
        (folder / "bundle").mkdir(parents=True)
    link.symlink_to("../versions/gone")
    for path in (old, link):
        os.utime(path, (time.time() - 2 * 24 * 3600,) * 2, follow_symlinks=False)
    registry.publish(_bundle(tmp_path / "second", "2"), PASSED, "production")
    assert not old.exists()
    assert not link.is_symlink()
    assert new.exists(), "another machine may be making it"
    assert len(list(versions.glob("[!.]*"))) == 2


def test_who_publishes_is_alone(registry: Registry, tmp_path: Path) -> None:
    """If this fails, the alias moves after the look at it: a model goes out that was not compared with it."""
    seen: list[Path | None] = []

    def other() -> None:
        with registry.alone():
            seen.append(registry.resolve("production"))

    with registry.alone():
        waiting = threading.Thread(target=other)
        waiting.start()
        waiting.join(0.3)
        registry.publish(_bundle(tmp_path / "bundle", "1"), PASSED, "production")
        assert seen == []
    waiting.join()
    assert seen == [registry.resolve("production")]


def test_a_full_disk_is_told_in_words(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If this fails, the reason is a list of hundreds of tuples, or half a model is left behind."""
    why = "[Errno 28] No space left on device: '/a' -> '/b'"

    def full(*_: Any) -> None:
        raise shutil.Error([("/a", "/b", why), ("/c", "/d", why)])

    bundle = _bundle(tmp_path / "bundle", "1")
    monkeypatch.setattr(shutil, "copytree", full)
    with pytest.raises(StageError, match=r"cannot be copied to the registry: No space left on device: /b$"):
        registry.publish(bundle, PASSED, "production")
    assert registry.resolve("production") is None
