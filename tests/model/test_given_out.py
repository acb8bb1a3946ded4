"""What a person is told of source that goes out with a model."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_stages.evidence import BundleReport
from ml_stages.model.given_out import told_of_source
from tests.serving.apples import make_bundle

KEY = "AKIA" + "IOSFODNN7QXAMPLE"  # in two pieces: this repository is searched for secrets, too


def _told(folder: Path) -> list[str]:
    return told_of_source(folder, [path for path in folder.rglob("*") if path.is_file()])


def test_secrets_in_the_source_are_told_and_not_shown(tmp_path: Path) -> None:
    """If this fails, a forgotten `.env` is published with the model, and nobody is told, or everybody."""
    code = tmp_path / "code"
    code.mkdir()
    (code / ".env").write_text(f"REGION=eu-west-1\nACCESS_KEY_ID={KEY}\n")
    make_bundle(tmp_path)
    notes = BundleReport.model_validate_json((tmp_path / "report.json").read_text()).notes
    assert [note.split(";")[0] for note in notes] == [
        "secrets, by their looks, go out with the model: .env, line 2 (aws access key)"
    ]
    assert KEY not in "".join(notes)


def test_very_large_files_in_the_source_are_told(tmp_path: Path) -> None:
    """If this fails, a forgotten checkpoint makes an image of 400 MB, and nobody is told why."""
    (tmp_path / "data").mkdir()
    for name, size in (("data/all.bin", 400_000_000), ("small.bin", 49_000_000)):
        with (tmp_path / name).open("wb") as stream:
            stream.truncate(size)
    (told,) = _told(tmp_path)
    assert told.startswith("large files of the source go out with the model: data/all.bin (400 MB); name")


@pytest.mark.parametrize("text", ["TOKEN=${TOKEN}\n", "password = getpass()\n", "import os\n"])
def test_source_without_secrets_is_no_matter(tmp_path: Path, text: str) -> None:
    """If this fails, every project is warned of its own code, and nobody reads the warning."""
    (tmp_path / "settings.py").write_text(text)
    assert _told(tmp_path) == []
