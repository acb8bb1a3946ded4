"""Independent computations at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Protocol, TypeVar

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


def each(work: Callable[[A], B], items: Iterable[A]) -> list[B]:
    """What the work makes of each item, in their order, two at a time; the first error in that order."""
    with side_by_side() as compute:
        return list(compute(work, items))


class Each(Protocol):
    """What a work makes of each item, in their order."""

    def __call__(self, work: Callable[[A], B], items: Iterable[A], /) -> Iterable[B]: ...


def one_by_one(work: Callable[[A], B], items: Iterable[A]) -> Iterable[B]:
    """Each only when it is asked for."""
    return map(work, items)


@contextmanager
def side_by_side() -> Iterator[Each]:
    """Two items at a time, in threads that stay for all that is computed within."""
    with ThreadPoolExecutor(2) as threads:

        def compute(work: Callable[[A], B], items: Iterable[A]) -> Iterable[B]:
            return threads.map(work, items)

        yield compute
