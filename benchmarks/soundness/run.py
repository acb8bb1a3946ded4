"""Simulate how often verdicts err, and write the tables into README.md beside this file.

    python benchmarks/soundness/run.py [--draws 20000] [--only paired] [--kinds "own number"]

Each section goes into a file of its own. Seeds are fixed: the same draws give the same tables. With
``--kinds`` only such kinds of the section `few` are drawn, and the others stay as they are; with ``--only``
and no section nothing is drawn, and README.md is written from what there is.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import aucs
import behaviours
import clusters
import composed
import coverage
import families
import floors
import holdouts
import instead
import label_sets
import looks
import lost_groups
import noise
import numpy as np
import paired
import probabilities
import rankings
import regressions
import scenarios
import single

from report import write

HERE = Path(__file__).parent


def paired_tables(draws: int) -> list[dict[str, Any]]:
    """F1 and accuracy over the grid, by four methods on the same draws."""
    rows = []
    for number, scenario in enumerate(scenarios.scenarios()):
        rng = np.random.default_rng([7, number])
        counts = paired.draw(scenario, draws, rng)
        for metric, ours in (
            (scenarios.f1, paired.dirichlet_f1(counts, rng)),
            (scenarios.accuracy, paired.tango_of(counts)),
        ):
            true = float(paired.point_values(scenario.chances[None] * scenario.rows, metric)[0])
            points = paired.point_values(counts, metric)
            lower, upper = paired.percentile(counts, metric, rng)
            rows.append(
                {
                    "metric": metric.__name__, "scenario": scenario.name, "rows": scenario.rows,
                    "base_rate": scenario.base_rate, "true": true, "draws": draws,
                    "ours": asdict(paired.errors_of(*ours, true)), "width": float(np.mean(ours[1] - ours[0])),
                    "percentile": asdict(paired.errors_of(lower, upper, true)),
                    "percentile_width": float(np.mean(upper - lower)),
                    "point": float(np.mean(points >= 0)) if true < 0 else float(np.mean(points < 0)),
                    "tolerance": float(np.mean(points >= true)) if true < 0 else None,
                }
            )  # fmt: skip
    return rows


def exact_table() -> list[dict[str, Any]]:
    """Tango's errors by enumeration, over sizes, discordance and one-way harm."""
    rows = []
    for size in (500, 5_000, 100_000, 1_000_000):
        for gained, lost in ((0, 1.3), (0, 3.7), (0, 10), (5, 5), (2, 12), (50, 50), (20, 60)):
            rows.append(
                {"rows": size, "gained": gained, "lost": lost}
                | asdict(paired.exact_tango(size, gained, lost))
            )
    return rows


def ranking_table(draws: int) -> list[dict[str, Any]]:
    rng = np.random.default_rng(9)
    cases = [(500, 25), (600, 72), (2000, 400)]
    kinds = [("equal", 0.0), ("harm, 1.3 rows one way", 1.3), ("harm, 3 rows one way", 3.0)]
    return [asdict(rankings.compare(name, size, lost, draws, rng)) for size in cases for name, lost in kinds]


def family_table(draws: int) -> list[dict[str, Any]]:
    rng = np.random.default_rng(8)
    return [asdict(families.slice_family(count, 0.03, draws, rng)) for count in (20, 60)]


def clustered_table(draws: int) -> list[dict[str, Any]]:
    rng = np.random.default_rng(6)
    return [asdict(families.clustered(count, draws, rng)) for count in (10, 50, 200)]


def few_table(draws: int) -> list[dict[str, Any]]:
    return [asdict(one) for one in clusters.few_groups(draws, 20)]


def lost_table(draws: int) -> list[dict[str, Any]]:
    return [asdict(one) for one in lost_groups.lost(draws)]


def draw_kinds(draws: int, kinds: list[str]) -> None:
    """Of families on few groups draw such kinds anew: each cell has its own seed, and is kept when drawn."""
    path, start = HERE / "few.json", time.process_time()
    for one in clusters.few_groups(draws, 20, kinds):
        section = json.loads(path.read_text(encoding="utf-8"))
        found = {(row["kind"], row["groups"]): row for row in section["rows"]} | {
            (one.kind, one.groups): asdict(one)
        }
        places = [(kind, groups) for kind in clusters.KINDS for groups in (10, 20, 50)]
        section["rows"] = [found[place] for place in places if place in found]
        section["seconds"] += round(time.process_time() - start)
        start = time.process_time()
        path.write_text(json.dumps(section, indent=1) + "\n", encoding="utf-8")


def single_table(draws: int) -> list[dict[str, Any]]:
    rng = np.random.default_rng(10)
    found = []
    for rows, positives, auc in (
        (500, 25, 0.75),
        (500, 25, 0.85),
        (500, 25, 0.9),
        (500, 25, 0.99),
        (600, 72, 0.9),
        (2000, 400, 0.8),
    ):
        found += single.ranked(rows, positives, auc, draws, rng)
    cases = ((500, 0.05), (600, 0.12), (5000, 0.05))
    for case in cases:
        found += single.counted("mcc", *case, draws, rng)
    for number, case in enumerate(cases):
        found += single.counted("f1", *case, draws, np.random.default_rng([22, number]))
    return [asdict(one) for one in found]


