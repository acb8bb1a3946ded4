"""How a process starts."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing() -> Iterator[None]:
    """Import many modules without a search for garbage in between, which takes a tenth of the time.

    What modules make stays to the end, so that later searches leave it out, too.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def keep_memory() -> None:
    """Let Polars touch little memory and keep it; before it is imported. What the user has set stays.

    To touch a page for the first time is as dear as to decode what is put there. So each batch of a table is
    to take what the one before gave back, which Polars would return to the system after half a second: it
    keeps it for ten. And it is to read no further ahead than threads decode, two parts of the columns of
    Parquet at a time, and CSV in pieces of 4 MiB instead of 32.
    """
    ahead = str(max(1, (os.cpu_count() or 1) // 2))
    os.environ.setdefault("POLARS_ROW_GROUP_PREFETCH_SIZE", ahead)
    os.environ.setdefault("POLARS_CSV_CHUNK_PREFETCH_LIMIT", ahead)
    os.environ.setdefault("POLARS_CSV_CHUNK_SIZE", str(4 * 1024 * 1024))
    os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:10000,muzzy_decay_ms:10000")
