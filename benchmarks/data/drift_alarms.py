"""How often does drift raise a false alarm where there is none, and how often is a real shift found?

    python benchmarks/data/drift_alarms.py --draws 1000
    python benchmarks/data/drift_alarms.py --draws 200 --sizes 1e6:1e6,500:1e6

One line a cell: of so many pairs of tables with 20 columns (Zipf categories among them, and more categories
than a profile lists), the share in which any test of any column rejects, and the share with an alarm, with
exact 95 % intervals (Clopper and Pearson 1934); then how often a shift of half a standard deviation in one
column is found.

A profile keeps little of a table, and that is what is drawn, so that a million rows cost no more than
thousands: counts of values as multinomials, and of numbers without ties the order statistics that are
stored, which are sums of exponential spacings (Devroye 1986, V.3). Of a table that is larger than the sample
that distributions are taken from, what the sample holds is drawn; nulls are those of every row.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import ndtri
from scipy.stats import binomtest

from ml_stages.data.distribution import MOST_VALUES, POINTS, SAMPLE_ROWS, Distribution, Numbers, Values
from ml_stages.data.profile import ColumnProfile, Profile
from ml_stages.drift.measure import Severity, drift

SIZES = "500:500,1e3:1e3,5e3:5e3,1e5:1e5,1e6:1e6,1e6:500,1e6:1e3,1e6:5e3,1e6:1e5"
FOUND = {Severity.MINOR, Severity.MAJOR}
NULLS = 0.02

Floats = np.ndarray[Any, np.dtype[np.float64]]


def zipf(categories: int) -> Floats:
    weights = 1 / np.arange(1, categories + 1) ** 1.1
    return weights / weights.sum()


def heavy(shares: Floats) -> Floats:
    """Quantiles of Student's t with two degrees of freedom."""
    return (2 * shares - 1) / np.sqrt(2 * shares * (1 - shares))


TENTHS = np.arange(401) / 10
LENGTHS = np.arange(40.0)
"""Of texts; each category has one of them."""
ROUNDED = np.diff(-np.exp(-np.append(np.maximum(TENTHS - 0.05, 0), np.inf)))
"""Chances of exponential times rounded to a tenth."""
CONTINUOUS: dict[str, Callable[[Floats], Floats]] = {f"normal{i}": ndtri for i in range(7)}
CONTINUOUS |= {f"heavy{i}": heavy for i in range(2)}
CATEGORIES = {f"zipf{i}": zipf(2_000) for i in range(3)}
CATEGORIES |= {"longtail": zipf(20_000), "even": np.full(5_100, 1 / 5_100)}
CATEGORIES |= {f"flag{i}": np.array([0.99, 0.01]) for i in range(2)}


def profile(rows: int, random: np.random.Generator, shift: float = 0.0) -> Profile:
    """The profile of a table of so many rows, whose first column is shifted."""
    seen = min(rows, SAMPLE_ROWS)
    nulls = int(random.binomial(seen, NULLS))
    columns = []
    for name, quantile in CONTINUOUS.items():
        missing = nulls if name == "normal1" else 0
        numbers = in_order(seen - missing, random, quantile, shift if name == "normal0" else 0.0)
        columns.append(_column(name, "float", missing, seen, numbers=numbers))
    for i in range(2):
        counts = random.multinomial(seen, ROUNDED)
        columns.append(_column(f"rounded{i}", "float", 0, len(TENTHS), numbers=counted(TENTHS, counts)))
    for i in range(2):
        codes, counts = np.arange(6.0), random.multinomial(seen, np.full(6, 1 / 6))
        columns.append(
            _column(f"code{i}", "int", 0, 6, numbers=counted(codes, counts), values=listed(counts))
        )
    for name, chances in CATEGORIES.items():
        counts = random.multinomial(seen, chances)
        told = {"values": listed(counts), "lengths": counted(LENGTHS, lengths(counts))}
        columns.append(_column(name, "string", 0, int((counts > 0).sum()), **told))
    unseen = int(random.binomial(rows - seen, NULLS))
    columns[1] = columns[1].model_copy(update={"nulls": nulls + unseen})
    return Profile(rows=rows, columns=columns, duplicates=0, key_duplicates=0)


