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
    """Let Polars keep memory that is free for ten seconds instead of half of one; before it is imported.

    Each batch of a table takes what the one before gave back: to return it to the system and ask for it
    anew takes a tenth of the validation of a large CSV file. And let it read as many row groups of Parquet
    ahead as there are threads to decode them, instead of 16 or more, whose memory is as costly. What the
    user has set stays (of jemalloc).
    """
    os.environ.setdefault("POLARS_ROW_GROUP_PREFETCH_SIZE", str(max(2, os.cpu_count() or 2)))
    os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:10000,muzzy_decay_ms:10000")
