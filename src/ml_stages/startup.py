"""How a process starts."""

from __future__ import annotations

import gc
import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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


_BEFORE: dict[str, str | None] = {}
"""Variables of the environment that were set here, with what they were."""


def _set(name: str, value: str) -> None:
    _BEFORE[name] = os.environ.get(name)
    os.environ[name] = value


def environment_before() -> dict[str, str]:
    """The environment without what was set here: for processes in which other code than ours runs.

    A model is to be tested as it will be served, and its libraries are others than ours.
    """
    return {name: value for name, value in {**os.environ, **_BEFORE}.items() if value is not None}


_ALLOCATOR = "_RJEM_MALLOC_CONF"
_OF_POLARS = "dirty_decay_ms:500,muzzy_decay_ms:1000"
"""What Polars sets of its allocator as it is imported, and leaves to every process that is started then."""


def keep_memory() -> None:
    """Let Polars touch little memory and keep it; before it is imported. What the user has set stays.

    To touch a page for the first time is as dear as to decode what is put there. So each batch of a table is
    to take what the one before gave back, which Polars would return to the system after half a second: it
    keeps it for ten. Threads share arenas, one for two processors instead of four for each, so that one takes
    what another gave back. And it is to read no more row groups of Parquet ahead than there are threads to
    decode them, instead of 16, and CSV in pieces of 4 MiB instead of 32.
    """
    processors = os.cpu_count() or 1
    ahead = {
        "POLARS_ROW_GROUP_PREFETCH_SIZE": max(2, processors),
        "POLARS_CSV_CHUNK_PREFETCH_LIMIT": max(1, processors // 2),
        "POLARS_CSV_CHUNK_SIZE": 4 * 1024 * 1024,
    }
    for name in ahead.keys() - os.environ.keys():
        _set(name, str(ahead[name]))
    if os.environ.get(_ALLOCATOR, _OF_POLARS) == _OF_POLARS:
        arenas = max(1, processors // 2)
        _set(_ALLOCATOR, f"narenas:{arenas},dirty_decay_ms:10000,muzzy_decay_ms:10000")


_PROCESSORS = Path("/proc/cpuinfo")
_CHOICES_OF_NUMPY = ("NPY_DISABLE_CPU_FEATURES", "NPY_ENABLE_CPU_FEATURES")


def sort_quickly() -> None:
    """Let NumPy sort with AVX2 on AMD's Zen 4; before it is imported. What the user has set stays.

    With AVX-512 it stores what it compresses right to memory, which these processors do in many small steps:
    131,072 numbers take 5.3 ms instead of 0.9. For that `exp` and `log` of as many take 0.5 instead of 0.1.

    Source: https://github.com/numpy/x86-simd-sort/issues/6
    """
    if _is_zen_4() and not any(name in os.environ for name in _CHOICES_OF_NUMPY):
        from importlib.metadata import version  # noqa: PLC0415 - takes 10 ms, which other processors save

        groups_by_level = tuple(map(int, version("numpy").split(".")[:2])) >= (2, 4)
        _set(_CHOICES_OF_NUMPY[0], "X86_V4" if groups_by_level else "AVX512_SKX")


def _is_zen_4() -> bool:
    """Whether Linux tells of AMD's family 25 with AVX-512, which Zen 3, of that family too, lacks."""
    if not _PROCESSORS.exists():
        return False
    with _PROCESSORS.open(encoding="utf-8", errors="replace") as lines:
        first = itertools.takewhile(str.strip, lines)
        told = {name.strip(): value.split() for name, _, value in (line.partition(":") for line in first)}
    family = told.get("vendor_id"), told.get("cpu family")
    return family == (["AuthenticAMD"], ["25"]) and "avx512f" in told.get("flags", ())
