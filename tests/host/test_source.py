"""Which files of a project count, and for what."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_stages.host.source import find_code, find_source

FILES = {
    "train.py": True,
    "src/apples/model.py": True,
    "config/net.yaml": True,
    "README.md": False,
    "docs/guide.py": False,
    "tests/test_train.py": False,
    "src/apples/tests_of_taste.py": True,
    "pyproject.toml": False,
    "requirements.lock": False,
}
NO_SOURCE = [
    ".git/HEAD",
    ".venv/lib/x.py",
    "src/__pycache__/a.pyc",
    "data/apples.csv",
    ".ml-pipeline/verdict.json",
]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in [*FILES, *NO_SOURCE]:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path


def _names(files: tuple[Path, ...], root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in files}


def test_source_leaves_out_environments_caches_and_data(project: Path) -> None:
    """If this fails, gigabytes of environments or data travel as source."""
    assert _names(find_source(project, ["/data"]).files, project) == set(FILES)


def test_code_is_what_can_change_a_model(project: Path) -> None:
    """If this fails, an edited README retrains, or an edited model does not."""
    code = find_code(find_source(project, ["/data"]), ["**"])
    assert _names(code.files, project) == {name for name, is_code in FILES.items() if is_code}


def test_declared_inputs_narrow_the_code(project: Path) -> None:
    """If this fails, `[train] inputs` does nothing."""
    code = find_code(find_source(project, ["/data"]), ["train.py", "src/**"])
    assert _names(code.files, project) == {"train.py", "src/apples/model.py", "src/apples/tests_of_taste.py"}


def test_digest_is_of_content_not_of_time(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """If this fails, `touch` retrains, or a fresh clone does."""
    source = find_source(project, ["/data"])
    copy = tmp_path_factory.mktemp("copy")
    source.copy_to(copy)
    assert find_source(copy, []).digest == source.digest
    (copy / "train.py").write_text("other")
    assert find_source(copy, []).digest != source.digest
