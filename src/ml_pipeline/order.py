"""What a run in the engine was asked for, and what it begins with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import dagger

from ml_pipeline.project import Project, engine_patterns
from ml_stages.config.config import Config
from ml_stages.errors import UsageError
from ml_stages.graph import needs_data
from ml_stages.source_patterns import NEVER_CODE


@dataclass(frozen=True)
class Order:
    """What the user asked for."""

    source: dagger.Directory
    data: dagger.Directory | None
    baseline: dagger.Container | None = None
    profile: str = ""
    commit: str = ""
    force: str = ""
    retry: str = ""
    secrets: Sequence[dagger.Secret] = ()
    variables: Sequence[str] = ()
    """What the configuration lets stages see of the host, as `NAME=VALUE`."""
    trained: str = ""
    """A repository of models that were trained before; empty where there is none."""
    platforms: Sequence[str] = ()
    """What is built, probed and published besides the engine's own platform."""


async def collect(order: Order, project: Project, until: str | None) -> dict[str, dagger.Directory]:
    """The artifacts that no stage makes; raises :class:`UsageError` where the run needs data and has none."""
    config = project.config
    found = {
        "source": project.source,
        "code": project.source.filter(include=config.train.inputs).filter(
            exclude=engine_patterns(NEVER_CODE)
        ),
    }
    if (data := await _data(order, config, until)) is not None:
        found["data"] = data
    if order.baseline is not None:
        found["baseline-model"] = order.baseline.directory("/app")
    if config.sealed is not None and await order.source.exists(config.sealed.ledger):
        found["ledger"] = order.source.directory(config.sealed.ledger)
    return found


async def _data(order: Order, config: Config, until: str | None) -> dagger.Directory | None:
    if order.data is not None or config.fetch is not None:
        return order.data
    if await order.source.exists("data", expected_type=dagger.ExistsType.DIRECTORY_TYPE):
        return order.source.directory("data")
    if needs_data(until):
        raise UsageError("the source has no folder called data; name it with --data")
    return None


def check_secrets(order: Order, config: Config) -> None:
    """Raises :class:`UsageError` where the secrets are not those that the command asks for."""
    names = config.fetch.secrets if config.fetch is not None else []
    if len(names) != len(order.secrets):
        expected = f"--secrets with {', '.join(names)}, in this order" if names else "no --secrets"
        raise UsageError(f"fetch.command: got {len(order.secrets)} secrets, expected {expected}")


def passed_on(given: Sequence[str], config: Config) -> dict[str, str]:
    """Raises :class:`UsageError` for a text that is none, or a name that the configuration does not have."""
    known = config.environment.pass_variables
    found = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or name not in known:
            names = (
                f"one of {', '.join(known)}"
                if known
                else "a name of environment.pass_variables, which is empty"
            )
            raise UsageError(f"--variables: got {name!r}, expected NAME=VALUE with {names}")
        found[name] = value
    return found


def missing(variables: Mapping[str, str], config: Config) -> list[str]:
    """Which variables stages go without, that a host run takes from its environment."""
    names = [name for name in config.environment.pass_variables if name not in variables]
    said = "environment.pass_variables: containers see none of the host's; --variables=NAME=VALUE gives"
    return [f"{said} {', '.join(names)}"] if names else []
