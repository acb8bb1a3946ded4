"""Pins are read out of every kind of lock that the pipeline installs."""

from __future__ import annotations

from importlib.metadata import version

import pytest

from ml_stages.audit.parameters import LockText
from ml_stages.audit.pins import Pin, Unpinned, read_pins
from ml_stages.code import ROOT
from ml_stages.errors import StageError

REQUIREMENTS = """\
# made by uv
--index-url https://example.com/simple
Jinja2==2.10 \\
    --hash=sha256:aaaa \\
    --hash=sha256:bbbb
    # via flask
numpy==2.4.6 ; python_full_version < '3.12' \\
    --hash=sha256:cccc
ruamel.yaml[libyaml]===0.18.1  # exactly
torch==2.7.1+cpu
-e .
./vendored
-c constraints.txt
"""


def test_a_requirements_file_gives_its_pins_with_their_lines() -> None:
    """If this fails, a vulnerable package is not asked about, or the finding points at another line."""
    assert read_pins(LockText(name="requirements.lock", text=REQUIREMENTS)) == [
        Pin("jinja2", "2.10", 3),
        Pin("numpy", "2.4.6", 7, "python_full_version < '3.12'"),
        Pin("ruamel-yaml", "0.18.1", 9),
        Pin("torch", "2.7.1+cpu", 10),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "numpy",
        "numpy>=1.0",
        "numpy==1.*",
        "numpy==1.0,!=1.1",
        "numpy @ https://example.com/numpy.whl",
        "git+https://example.com/numpy",
        "-e git+https://example.com/numpy#egg=numpy",
        "-r base.txt",
        "--requirement=base.txt",
    ],
)
def test_what_names_no_version_is_not_passed_over(line: str) -> None:
    """If this fails, a lock without pins passes the audit because there was nothing to ask about."""
    assert read_pins(LockText(name="requirements.txt", text=f"a==1\n{line}\n"))[1:] == [Unpinned(line, 2)]


def test_our_own_lock_is_read_whole() -> None:
    """If this fails, some line of a real lock is misread."""
    text = (ROOT / "requirements.lock").read_text()
    found = read_pins(LockText(name="requirements.lock", text=text))
    starts = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert len(found) == len(starts)
    assert all(isinstance(one, Pin) for one in found)


def test_pylock_gives_its_pins() -> None:
    """If this fails, a project with the standard's own lock is not audited."""
    text = """\
lock-version = "1.0"

[[packages]]
name = "Foo_Bar"
version = "1.0"
marker = "os_name == 'nt'"

[[packages]]
name = "own"
directory = { path = "." }

[[packages]]
name = "forked"
vcs = { type = "git" }
"""
    assert read_pins(LockText(name="pylock.toml", text=text)) == [
        Pin("foo-bar", "1.0", 3, "os_name == 'nt'"),
        Unpinned("forked", 12),
    ]


@pytest.mark.parametrize("text", ["no toml", "a = 1", "packages = [1]"])
def test_a_pylock_that_is_none_is_refused(text: str) -> None:
    """If this fails, a broken lock passes as one without vulnerabilities."""
    with pytest.raises(StageError, match="PEP 751"):
        read_pins(LockText(name="pylock.toml", text=text))


def test_without_a_lock_what_is_installed_counts() -> None:
    """If this fails, a project that runs unlocked is never audited."""
    assert Pin("pydantic", version("pydantic")) in read_pins(None)
