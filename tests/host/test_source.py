"""Which files of a project count, and for what."""

from __future__ import annotations

import resource
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_stages.errors import PipelineError, UsageError
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


def test_links_to_folders_are_named(project: Path) -> None:
    """If this fails, code behind a link is missing without a word, or a link to a parent never ends."""
    (project / "apples").symlink_to("src/apples")
    (project / "src" / "apples" / "all").symlink_to("../..")
    source = find_source(project, ["/data"])
    assert _names(source.files, project) == set(FILES)
    assert source.linked == ("apples", "src/apples/all")
    assert find_source(project, ["/data", "all/"]).linked == ("apples",)


def test_links_that_lead_nowhere_are_named(project: Path) -> None:
    """If this fails, a file that git-annex has not fetched is missing in every stage without a word."""
    (project / "weights.bin").symlink_to(".git/annex/objects/weights.bin")
    (project / "src" / "round").symlink_to("round")
    (project / ".#train.py").symlink_to("somebody@laptop.4711:1")  # what Emacs leaves beside an open file
    (project / "real.py").symlink_to("train.py")
    source = find_source(project, ["/data"])
    assert _names(source.files, project) == {*FILES, "real.py"}
    assert source.dangling == ("src/round", "weights.bin")
    assert source.linked == ()
    assert find_source(project, ["/data", "/weights.bin"]).dangling == ("src/round",)


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


def test_what_git_ignores_is_no_source(project: Path) -> None:
    """If this fails, a laptop lints, tests and trains with files that no checkout in CI has."""
    (project / ".gitignore").write_text("config/\n*.secret\n")
    (project / "token.secret").write_text("x")
    expected = {name for name in FILES if not name.startswith("config/")} | {".gitignore"}
    assert _names(find_source(project, ["/data"]).files, project) == expected
    everything = _names(find_source(project, ["/data"], gitignore=False).files, project)
    assert everything == set(FILES) | {".gitignore", "token.secret"}


_NAMES = st.lists(st.sampled_from(["a", "b", "c.py", "d.log", "e f"]), min_size=1, max_size=4).map("/".join)
_PLAIN = """
    a a/ /a !a !a/ *.log !d.log /*.py b/* !b/c.py **/b a/** b/ !b/ a/**/d.log * !*/ ! [ [a-c]* ? ** / a/**/
    [!a] []a] [^b]* *[.]py d.[l-m]og */* **a [c-a]
"""
_RULES = st.sampled_from([*_PLAIN.split(), "e f", "e\\ f", "\\", "# b", "", " ", "*.log\r", "c.py "])
_FOLDERS = st.sampled_from(["", "a/", "b/", "a/b/"])


@settings(deadline=None, max_examples=60)
@given(
    names=st.sets(_NAMES, min_size=1, max_size=12),
    rules=st.dictionaries(_FOLDERS, st.lists(_RULES, max_size=4), max_size=3),
)
def test_ignored_is_what_git_says(names: set[str], rules: dict[str, list[str]]) -> None:
    """If this fails, the pipeline leaves out a file that git keeps, or keeps one that git leaves out."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        contents = {f"{below}.gitignore": "\n".join(lines) + "\n" for below, lines in rules.items()}
        for name in [*contents, *sorted(names)]:
            path = root / name
            if not path.exists() and not any(parent.is_file() for parent in path.parents):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(contents.get(name, ""))
        git = ["git", "-C", folder, "-c", "core.excludesFile="]
        subprocess.run([*git, "init", "--quiet"], check=True)
        listing = [*git, "ls-files", "-z", "--others", "--exclude-standard"]
        listed = subprocess.run(listing, check=True, capture_output=True, text=True).stdout
        assert _names(find_source(root).files, root) == set(listed.split("\0")) - {""}


def test_no_room_for_the_copy_is_no_fault_of_the_source(tmp_path: Path) -> None:
    """If this fails, a full disk is told as a file that cannot be read, to be taken out of the source."""
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "weights.txt").write_text("1" * 5000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(PipelineError, match=r"cannot be copied to .*copy: File too large") as raised:
            find_source(tmp_path / "project").as_it_is(tmp_path / "copy")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not isinstance(raised.value, UsageError)
