"""Two runs that publish the same model at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ml_stages import digest
from ml_stages.host.artifact import Folder
from ml_stages.host.registry import Registry
from ml_stages.host.run import Request, run
from ml_stages.terminal import PlainDisplay
from ml_stages.verdict import VerdictStatus
from tests.host.test_registry import PASSED
from tests.projects import TinyProject


def test_a_run_that_waited_looks_at_the_alias_again(
    project: TinyProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If this fails, a model replaces one that went out a moment before, and was never compared with it."""
    (tmp_path / "better").mkdir()
    (tmp_path / "better" / "bundle.json").write_text("{}")
    better = Folder(tmp_path / "better", digest.of_tree(tmp_path / "better"))
    alone = Registry.alone

    @contextmanager
    def second(self: Registry) -> Iterator[None]:
        with alone(self):
            monkeypatch.setattr(Registry, "alone", alone)
            self.publish(better, PASSED, "production")
        with alone(self):
            yield

    monkeypatch.setattr(Registry, "alone", second)
    finished = run(Request(project.root), PlainDisplay())
    assert finished.verdict.status is VerdictStatus.ERROR
    (publish,) = (stage for stage in finished.verdict.stages if stage.name == "publish")
    assert "production pointed at nothing when this run began" in publish.reason
    assert len(list((project.root / "registry" / "apples" / "versions").iterdir())) == 1
