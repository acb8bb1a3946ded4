"""Where the first rows stand that break a rule: right in every batch, and found in few passes."""

from __future__ import annotations

import math
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_stages.config.data import DataConfig
from ml_stages.data import columns, first_rows, stream
from ml_stages.data.place import places_of
from ml_stages.data.read import Table, open_table
from tests.data.job import folder

RULES: dict[str, dict[str, Any]] = {
    "x": {"type": "float", "min": 0, "max": 5, "max_null": 0.0},
    "s": {"type": "string", "allowed": ["a", "b"], "max_null": 0.0},
}
NUMBERS = st.one_of(st.none(), st.just(math.nan), st.integers(-3, 8).map(float))
ROWS = st.lists(st.tuples(NUMBERS, st.sampled_from([None, "a", "b", "c", "d"])), min_size=1, max_size=40)


@pytest.fixture
def small_batches() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module in (stream, first_rows):
            patch.setattr(module, "_CELLS", 1)
            patch.setattr(module, "_LEAST_ROWS", 7)
        yield


@pytest.mark.usefixtures("small_batches")
@given(rows=ROWS, as_csv=st.booleans())
def test_the_first_rows_that_break_a_rule(rows: list[tuple[Any, Any]], *, as_csv: bool) -> None:
    """If this fails, somebody is sent to a row with which nothing is wrong, or past the first wrong one."""
    x, s = [row[0] for row in rows], [row[1] for row in rows]
    table = pl.DataFrame({"id": range(len(rows)), "x": x, "s": s, "y": ["a"] * len(rows)}, strict=False)
    table = table.cast({"x": pl.Float64, "s": pl.String})
    missing = [one is None or math.isnan(one) for one in x]
    wrong = {
        ("range", "x", "above"): [i for i, one in enumerate(x) if not missing[i] and one > 5],
        ("range", "x", "below"): [i for i, one in enumerate(x) if not missing[i] and one < 0],
        ("allowed-values", "s", ""): [i for i, one in enumerate(s) if one not in {None, "a", "b"}],
        ("nulls", "x", ""): [i for i, gone in enumerate(missing) if gone],
        ("nulls", "s", ""): [i for i, one in enumerate(s) if one is None],
    }
    with tempfile.TemporaryDirectory() as root:
        content = table.write_csv() if as_csv else table
        found = folder(Path(root), content, key=["id"], columns=RULES).validate().findings
    told = {(one.rule, one.column, _side(one.message)): one for one in found}
    for key, places in wrong.items():
        assert (key in told) == bool(places)
        if places:
            assert told[key].message.endswith(
                f"row {places[0] + 1}" if not as_csv else f"line {places[0] + 2}"
            )
    for name in ("x", "s"):
        if places := wrong["nulls", name, ""]:
            assert [int(one) for one in told["nulls", name, ""].examples] == places[:5]


def _side(message: str) -> str:
    return next((side for side in ("above", "below") if side in message), "")


def test_a_table_is_read_as_often_however_wide_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If this fails, a wide table of which many columns break rules, or begin late, is read for each of them:
    200 columns took half a minute instead of a second."""
    reads: Counter[str] = Counter()
    for name in ("collect", "batches"):
        real = getattr(Table, name)

        def counted(*given: Any, name: str = name, real: Any = real) -> Any:
            reads[name] += 1
            return real(*given)

        monkeypatch.setattr(Table, name, counted)
    monkeypatch.setattr(columns, "_SAMPLE_ROWS", 20)

    def reads_of(width: int) -> Counter[str]:
        reads.clear()
        rules = {f"null{i}": {"max_null": 0.0} for i in range(width)} | {
            f"high{i}": {"max": 10} for i in range(width)
        }
        data = folder(tmp_path / str(width), _wide(width), columns=rules)
        assert Counter(one.rule for one in data.validate().findings) == Counter(
            dict.fromkeys(["nulls", "range", "stray-words", "decimal-commas"], width)
        )
        return reads.copy()

    assert reads_of(12) == reads_of(2)


def _wide(width: int) -> str:
    """Columns that begin late, are too high, hold strays, and commas; a quote, so that lines are counted."""
    kinds: dict[str, list[Any]] = {
        "late": [*[None] * 30, *range(70)],
        "high": [*[1] * 50, *range(50)],
        "null": [*range(99), None],
        "stray": [*range(99), "unknown"],
        "comma": [f"{i},5" for i in range(100)],
    }
    return pl.DataFrame(
        {f"{kind}{i}": pl.Series(map(_text, values)) for kind, values in kinds.items() for i in range(width)}
        | {"y": ["a", "b"] * 50}
    ).write_csv()


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


@pytest.mark.parametrize("form", ["csv", "quoted", "jsonl", "parquet"])
def test_places_of_rows_in_several_files(tmp_path: Path, form: str) -> None:
    """If this fails, of several rows the second one is looked for from the top of another file."""
    lines: list[tuple[str, int | None]] = []
    for number, rows in enumerate([3, 0, 4]):
        text = "a\nb" if form == "quoted" else "a"
        table = pl.DataFrame({"x": [text] * rows, "y": ["b"] * rows}, schema={"x": pl.String, "y": pl.String})
        file = tmp_path / f"{number}.{'csv' if form == 'quoted' else form}"
        write: dict[str, Callable[[Path], Any]] = {
            "jsonl": table.write_ndjson,
            "parquet": table.write_parquet,
        }
        write.get(form, table.write_csv)(file)
        first = {"csv": 2, "quoted": 2, "jsonl": 1, "parquet": None}[form]
        step = 2 if form == "quoted" else 1
        lines += [(file.name, None if first is None else first + step * row) for row in range(rows)]
    table_of = open_table(tmp_path, DataConfig(path=f"*{file.suffix}", label="y"))
    for wanted in ([6], [0, 1, 2, 3, 4, 5, 6], [2, 5], []):
        places = places_of(table_of, wanted)
        assert {row: (place.file, place.line) for row, place in places.items()} == {
            row: lines[row] for row in wanted
        }
