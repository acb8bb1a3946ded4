"""The gate on the project's own tests: what it says when they fail, or never ran."""

from __future__ import annotations

from typing import Any

import pytest

from ml_stages import evidence
from ml_stages.gates import test as own_tests
from ml_stages.gates.gate import Evidence, GateStatus


def _judged(status: int | None, tail: list[str], **fields: Any) -> tuple[GateStatus, str]:
    run = evidence.CommandRun(
        command=["pytest"], exit_status=status, duration=3, tail=tail, timed_out=status is None
    )
    report = evidence.TestReport(run=run, **{"tests": 0, "failures": 0, "errors": 0, "skipped": 0, **fields})
    judged = own_tests.Test(kind="test").judge(Evidence(test=report))
    return judged.status, judged.message


@pytest.mark.parametrize(
    ("status", "tail", "fields", "message"),
    [
        (5, ["no tests ran in 0.05s"], {}, "no test ran; a project without tests is not a tested one"),
        (0, [], {"tests": 2, "skipped": 2}, "no test ran; a project without tests is not a tested one"),
        (
            1,
            ["python: No module named pytest"],
            {},
            "no test ran; the project's environment has no pytest; add it to what the lock file is made from",
        ),
        (
            4,
            ["    import apples", "E   ModuleNotFoundError: No module named 'apples'", ""],
            {},
            "no test ran; the command ended with status 4: ModuleNotFoundError: No module named 'apples'",
        ),
        (
            4,
            ["pytest: error: unrecognized arguments: -n", "  inifile: pytest.ini", "  rootdir: /source"],
            {},
            "no test ran; the command ended with status 4: pytest: error: unrecognized arguments: -n",
        ),
        (
            -9,
            [],
            {},
            (
                "no test ran; the command was killed (SIGKILL), as the system does where memory runs out:"
                " no output"
            ),
        ),
        (None, [], {}, "the tests ran out of time after 3 s"),
        (1, ["internal", "trouble"], {"tests": 3}, "the command ended with status 1: trouble"),
        (
            1,
            ["ERROR: Coverage failure: total of 53 is less than fail-under=60"],
            {"tests": 3},
            (
                "the command ended with status 1:"
                " ERROR: Coverage failure: total of 53 is less than fail-under=60"
            ),
        ),
    ],
)
def test_tests_that_did_not_run_say_why(
    status: int | None, tail: list[str], fields: dict[str, Any], message: str
) -> None:
    """If this fails, who forgot to pin pytest, or broke conftest.py, is told that there are no tests."""
    assert _judged(status, tail, **fields) == (GateStatus.FAILED, message)


def test_tests_that_passed_are_counted() -> None:
    """If this fails, a tested project does not pass."""
    assert _judged(0, [], tests=5, skipped=1) == (GateStatus.PASSED, "4 passed, 1 skipped")
