"""``ml-pipeline plan``: what would run, in which order, in which environment, with which command."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ml_stages.config.config import Config
from ml_stages.graph import waits_within
from ml_stages.selection import select
from ml_stages.stages import Environment, Stage


def plan_text(config: Config) -> str:
    """A line a stage; stages that share a step number do not wait for each other."""
    steps: dict[str, int] = {}
    stages = select(config, fetches_data=config.fetch is not None)
    waits = waits_within(stages)
    rows = [("step", "stage", "environment", "command", "waits for")]
    for stage in stages:
        waited = waits[stage.name]
        steps[stage.name] = 1 + max((steps[name] for name in waited), default=0)
        direct = ", ".join(sorted(_nearest(waited, waits), key=list(steps).index)) or "-"
        rows.append(
            (str(steps[stage.name]), stage.name, stage.environment.value, _command(stage, config), direct)
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _nearest(waited: Collection[str], waits: Mapping[str, Collection[str]]) -> set[str]:
    """Of the stages that one waits for those that no other of them waits for already."""
    return set(waited) - {name for other in waited for name in waits[other]}


def _command(stage: Stage, config: Config) -> str:
    """The project's own command where the stage runs one, else our module."""
    tools = ["ruff check", "ruff format --check"] if config.lint.ruff else []
    mypy = [] if config.lint.mypy is False else ["mypy" if config.lint.mypy else "mypy where configured"]
    own = {
        "lint": "; ".join([*tools, *mypy]),
        "fetch-data": config.fetch.command if config.fetch else "",
        "test": config.test.command,
        "train": config.train.command,
        "predict": config.predictor.load,
        "baseline": "the baseline's own predictor",
        "publish": f"copy to {config.publish.registry}" if config.publish else "nothing: no registry",
    }
    if stage.name in own:
        return own[stage.name]
    return stage.module if stage.environment is Environment.CORE else f"python -m {stage.module}"
