"""Finished files of the prediction log as Parquet, for those who read many of them.

A Parquet file is whole or worthless, and a worker may be killed at any moment: so predictions are written as
JSON lines, and a file of them becomes Parquet when it is full, or when the server stops. Its rows are its
lines, with the same fields. Needs pyarrow, out of the project's own pins.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any


class ParquetError(Exception):
    """The environment cannot write Parquet; the message says what to do."""


class ParquetFiles:
    """Turns files of JSON lines into Parquet."""

    def __init__(self) -> None:
        """Raises :class:`ParquetError` where pyarrow is missing."""
        try:
            import pyarrow.json  # noqa: PLC0415 - only who wants Parquet needs it
            import pyarrow.parquet  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise ParquetError(
                "ML_SERVING_LOG_FORMAT=parquet needs pyarrow, which is not installed; expected it in the"
                " project's lock, or ML_SERVING_LOG_FORMAT=jsonl"
            ) from error
        self._json: Any = pyarrow.json
        self._parquet: Any = pyarrow.parquet

    def convert(self, lines: Path) -> None:
        """Replace a file of JSON lines; raises :class:`OSError` and leaves it where it is when that fails."""
        if lines.stat().st_size == 0:
            return
        target, partial = lines.with_suffix(".parquet"), lines.with_suffix(".partial")
        try:
            # A line, which is a request, may be longer than the block that pyarrow reads by itself.
            options = self._json.ReadOptions(block_size=min(lines.stat().st_size + 1, 2**31 - 1))
            table = self._json.read_json(str(lines), read_options=options)
            self._parquet.write_table(table, str(partial), compression="zstd")
        except (ValueError, OSError) as error:  # pyarrow's own errors are of the first kind
            partial.unlink(missing_ok=True)
            raise OSError(f"{lines.name} cannot be written as Parquet: {error}") from error
        partial.replace(target)
        lines.unlink()
