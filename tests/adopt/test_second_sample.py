"""The rules that `init` writes, on a second sample: next month's data must not be red by chance."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from ml_stages.adopt.initial import initial_config
from ml_stages.adopt.second_sample import furthest, least_by_chance, most_by_chance
from ml_stages.checks.registry import CHECKS
from ml_stages.config.data import DataConfig
from ml_stages.data.measure import measure
from ml_stages.data.read import open_table
from ml_stages.data.sample import numbers_of

Draw = Callable[[np.random.Generator, int], Any]
DRAWS: dict[str, Draw] = {
    "normal": lambda random, n: random.normal(50, 10, n),
    "uniform": lambda random, n: random.uniform(-20, 300, n),
    "exponential": lambda random, n: random.exponential(3, n),
    "log-normal": lambda random, n: random.lognormal(3, 1, n),
    "t3": lambda random, n: random.standard_t(3, n),
    "count": lambda random, n: random.poisson(2, n).astype(float),
    "age": lambda random, n: np.clip(random.normal(40, 15, n), 18, 95).round(),
    "capped": lambda random, n: np.minimum(random.exponential(1, n), 1.5),
}


@pytest.mark.parametrize("down", [False, True])
@pytest.mark.parametrize("rows", [300, 3_000])
@pytest.mark.parametrize("name", DRAWS)
def test_the_end_of_a_second_sample_is_within_the_limit(name: str, rows: int, down: bool) -> None:
    """If this fails, a column of numbers makes the first month after the adoption red."""
    random, broken, draws = np.random.default_rng([rows, len(name)]), 0, 300
    unlimited = 0
    sign = -1 if down else 1
    for _ in range(draws):
        first, second = sign * DRAWS[name](random, rows), sign * DRAWS[name](random, rows)
        numbers = numbers_of(np.sort(first))
        assert numbers is not None
        end = float(first.min() if down else first.max())
        limit = furthest(numbers, rows, end, down=down)
        unlimited += limit is None
        assert limit is None or sign * limit >= sign * end
        broken += limit is not None and bool(max(sign * second) > sign * limit)
    assert broken <= 0.03 * draws
    assert unlimited <= 0.05 * draws


def test_what_is_a_thousand_times_too_large_is_beyond_the_limit() -> None:
    """If this fails, cents among dollars, or 999999 for a missing value, pass every rule of `init`."""
    for name in DRAWS.keys() - {"log-normal"}:
        values = DRAWS[name](np.random.default_rng(3), 3_000)
        numbers = numbers_of(np.sort(values))
        assert numbers is not None
        limit = furthest(numbers, len(values), float(values.max()), down=False)
        assert limit is not None
        assert limit < 20 * values.max()


@pytest.mark.parametrize(
    ("values", "limit"),
    [([7.0], None), ([7.0] * 10, 7.0), ([1.0, 2.0, 3.0], None), ([0.0, 1.0, 1e12] * 20 + [1e300], None)],
)
def test_a_limit_that_nothing_tells_is_left_out(values: list[float], limit: float | None) -> None:
    """If this fails, three rows, or rows without any scale, decide what next month's may be."""
    numbers = numbers_of(np.sort(np.array(values)))
    assert numbers is not None
    assert furthest(numbers, len(values), max(values), down=False) == limit


@pytest.mark.parametrize("expected", [1, 2, 9, 50, 400])
def test_counts_of_a_second_sample_are_within_their_shares(expected: int) -> None:
    """If this fails, a few missing values or copies more than last month's are a fault."""
    rows, draws = 10_000, 4_000
    first, second = np.random.default_rng(expected).poisson(expected, (2, draws))
    pairs = [(int(one), int(other)) for one, other in zip(first, second, strict=True) if one]
    over = sum(other / rows > most_by_chance(one, rows) for one, other in pairs)
    under = sum(other / rows < least_by_chance(one, rows) for one, other in pairs)
    assert over <= 0.01 * draws
    assert under <= 0.01 * draws
    assert least_by_chance(10 * expected**2 + 200, rows) > 0


def test_a_limit_far_beyond_what_was_seen_says_why(tmp_path: Path) -> None:
    """If this fails, `max = 52` beside `seen 0 to 3` looks like a mistake."""
    random = np.random.default_rng(1)
    ratios = np.append(random.normal(0.33, 0.1, 2_000).clip(0), 3.0)
    frame = pl.DataFrame({"ratio": ratios, "even": random.uniform(0, 3, len(ratios))})
    frame.with_columns(y=pl.Series(random.choice(["no", "yes"], len(ratios)))).write_csv(tmp_path / "t.csv")
    told = {
        line.partition(" = ")[0]: line
        for line in initial_config(tmp_path, tmp_path / "t.csv", "y").text.splitlines()
    }
    assert "seen 0 to 3; single ones far out" in told["ratio"]
    assert "far out" not in told["even"]


def _month(seed: int, rows: int) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    numbers = {name: draw(random, rows) for name, draw in DRAWS.items()}
    return pl.DataFrame(
        {
            "id": np.arange(rows) + seed * rows,
            **numbers,
            "visits": random.poisson(4, rows),
            "code": random.choice([1, 2, 3], rows),
            "state": random.choice(["CA", "NY", "TX"], rows),
            "word": [f"w{rank}" for rank in np.minimum(random.zipf(1.7, rows), 10**6)],
            "gap": np.where(random.random(rows) < 0.05, np.nan, random.normal(size=rows)),
            "y": random.choice(["no", "yes"], rows, p=[0.95, 0.05]),
        }
    )


def test_the_second_month_keeps_the_rules_of_the_first(tmp_path: Path) -> None:
    """If this fails, whoever adopts the pipeline has a red run without any fault in the data."""
    found = []
    for month in range(12):
        file = tmp_path / "data.parquet"
        _month(2 * month + 1, 400).write_parquet(file)
        initial = initial_config(tmp_path, file, "y")
        assert not initial.findings
        table = tomllib.loads(initial.text)["tool"]["ml-pipeline"]
        config = DataConfig.model_validate(table["data"])
        _month(2 * month + 2, 400).write_parquet(file)
        profile = measure(open_table(tmp_path, config), config, table["task"])
        found += [finding.message for check in CHECKS for finding in check(profile, config)]
    assert len(found) <= 2, found
