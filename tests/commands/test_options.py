"""What the command says of options that it does not take, or cannot read."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest

from ml_stages.cli import main, parser


def _refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("run", ".", "--dta", "x"), "unrecognized arguments: --dta x; did you mean --data?"),
        (("run", ".", "--profil-name=x"), "unrecognized arguments: --profil-name=x; did you mean --profile?"),
        (("lint", ".", "--until", "train"), "unrecognized arguments: --until train\n"),
        (("drift", "a", "b", "--fail-at", "minor"), "--fail-at minor; did you mean --fail-on?"),
        (("run", ".", "loans"), "unrecognized arguments: loans\n"),
    ],
)
def test_an_unknown_option_is_told_by_its_command(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], told: str
) -> None:
    """If this fails, a misspelt option ends with another command's usage, and no word of what is near."""
    said = _refused(capsys, *arguments)
    assert told in said
    assert said.startswith(f"usage: ml-pipeline {arguments[0]} [-h]")


@pytest.mark.parametrize(
    "arguments", [("run", ".", "--jobs", "many"), ("holdout-size", "--reliability", "many")]
)
def test_a_text_where_a_number_belongs_is_told(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    """If this fails, somebody reads the name of a function of ours."""
    assert "expected a number, got 'many'" in _refused(capsys, *arguments)


@pytest.mark.parametrize("command", [("run", "--until", "train"), ("lint",)])
def test_force_is_refused_where_nothing_is_published(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    """If this fails, a reason to publish is taken in silence, and nothing goes out."""
    assert main([*command, "--force", "the demo is today", str(tmp_path)]) == 2
    assert f"a run until {command[-1]} publishes nothing" in capsys.readouterr().err


def test_commands_that_publish_nothing_do_not_offer_to(capsys: pytest.CaptureFixture[str]) -> None:
    """If this fails, the help of `lint` says that it publishes."""
    for command, offers in (("run", True), ("publish", True), ("lint", False), ("verdict", False)):
        with pytest.raises(SystemExit):
            parser().parse_args([command, "--help"])
        assert ("--force" in capsys.readouterr().out) is offers


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """If this fails, nobody can say in a report of a fault which version it was."""
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"ml-pipeline {version('ml-pipeline')}\n"
