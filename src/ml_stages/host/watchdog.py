"""A process that outlives a run which is killed (``kill -9``, out of memory), and stops what it left running.

It reads from a pipe whose other end the run alone holds. The kernel closes that end however the run dies, on
Linux and macOS alike. What lost its parent before is not found.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import IO

_told: ContextVar[IO[bytes] | None] = ContextVar("told", default=None)


@contextmanager
def watched() -> Iterator[None]:
    """Have the processes that :func:`watching` names stopped should this process be killed before the end."""
    # Of its own session, so that a Ctrl-C or a closed terminal is left to the run.
    dog = subprocess.Popen(
        [sys.executable, "-m", __name__],
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        bufsize=0,
    )
    token = _told.set(dog.stdin)
    try:
        with dog:  # closes the pipe, and waits
            yield
    finally:
        _told.reset(token)


@contextmanager
def watching(pid: int) -> Iterator[None]:
    """Let the watchdog of this run, if it has one, know of a process for as long as it runs."""
    _tell(pid)
    try:
        yield
    finally:
        _tell(-pid)


def _tell(number: int) -> None:
    pipe = _told.get()
    if pipe is not None:
        with suppress(BrokenPipeError):  # without a watchdog, which somebody stopped, the run goes on
            pipe.write(b"%d\n" % number)


def main(lines: Iterable[bytes]) -> None:
    """Read process ids, negative once they ended, until the run is gone; stop those that are left."""
    running: set[int] = set()
    for line in lines:
        number = int(line)
        running.add(number) if number > 0 else running.discard(-number)
    if running:
        import anyio  # noqa: PLC0415 - slow, and for runs that were killed alone

        from ml_stages.host.process import stop_trees  # noqa: PLC0415

        anyio.run(stop_trees, running)


if __name__ == "__main__":
    main(sys.stdin.buffer)