def measured_table(draws: int) -> list[dict[str, Any]]:
    cases = [(rows, tail) for rows in (100, 200, 2000, 400) for tail in single.RESIDUALS]
    found = [
        cell
        for number, case in enumerate(cases)
        for cell in single.measured(*case, draws, np.random.default_rng([14, number]))
    ]
    return [asdict(one) for one in sorted(found, key=lambda one: one.rows)]


def regression_table(draws: int) -> list[dict[str, Any]]:
    cases = [(scenario, rows) for rows in (500, 2000) for scenario in regressions.SCENARIOS]
    return [
        asdict(one)
        for number, case in enumerate(cases)
        for one in regressions.compare(*case, draws, np.random.default_rng([16, number]))
    ]


def probable_table(draws: int) -> list[dict[str, Any]]:
    return [asdict(one) for one in probabilities.probable(draws)]


def compared_table(draws: int) -> list[dict[str, Any]]:
    return [asdict(one) for one in probabilities.compared(draws)]


def adversary_table(draws: int) -> list[dict[str, Any]]:
    rng = np.random.default_rng(11)
    return [asdict(holdouts.adversary(mutation, draws, rng)) for mutation in (1.0, 0.5, 0.2, 0.1)]


def noise_table(draws: int) -> list[dict[str, Any]]:
    rng = np.random.default_rng(12)
    cases = [(0.005, 0.025), (0.01, 0.03), (0.03, 0.05), (0.1, 0.12)]
    return [asdict(noise.noisy(wrong, *case, draws, rng)) for wrong in (0.05, 0.1) for case in cases]


def gate_table(draws: int) -> list[dict[str, Any]]:
    """Independent gates on equal models: the same sums as for slices."""
    rng = np.random.default_rng(13)
    return [asdict(families.slice_family(count, 0.03, draws, rng)) for count in (4, 12)]


def composed_table(draws: int) -> list[dict[str, Any]]:
    return [asdict(one) for one in composed.compositions(draws, np.random.default_rng(17))]


def behaviour_table(draws: int) -> list[dict[str, Any]]:
    return [asdict(one) for one in behaviours.grouped(draws, np.random.default_rng(18))]


def floor_table() -> list[dict[str, Any]]:
    """Of the wide cells of the section `averages`, as it was last written."""
    cells = json.loads((HERE / "averages.json").read_text(encoding="utf-8"))["rows"]
    return [asdict(cell) for cell in floors.floors([coverage.Average(**cell) for cell in cells])]


def ranked_table(draws: int) -> list[dict[str, Any]]:
    return [asdict(one) for one in aucs.ranked(draws)]


def looks_table(draws: int) -> list[dict[str, Any]]:
    rng = np.random.default_rng(15)
    plain = [(count, 0.95) for count in (1, 2, 5, 10, 20)]
    planned = [(count, 1 - 0.05 / count) for count in (5, 20)]
    return [asdict(looks.looks(*case, draws, rng)) for case in (*plain, *planned)]


SECTIONS: dict[str, Callable[[int], list[dict[str, Any]]]] = {
    "exact": lambda _: exact_table(),
    "families": family_table,
    "clustered": clustered_table,
    "few": few_table,
    "lost": lost_table,
    "rankings": ranking_table,
    "label_sets": lambda draws: [asdict(one) for one in label_sets.cells(draws)],
    "shares": lambda _: [asdict(cell) for cell in coverage.shares()],
    "averages": lambda _: [asdict(cell) for cell in coverage.averages()],
    "single": single_table,
    "measured": measured_table,
    "regressions": regression_table,
    "probable": probable_table,
    "compared": compared_table,
    "paired": paired_tables,
    "sizes": lambda _: [asdict(size) for size in holdouts.sizes()],
    "adversary": adversary_table,
    "noise": noise_table,
    "gates": gate_table,
    "looks": looks_table,
    "composed": composed_table,
    "behaviours": behaviour_table,
    "floors": lambda _: floor_table(),
    "instead": lambda _: [asdict(cell) for cell in instead.averaged(floors.INSTEAD)],
    "methods": lambda _: [asdict(method) for method in floors.methods()],
    "ranked": ranked_table,
    "hidden": lambda _: [asdict(cell) for cell in aucs.hidden()],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=20_000)
    parser.add_argument("--only", nargs="*", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--kinds", nargs="*", default=[], help="only these kinds of the section `few`")
    options = parser.parse_args()
    if options.kinds:
        draw_kinds(options.draws, options.kinds)
    for name in [] if options.kinds else options.only:
        start = time.process_time()
        rows = SECTIONS[name](options.draws)
        section = {"draws": options.draws, "seconds": round(time.process_time() - start), "rows": rows}
        (HERE / f"{name}.json").write_text(json.dumps(section, indent=1) + "\n", encoding="utf-8")
    if all((HERE / f"{name}.json").exists() for name in SECTIONS):
        write(
            {name: json.loads((HERE / f"{name}.json").read_text(encoding="utf-8")) for name in SECTIONS}, HERE
        )


if __name__ == "__main__":
    main()
