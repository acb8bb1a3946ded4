"""Computations at the same time."""

from __future__ import annotations

import threading

import pytest

from ml_stages.side_by_side import ahead, both, each


def test_both_run_at_the_same_time() -> None:
    """A large file would be judged on one processor, while the other waits."""
    meeting = threading.Barrier(2, timeout=20)
    assert sorted(both(meeting.wait, meeting.wait)) == [0, 1]


def test_the_first_error_is_the_first_works() -> None:
    """Of two faults in a file another one would be named from run to run."""
    failed = threading.Event()

    def late() -> None:
        failed.wait(20)
        raise ValueError("first")

    def early() -> None:
        failed.set()
        raise ValueError("second")

    with pytest.raises(ValueError, match="first"):
        both(late, early)
    with pytest.raises(ValueError, match="second"):
        both(lambda: None, early)


def test_what_was_begun_ahead_runs_beside_and_gives_its_result_each_time() -> None:
    """The rows of a sample would be drawn while nothing is read, or its error would be lost."""
    meeting = threading.Barrier(2, timeout=20)
    begun = ahead(meeting.wait)
    assert {meeting.wait(), begun()} == {0, 1}
    assert begun() == begun()
    with pytest.raises(ZeroDivisionError):
        ahead(lambda: 1 // 0)()


def test_what_is_made_of_many_keeps_their_order() -> None:
    """The columns of a profile would change places from run to run."""
    meeting = threading.Barrier(2, timeout=20)

    def slow(number: int) -> int:
        if number < 2:
            meeting.wait()
        return 2 * number

    assert each(slow, range(50)) == list(range(0, 100, 2))
    with pytest.raises(ZeroDivisionError):
        each(lambda number: 1 // number, [1, 0, 2])
