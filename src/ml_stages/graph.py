"""Which stage waits for which: read off the table, never written down."""

from __future__ import annotations

from collections.abc import Iterable
from graphlib import TopologicalSorter

from ml_stages.stages import GIVEN, STAGES, Stage


def dependencies(stages: Iterable[Stage] = STAGES) -> dict[str, set[str]]:
    """Stage name to the names of the stages that it waits for.

    Raises :class:`ValueError` when an artifact has two makers, or none and is not given.
    """
    rows = list(stages)
    makers = _makers(rows)
    waits: dict[str, set[str]] = {}
    for stage in rows:
        made = [name for name in (*stage.reads, *stage.optional) if name not in GIVEN]
        if orphans := [name for name in made if name not in makers]:
            raise ValueError(f"stage {stage.name} reads {orphans[0]!r}, which nothing writes")
        waits[stage.name] = {makers[name] for name in made} | set(stage.reports)
    return waits


def _makers(stages: Iterable[Stage]) -> dict[str, str]:
    makers: dict[str, str] = {}
    for stage in stages:
        for artifact in stage.writes:
            if artifact in makers or artifact in GIVEN:
                raise ValueError(f"artifact {artifact!r} is written by more than one")
            makers[artifact] = stage.name
    return makers


def order(stages: Iterable[Stage] = STAGES) -> list[Stage]:
    """The stages so that each comes after all that it waits for; the table's order among equals.

    Raises :class:`graphlib.CycleError` when there is no such order.
    """
    rows = {stage.name: stage for stage in stages}
    position = {name: index for index, name in enumerate(rows)}
    sorter = TopologicalSorter(dependencies(rows.values()))
    sorter.prepare()
    ordered: list[Stage] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=position.__getitem__)
        ordered += [rows[name] for name in ready]
        sorter.done(*ready)
    return ordered


def waits_within(stages: Iterable[Stage]) -> dict[str, set[str]]:
    """For each of these stages, those of them that it waits for."""
    names = [stage.name for stage in stages]
    waits = dependencies()
    return {name: waits[name].intersection(names) for name in names}


def needed_for(target: str) -> set[str]:
    """The stage and everything that it waits for, directly or not."""
    graph = dependencies()
    needed, pending = set(), [target]
    while pending:
        name = pending.pop()
        if name not in needed:
            needed.add(name)
            pending += graph[name]
    return needed


def needs_data(until: str | None) -> bool:
    """Whether a run as far as this stage, or a whole one, reads the data."""
    return until is None or "fetch-data" in needed_for(until)
