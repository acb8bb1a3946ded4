"""The folder that a run writes for people."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_stages.errors import UsageError
from ml_stages.host.output import Output


def test_a_folder_belongs_to_one_run_at_a_time(tmp_path: Path) -> None:
    """If this fails, of two runs at once one deletes the other's logs, and one verdict stands for both."""
    first = Output(tmp_path / "output")
    first.prepare()
    (first.logs / "train.log").write_text("epoch 1")
    with pytest.raises(UsageError, match=r"another run is writing to .* --output"):
        Output(tmp_path / "output").prepare()
    assert (first.logs / "train.log").read_text() == "epoch 1"
    other = Output(tmp_path / "other")
    other.prepare()
    other.close()
    first.close()
    first.prepare()
    first.close()
