"""Files that the host runner puts beside the project."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from ml_stages.errors import wording
from ml_stages.host.artifact import Folder
from ml_stages.host.runner import _add_files, _written
from ml_stages.stages import BY_NAME


def test_two_runs_may_add_to_a_ledger_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If this fails, of two runs on one commit one breaks, or the ledger holds half a file for a moment."""
    (tmp_path / "new" / "rows").mkdir(parents=True)
    (tmp_path / "new" / "rows" / "1").write_text("hash\n")
    new, ledger = Folder.taken(tmp_path / "new"), tmp_path / "ledger"
    copyfile = shutil.copyfile

    def meanwhile(*given: Any) -> Any:
        monkeypatch.setattr(shutil, "copyfile", copyfile)
        copied = copyfile(*given)
        _add_files(new, ledger)
        return copied

    monkeypatch.setattr(shutil, "copyfile", meanwhile)
    _add_files(new, ledger)
    assert [path.name for path in (ledger / "rows").iterdir()] == ["1"]


def test_of_a_copy_the_full_disk_is_named() -> None:
    """If this fails, the message names a file on a disk that has room."""
    error = OSError(28, "No space left on device", "/source", None, "/full/copy")
    assert wording(error) == "No space left on device: /full/copy"
    assert wording(OSError(13, "Permission denied", "/source")) == "Permission denied: /source"


def test_a_ledger_that_another_run_added_to_is_no_fault_of_the_stage() -> None:
    """If this fails, who runs two candidates at once is told to change what our own stage writes."""
    assert _written(BY_NAME["evaluate"], ["ledger"]) == (
        "the ledger changed while evaluate ran; run again when nothing writes there"
    )
    assert "change a copy" in _written(BY_NAME["train"], ["train-set"])