def _column(name: str, kind: Any, nulls: int, distinct: int, **parts: Numbers | Values) -> ColumnProfile:
    found = Distribution.model_validate({"distinct": distinct, "distinct_error": 0, **parts})
    return ColumnProfile(name=name, type=kind, nulls=nulls, distribution=found)


def in_order(
    rows: int, random: np.random.Generator, quantile: Callable[[Floats], Floats], shift: float = 0.0
) -> Numbers:
    """What ``numbers_of`` keeps of so many numbers, no two of which are equal."""
    ranks = np.arange(rows) if rows <= POINTS else np.linspace(0, rows - 1, POINTS).round().astype(int)
    reached = random.standard_gamma(np.diff(ranks + 1, prepend=0)).cumsum()
    uniform = reached / (reached[-1] + random.standard_gamma(rows - ranks[-1]))
    return Numbers(
        rows=rows,
        effective_rows=rows,
        points=(quantile(uniform) + shift).tolist(),
        shares=((ranks + 1) / rows).round(9).tolist(),
        complete=rows <= POINTS,
    )


def counted(values: Floats, counts: Any) -> Numbers:
    """What ``numbers_of`` keeps of fewer different numbers than it stores points."""
    there, rows = counts > 0, int(counts.sum())
    shares = (counts[there].cumsum() / rows).round(9).tolist()
    return Numbers(rows=rows, effective_rows=rows, points=values[there].tolist(), shares=shares)


def lengths(counts: Any) -> Any:
    """Rows whose text has each of ``LENGTHS``."""
    return np.bincount(np.arange(len(counts)) % len(LENGTHS), weights=counts, minlength=len(LENGTHS))


def listed(counts: Any) -> Values:
    """What ``values_of`` keeps."""
    order = np.argsort(-counts, kind="stable")[: int((counts > 0).sum())]
    most, rows = order[:MOST_VALUES], int(counts.sum())
    return Values(
        rows=rows,
        effective_rows=rows,
        counts=dict(zip(map(str, most.tolist()), counts[most].tolist(), strict=True)),
        others=int(counts[order[MOST_VALUES:]].sum()),
        other_values=len(order) - len(most),
        once=int((counts == 1).sum()),
    )


def alarmed(reference: Profile, current: Profile) -> tuple[bool, bool]:
    """Whether anything is proven to differ, and whether it also matters."""
    report = drift(reference, current)
    proven = any(d.adjusted_p_value <= 0.05 for column in report.columns for d in column.differences)
    return proven, report.severity in FOUND


def interval(hits: int, draws: int) -> str:
    exact = binomtest(hits, draws).proportion_ci(0.95, "exact")
    return f"{hits / draws:.2%} ({exact.low:.2%} to {exact.high:.2%})"


def main(draws: int, seed: int, sizes: str) -> None:
    random = np.random.default_rng(seed)
    print(f"reference, current rows: proven, alarm, of {draws:,} data sets")
    for size in sizes.split(","):
        rows, others = (int(float(number)) for number in size.split(":"))
        found = [alarmed(profile(rows, random), profile(others, random)) for _ in range(draws)]
        proven, alarm = (sum(hits) for hits in zip(*found, strict=True))
        print(f"{rows:,}, {others:,}: {interval(proven, draws)}, {interval(alarm, draws)}", flush=True)
    for rows in (1_000, 1_000_000):
        shifted = [drift(profile(rows, random), profile(1_000, random, 0.5)) for _ in range(draws)]
        hits = sum(report.columns[0].severity in FOUND for report in shifted)
        others = sum(any(column.severity in FOUND for column in report.columns[1:]) for report in shifted)
        print(
            f"a shift of 0.5 in one column at {rows:,}, 1,000: found {interval(hits, draws)},"
            f" another column beside it {interval(others, draws)}",
            flush=True,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sizes", default=SIZES, help="rows of the reference and the current table")
    options = parser.parse_args()
    main(options.draws, options.seed, options.sizes)
