"""How time and memory of a validation grow with the rows; draws `growth.svg` beside this file.

    python benchmarks/data/growth.py --sizes 1e5 3e5 1e6 3e6 1e7 3e7

Processor seconds, since they do not depend on who else uses the machine; medians of the rounds.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import tempfile
from pathlib import Path

from peers import run, write

CONTESTANTS = {
    "bare_polars": "#888",
    "our_rules_alone": "#2a7",
    "ours": "#27c",
    "ours_with_row_duplicates": "#c52",
}
WIDTH, HEIGHT, LEFT, BOTTOM = 560, 360, 60, 40
Numbers = dict[str, list[tuple[int, float, float]]]


def measured(sizes: list[int], rounds: int) -> Numbers:
    """Rows, processor seconds and peak megabytes by contestant."""
    found: Numbers = {name: [] for name in CONTESTANTS}
    for rows in sizes:
        with tempfile.TemporaryDirectory() as scratch:
            file = Path(scratch, "t.parquet")
            write(file, rows, 1)
            for name in CONTESTANTS:
                ended = [run(sys.executable, name, file, file) for _ in range(rounds)]
                there = [numbers for numbers in ended if numbers is not None]
                cpu, peak = (
                    statistics.median(numbers[what] for numbers in there) for what in ("cpu", "peak")
                )
                found[name].append((rows, cpu, peak))
                print(
                    f"{rows:>12,} {name:26} {cpu:8.2f} s {peak:8.0f} MB {1e6 * cpu / rows:8.3f} s a million"
                )
    return found


def drawing(found: Numbers) -> str:
    """Seconds over rows, both in logarithms, as SVG."""
    rows = [math.log10(row) for points in found.values() for row, _, _ in points]
    seconds = [math.log10(cpu) for points in found.values() for _, cpu, _ in points]
    low, high = math.floor(min(seconds)), math.ceil(max(seconds))
    first, last = math.floor(min(rows)), math.ceil(max(rows))

    def x(row: float) -> float:
        return LEFT + (math.log10(row) - first) / (last - first) * (WIDTH - LEFT - 10)

    def y(cpu: float) -> float:
        return HEIGHT - BOTTOM - (math.log10(cpu) - low) / (high - low) * (HEIGHT - BOTTOM - 10)

    parts = [f'<text x="{x(10**e):.0f}" y="{HEIGHT - 15}">1e{e} rows</text>' for e in range(first, last)]
    parts += [f'<text x="5" y="{y(10**e):.0f}">1e{e} s</text>' for e in range(low, high + 1)]
    for place, (name, points) in enumerate(found.items()):
        line = " ".join(f"{x(row):.1f},{y(cpu):.1f}" for row, cpu, _ in points)
        colour = CONTESTANTS[name]
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(
            f'<text x="{LEFT + 20}" y="{20 + 16 * place}" fill="{colour}">{name.replace("_", " ")}</text>'
        )
    style = 'font-family="sans-serif" font-size="12"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {style}>'
    return "\n".join([head, *parts, "</svg>", ""])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=float, nargs="+", default=[1e5, 3e5, 1e6, 3e6, 1e7])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    numbers = measured([int(size) for size in options.sizes], options.rounds)
    Path(__file__).with_name("growth.svg").write_text(drawing(numbers), encoding="utf-8")
