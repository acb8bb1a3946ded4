"""A lock that was not made again after the project asked for something else."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet

from ml_stages.audit.parameters import LockText
from ml_stages.stale_lock import what_is_stale
from tests.projects import TinyProject

LOCK = LockText(name="requirements.lock", text="Scikit_Learn==1.9.1 \\\n    --hash=sha256:00\nsix==1.17.0\n")


def _told(project: Path, requirement: str, lock: LockText = LOCK) -> str:
    (project / "pyproject.toml").write_text(f'[project]\nname = "x"\ndependencies = ["{requirement}"]\n')
    return what_is_stale(project, lock)


def test_an_edited_bound_is_told(tmp_path: Path) -> None:
    """If this fails, who asks for a newer library and forgets the lock sees a green run with the old one."""
    assert _told(tmp_path, "scikit-learn[plots] >= 2, <3") == (
        "requirements.lock is older than pyproject.toml: it has scikit-learn 1.9.1 instead of >= 2, <3,"
        " and what it has is installed; make the lock again"
    )


@pytest.mark.parametrize("name", ["requirements.in", "requirements.txt"])
def test_files_of_requirements_are_read(tmp_path: Path, name: str) -> None:
    """The same, where the project has no pyproject.toml."""
    (tmp_path / name).write_text("# all\n-r more.txt\nsix==1.18  # newer\n")
    assert f"older than {name}: it has six 1.17.0 instead of ==1.18," in what_is_stale(tmp_path, LOCK)


@pytest.mark.parametrize(
    "requirement",
    [
        "six",
        "six>=1.17",
        "six~=1.5",
        "six!=1.17.0",
        "six==1.*",
        "six>=2; python_version < '3.9'",
        "six @ https://example.com/six-2.whl",
        "seven>=7",
    ],
)
def test_what_the_lock_may_hold_is_no_matter(tmp_path: Path, requirement: str) -> None:
    """If this fails, every run of a project warns of a lock that is as new as can be."""
    assert _told(tmp_path, requirement) == ""


def test_one_of_several_pins_is_enough(tmp_path: Path) -> None:
    """If this fails, a lock for several Pythons, with a version for each, is called old."""
    text = "six==1.17.0 ; python_version < '3.12'\nsix==2.0 ; python_version >= '3.12'\n"
    assert _told(tmp_path, "six>=2", LockText(name="requirements.lock", text=text)) == ""


def test_a_lock_that_cannot_be_read_is_left_to_who_installs_it(tmp_path: Path) -> None:
    """If this fails, a run with a broken lock ends before the stage that says what is wrong with it."""
    assert _told(tmp_path, "six>=2", LockText(name="pylock.toml", text="[[packages")) == ""


@given(
    st.sampled_from([">=", "<=", "==", ">", "<"]),
    *(st.lists(st.integers(0, 3), min_size=1, max_size=3) for _ in range(2)),
)
def test_bounds_are_kept_as_packaging_says(
    tmp_path_factory: pytest.TempPathFactory, sign: str, bound: list[int], pinned: list[int]
) -> None:
    """If this fails, versions are compared as texts, or 1.0 is another one than 1."""
    specifier, version = f"{sign}{'.'.join(map(str, bound))}", ".".join(map(str, pinned))
    lock = LockText(name="requirements.lock", text=f"six=={version}\n")
    told = _told(tmp_path_factory.mktemp("project"), f"six{specifier}", lock)
    assert (told == "") is SpecifierSet(specifier).contains(version)


def test_a_run_tells_of_an_old_lock(project: TinyProject) -> None:
    """If this fails, nobody reads what was found."""
    project.write("requirements.in", "six>=99\n")
    project.write("requirements.lock", "six==1.17.0\n")
    project.edit("pyproject.toml", 'interpreter = "current"', 'lock = "requirements.lock"')
    ran = project.run("--until", "lint")
    assert "requirements.lock is older than requirements.in: it has six 1.17.0 instead of >=99" in ran.output
