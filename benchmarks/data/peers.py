"""Validation and drift against their peers: every contestant in turn, several rounds, medians.

    python benchmarks/data/peers.py --rows 1e6 --peers PYTHON [PYTHON ...]
    python benchmarks/data/peers.py --rows 1e7                  # against a bare read alone

Among them the interpreters have pandera[pandas,polars], great_expectations, evidently and alibi-detect, each
beside pyarrow or fastparquet: in 2026 the last two no longer install together.
Contestants alternate within a round, so that a busy machine is busy for all; ratios are of paired rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

CHUNK = 1_000_000
BARE = ("bare_polars",)
OURS = ("our_rules_alone", "ours", "ours_with_row_duplicates")
PEERS = {
    "pandera_polars": "pandera",
    "pandera_pandas": "pandera",
    "great_expectations": "great_expectations",
}
DRIFT = ("read_drift_columns", "our_drift")
DRIFT_PEERS = {"evidently": "evidently", "alibi_detect": "alibi_detect"}


def table(start: int, rows: int, random: np.random.Generator) -> pl.DataFrame:
    """20 mixed columns that keep every rule."""
    drawn: dict[str, Any] = {"id": random.permutation(rows) + start}
    drawn |= {f"f{i}": random.normal(size=rows) for i in range(6)}
    drawn |= {"f6": random.lognormal(size=rows), "f7": np.round(random.lognormal(3, 1, rows), 2)}
    drawn |= {"f8": random.normal(size=rows)}
    drawn |= {f"i{i}": random.integers(0, top, rows) for i, top in enumerate((10, 100, 5_000, 1_000_000))}
    drawn |= {"b": random.random(rows) < 0.3, "y": (random.random(rows) < 0.2).astype(np.int64)}
    texts = {"s0": [f"s{i:02d}" for i in range(50)], "s1": ["red", "green", "blue", "yellow"]}
    drawn |= {name: pl.Series(np.array(v)[random.integers(0, len(v), rows)]) for name, v in texts.items()}
    found = pl.DataFrame(drawn).with_columns(
        s2=pl.Series(random.integers(0, 20_000, rows)).cast(pl.String) + "-code",
        t=pl.datetime(2024, 1, 1) + pl.duration(seconds=pl.Series(random.integers(0, 10**7, rows))),
    )
    missing = pl.Series(random.random(rows) < 0.01)
    return found.with_columns(f0=pl.when(missing).then(None).otherwise("f0"))


def write(file: Path, rows: int, seed: int, compression: Any = "zstd") -> None:
    """A Parquet file, piece by piece."""
    random = np.random.default_rng(seed)
    parts = []
    for start in range(0, rows, CHUNK):
        parts.append(file.with_name(f"{file.stem}-{start}.part"))
        table(start, min(CHUNK, rows - start), random).write_parquet(parts[-1])
    pl.scan_parquet(parts).sink_parquet(file, row_group_size=250_000, compression=compression)
    for part in parts:
        part.unlink()


def run(python: str, name: str, file: Path, reference: Path) -> dict[str, Any] | None:
    """One contestant's numbers; ``None`` when it failed."""
    script = Path(__file__).with_name("contestants.py")
    ended = subprocess.run(
        [python, str(script), name, str(file), str(reference)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONWARNINGS": "ignore", "GX_ANALYTICS_ENABLED": "false"},
    )
    if ended.returncode:
        print(f"{name} failed: {ended.stderr.strip().splitlines()[-1] if ended.stderr else ended.returncode}")
        return None
    found: dict[str, Any] = json.loads(ended.stdout.strip().splitlines()[-1])
    return found


def compare(names: list[tuple[str, str]], file: Path, reference: Path, rounds: int) -> None:
    """Print medians, and each contestant's ratio to the first one of the same round."""
    numbers: dict[str, list[dict[str, Any]]] = {name: [] for name, _ in names}
    for _ in range(rounds):
        for name, python in names:
            ended = run(python, name, file, reference)
            if ended is not None:
                numbers[name].append(ended)
    print(f"{'':26} {'seconds':>8} {'cpu':>7} {'x first':>8} {'cpu x':>6} {'peak MB':>8}  found")
    first = numbers[names[0][0]]
    for name, found in numbers.items():
        if found:
            wall, cpu, peak = (statistics.median(n[k] for n in found) for k in ("seconds", "cpu", "peak"))
            times, burnt = (
                statistics.median(n[k] / f[k] for n, f in zip(found, first, strict=False))
                for k in ("seconds", "cpu")
            )
            shown = str(found[-1]["found"])[:40]
            print(f"{name:26} {wall:8.2f} {cpu:7.2f} {times:8.2f} {burnt:6.2f} {peak:8.0f}  {shown}")


def _with_python(peers: dict[str, str], pythons: list[str]) -> list[tuple[str, str]]:
    """Each peer with the first interpreter that has its library; who has none is named and left out."""
    code = "import sys, importlib.util; sys.exit(importlib.util.find_spec(sys.argv[1]) is None)"
    found = []
    for name, library in peers.items():
        able = (p for p in pythons if not subprocess.run([p, "-c", code, library], check=False).returncode)
        if python := next(able, None):
            found.append((name, python))
        elif pythons:
            print(f"{name} left out: none of {', '.join(pythons)} has {library}")
    return found


def main(rows: int, rounds: int, peers: list[str], compression: str) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        file, reference = Path(scratch, "current.parquet"), Path(scratch, "reference.parquet")
        write(file, rows, 1, compression)
        own = [(name, sys.executable) for name in (*BARE, *OURS)]
        print(f"validation of {rows:,} rows, 20 columns, 21 rules, median of {rounds} rounds")
        compare([*own, *_with_python(PEERS, peers)], file, reference, rounds)
        write(reference, min(rows, CHUNK), 2, compression)
        own = [(name, sys.executable) for name in DRIFT]
        print(f"drift of {rows:,} rows, 16 columns")
        compare([*own, *_with_python(DRIFT_PEERS, peers)], file, reference, rounds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=float, default=1e6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", nargs="+", default=[], help="the interpreters of the peers' environments")
    parser.add_argument("--compression", default="zstd", help="of the files: zstd, as Polars does, or snappy")
    options = parser.parse_args()
    main(int(options.rows), options.rounds, options.peers, options.compression)
