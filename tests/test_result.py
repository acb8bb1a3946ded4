"""How a command of the project's that failed is told in one line."""

from __future__ import annotations

import pytest

from ml_stages.result import command_failed, last_words
from ml_stages.stages import BY_NAME

OF_MEMORY = ", as the system does where memory runs out"
FRAMES = ["Traceback (most recent call last):", '  File "train.py", line 3, in <module>', "    fit()"]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["epoch 1", "no data", ""], "no data"),
        ([], ""),
        ([*FRAMES, "ValueError: no rows"], "ValueError: no rows"),
        (
            [*FRAMES, "RuntimeError: out of memory", "Tried 20 GiB"],
            "RuntimeError: out of memory Tried 20 GiB",
        ),
        (
            [
                *FRAMES,
                "ValidationError: 9 errors",
                *(f"  field {n}" for n in range(8)),
                "see https://e.example",
            ],
            "ValidationError: 9 errors ... see https://e.example",
        ),
        ([*FRAMES, "KeyError: 1", "", "During handling:", "", *FRAMES, "ValueError: x"], "ValueError: x"),
    ],
)
def test_an_error_of_several_lines_is_named(lines: list[str], said: str) -> None:
    """`Tried to allocate 20 GiB` alone does not say that the memory ran out."""
    assert last_words(lines) == said


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("ModuleNotFoundError: No module named 'loans'", "one of the project below its root or src)"),
        (
            "ImportError: Unable to find an engine; tried 'pyarrow'",
            "(pyarrow belongs into the lock file",
        ),
        ("ImportError: cannot import name 'fit'", ""),
    ],
)
def test_a_package_that_lacks_is_told_with_what_to_do(said: str, advice: str) -> None:
    """If this fails, who has rows as JSON lines is told to install fastparquet, and not into what."""
    command = {"command": ["predictor"], "timed_out": False, "exit_status": 1, "tail": [*FRAMES, said]}
    reason = command_failed(BY_NAME["predict"], None, "{}", command).outcome.reason
    assert advice in reason
    assert reason.endswith(")" if advice else said)


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (1, "`python train.py` ended with status 1"),
        (-9, "`python train.py` was killed (SIGKILL)" + OF_MEMORY),
        (-11, "`python train.py` was killed (SIGSEGV)"),
        (-1000, "`python train.py` was killed (signal 1000)"),
        (137, f"`python train.py` ended with status 137: killed (SIGKILL){OF_MEMORY}"),
    ],
)
def test_a_killed_command_is_told_as_such(status: int, told: str) -> None:
    """A training that ran out of memory `ended with status -9`, which says nothing to most people."""
    command = {"command": ["python", "train.py"], "timed_out": False, "exit_status": status, "tail": []}
    assert command_failed(BY_NAME["train"], None, "{}", command).outcome.reason == told
