"""How often does drift raise a false alarm where there is none, and how often is a real shift found?

    python benchmarks/data/drift_alarms.py --draws 400
    python benchmarks/data/drift_alarms.py --draws 100 --sizes 1e6:1e6,500:1e6

One line a cell: the share of data sets of 20 columns (with Zipf categories among them) with any alarm, its
standard error, and what a shift of half a standard deviation in one column gives at 1,000 rows.

Of a table that is larger than the sample that distributions are taken from, that sample is drawn: it is
what a uniform sample of independent rows is. Nulls, which are counted in every row, are drawn for every row.
"""

from __future__ import annotations

import argparse
import math

import numpy as np
import polars as pl

from ml_stages.data.distribution import SAMPLE_ROWS, Distribution
from ml_stages.data.drift import Severity, drift
from ml_stages.data.profile import ColumnProfile, Profile
from ml_stages.data.sample import as_numbers, numbers_of, values_of

SIZES = "500:500,1e3:1e3,1e3:5e3,1e4:1e3,1e4:1e4,1e5:1e5,1e6:1e6"
CATEGORIES = 2_000
NULLS = 0.02


def columns(rows: int, random: np.random.Generator, shift: float = 0.0) -> pl.DataFrame:
    zipf = 1 / np.arange(1, CATEGORIES + 1) ** 1.1
    drawn: dict[str, object] = {f"normal{i}": random.normal(size=rows) for i in range(8)}
    drawn["normal0"] = random.normal(shift, size=rows)
    drawn |= {f"heavy{i}": random.standard_t(2, rows) for i in range(2)}
    drawn |= {f"rounded{i}": np.round(random.exponential(size=rows), 1) for i in range(2)}
    drawn |= {f"code{i}": random.integers(0, 6, rows) for i in range(2)}
    drawn |= {f"flag{i}": random.random(rows) < 0.01 for i in range(2)}
    drawn |= {f"zipf{i}": random.choice(CATEGORIES, rows, p=zipf / zipf.sum()).astype(str) for i in range(4)}
    return pl.DataFrame(drawn).with_columns(
        pl.when(pl.Series(random.random(rows) < NULLS))
        .then(None)
        .otherwise(pl.col("normal1"))
        .alias("normal1")
    )


def profile(rows: int, random: np.random.Generator, shift: float = 0.0) -> Profile:
    """The profile of a table of so many rows."""
    table = columns(min(rows, SAMPLE_ROWS), random, shift)
    nulls = int(random.binomial(rows, NULLS)) if rows > table.height else table["normal1"].null_count()
    found = [
        _column(values).model_copy(update={"nulls": nulls if values.name == "normal1" else 0})
        for values in table
    ]
    return Profile(rows=rows, columns=found, duplicates=0, key_duplicates=0)


def _column(values: pl.Series) -> ColumnProfile:
    kind = "float" if values.dtype.is_float() else "int" if values.dtype.is_integer() else "string"
    there = values.drop_nulls()
    found = Distribution(
        distinct=there.n_unique(),
        distinct_error=0,
        numbers=numbers_of(as_numbers(there)) if kind != "string" else None,
        values=values_of(there.cast(pl.String), sensitive=False) if kind != "float" else None,
    )
    std = float(there.std()) if kind == "float" else None  # type: ignore[arg-type]
    return ColumnProfile(name=values.name, type=kind, nulls=values.null_count(), std=std, distribution=found)


def alarmed(reference: Profile, current: Profile) -> tuple[bool, bool]:
    """Whether anything is proven to differ, and whether it also matters."""
    report = drift(reference, current)
    proven = any(d.adjusted_p_value <= 0.05 for column in report.columns for d in column.differences)
    return proven, report.severity in {Severity.MINOR, Severity.MAJOR}


def main(draws: int, seed: int, sizes: str) -> None:
    random = np.random.default_rng(seed)
    print(f"{'reference':>9} {'current':>9} {'proven':>8} {'alarm':>8}  (shares of {draws} data sets)")
    for size in sizes.split(","):
        rows, others = (int(float(number)) for number in size.split(":"))
        found = np.array([alarmed(profile(rows, random), profile(others, random)) for _ in range(draws)])
        proven, alarm = found.mean(axis=0)
        error = math.sqrt(0.05 * 0.95 / draws)
        print(f"{rows:>9,} {others:>9,} {proven:>8.4f} {alarm:>8.4f}  +- {error:.4f}", flush=True)
    for shift in (0.5,):
        hits = [
            drift(profile(1_000, random), profile(1_000, random, shift)).columns[0].severity
            for _ in range(draws)
        ]
        seen = np.mean([hit in {Severity.MINOR, Severity.MAJOR} for hit in hits])
        print(f"a shift of {shift} standard deviations at 1,000 rows is found in {seen:.4f} of the data sets")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sizes", default=SIZES, help="rows of the reference and the current table")
    options = parser.parse_args()
    main(options.draws, options.seed, options.sizes)
