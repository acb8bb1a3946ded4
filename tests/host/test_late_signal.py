"""A run that is stopped when its model is out."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from ml_stages.evidence import PublishReport
from ml_stages.host.registry import Registry
from ml_stages.host.run import Request, run
from ml_stages.terminal import PlainDisplay
from ml_stages.verdict import VerdictStatus
from tests.projects import TinyProject


def test_a_signal_during_the_publishing_does_not_deny_it(
    project: TinyProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If this fails, the verdict says that a model does not go out which is in production."""
    publish = Registry.publish

    def stopped(self: Registry, *given: Any) -> PublishReport:
        os.kill(os.getpid(), signal.SIGTERM)
        return publish(self, *given)

    monkeypatch.setattr(Registry, "publish", stopped)
    finished = run(Request(project.root), PlainDisplay())
    assert (project.root / "registry" / "apples" / "aliases" / "production").is_dir()
    assert finished.verdict.status is VerdictStatus.PASSED
    assert not finished.verdict.interrupted
    assert [stage.status for stage in finished.verdict.stages if stage.name == "publish"] == ["passed"]
