"""Independent computations at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")

MANY = 200_000
"""Rows from which on a thread gains more than it costs: numpy and Polars compute without Python's lock."""


def both(first: Callable[[], A], second: Callable[[], B]) -> tuple[A, B]:
    """The results of two works, the second in a thread.

    Where both fail, the error is the first work's, whichever ended earlier.
    """
    with ThreadPoolExecutor(1) as thread:
        other = thread.submit(second)
        return first(), other.result()


def ahead(work: Callable[[], A]) -> Callable[[], A]:
    """Begin the work in a thread; what is returned waits for its result, or raises its error."""
    thread = ThreadPoolExecutor(1)
    begun = thread.submit(work)
    thread.shutdown(wait=False)
    return begun.result


def each(work: Callable[[A], B], items: Iterable[A]) -> list[B]:
    """What the work makes of each item, in their order, two at a time; the first error in that order."""
    with ThreadPoolExecutor(2) as threads:
        return list(threads.map(work, items))
