"""A run that breaks before its first stage."""

from __future__ import annotations

import errno
import os
from typing import NoReturn

import pytest

from ml_stages.errors import PipelineError
from ml_stages.host import run as host_run
from ml_stages.host.output import Output
from ml_stages.host.run import Request, run
from ml_stages.terminal import PlainDisplay
from tests.projects import TinyProject

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/cache/file")


@pytest.mark.parametrize(
    ("broke", "raised", "said"),
    [
        (FULL, PipelineError, "No space left on device: /cache/file"),
        (KeyboardInterrupt(), KeyboardInterrupt, None),
    ],
)
def test_it_leaves_no_verdict_of_an_earlier_run(
    project: TinyProject,
    monkeypatch: pytest.MonkeyPatch,
    broke: BaseException,
    raised: type[BaseException],
    said: str | None,
) -> None:
    """If this fails, a full disk ends in a traceback, beside the green verdict of the run before."""
    before = Output(project.root / ".ml-pipeline")
    before.prepare()
    (before.root / "verdict.json").write_text('{"status": "passed"}')
    before.close()

    def break_off(*_: object, **__: object) -> NoReturn:
        raise broke

    monkeypatch.setattr(host_run, "find_given", break_off)
    with pytest.raises(raised, match=said):
        run(Request(project.root), PlainDisplay())
    assert not (before.root / "verdict.json").exists()
