"""Read the operations that a lazy container recorded: the composition, without any engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import dagger
from dagger.client.base import Type


@dataclass(frozen=True)
class Operation:
    """One step of a container's or directory's plan."""

    name: str
    arguments: dict[str, Any]


def operations(lazy: Type) -> list[Operation]:
    """The steps in order."""
    return [Operation(step.name, dict(step.args)) for step in lazy._ctx.selections]


def of(lazy: Type, name: str) -> list[dict[str, Any]]:
    """The arguments of every step with this name."""
    return [operation.arguments for operation in operations(lazy) if operation.name == name]


def position(lazy: Type, name: str, **arguments: Any) -> int:
    """Where the first step with this name and these arguments stands."""
    return next(
        index
        for index, operation in enumerate(operations(lazy))
        if operation.name == name and arguments.items() <= operation.arguments.items()
    )


def texts(lazy: Type) -> Iterator[str]:
    """Every text in the plan, of nested plans too: where a secret could be."""
    for operation in operations(lazy):
        for value in operation.arguments.values():
            if isinstance(value, Type) and not isinstance(value, dagger.Secret):
                yield from texts(value)
            else:
                yield str(value)


def job(container: dagger.Container) -> dict[str, Any]:
    """The job file of a stage's container."""
    (written,) = [step for step in of(container, "withNewFile") if step["path"].endswith("job.json")]
    found: dict[str, Any] = json.loads(written["contents"])
    return found
