"""What pandas wrote of a table's index: a column of its own, which other readers show as any other."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from ml_stages.config.data import DataConfig

_UNNAMED = re.compile(r"__index_level_\d+__")


def unnamed_index(names: Sequence[str], config: DataConfig) -> list[str]:
    """Columns that hold an index without a name, but for those that the configuration names."""
    rules = config.split
    named = {config.label, *config.key, *config.columns, rules.column, rules.group, rules.time}
    return [name for name in names if _UNNAMED.fullmatch(name) and name not in named]


def named_index(file: Path) -> list[str]:
    """The names of the index of a Parquet file, where pandas wrote it and it has some."""
    written = pl.read_parquet_metadata(file).get("pandas")
    try:
        columns = json.loads(written)["index_columns"] if written else []
    except (ValueError, KeyError, TypeError):
        return []  # only for a hint
    return [name for name in columns if isinstance(name, str) and not _UNNAMED.fullmatch(name)]
