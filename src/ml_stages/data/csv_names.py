"""The names of CSV's columns: Polars leaves a doubled quote in a name as it stands."""

from __future__ import annotations

from pathlib import Path

import polars as pl


def doubled(name: str) -> str:
    """As Polars reads the name from a header that was written by the rules."""
    return name.replace('"', '""')


def meant(name: str) -> str:
    """The name that was written, from the one that Polars read."""
    return name.replace('""', '"')


def read_texts(file: Path) -> pl.DataFrame:
    """A file with commas between its fields, every value as a text, columns by the names that are meant."""
    return pl.read_csv(file, infer_schema=False, glob=False).rename(meant)
