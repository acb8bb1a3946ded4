"""Read a project's configuration: which file, which profile, and where every value came from."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ml_stages.config.config import Config
from ml_stages.config.faults import describe, nearest
from ml_stages.errors import ConfigurationError, UsageError

Table = dict[str, Any]
KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class LoadedConfig:
    """A valid configuration and the origin of each of its values."""

    config: Config
    file: Path
    profile: str | None
    origins: Mapping[KeyPath, str]
    """Key path of every value that was written somewhere, to the table that it came from."""

    def origin(self, path: KeyPath) -> str:
        """Where the value at a key path came from; `default` when nobody wrote it."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.origins:
                return self.origins[path[:end]]
        return "default"


def load_config(project: Path, profile: str | None = None) -> LoadedConfig:
    """Read and check the configuration of a project folder.

    Raises :class:`UsageError` when there is none or the profile is unknown, and
    :class:`ConfigurationError` with every fault of the file at once.
    """
    file, table = _find_table(project)
    profiles = table.pop("profiles", {})
    origin = _table_name(file)
    origins = dict.fromkeys(_leaves(table), origin)
    if profile is not None:
        overlay = _profile(profiles, profile, file)
        origins |= dict.fromkeys(_leaves(overlay), f"profile {profile}")
        table = _overlay(table, overlay)
    return LoadedConfig(_validate(table, file), file, profile, origins)


def _find_table(project: Path) -> tuple[Path, Table]:
    own, pyproject = project / "ml-pipeline.toml", project / "pyproject.toml"
    if not project.is_dir():
        raise UsageError(f"{project} is no folder; expected the folder of a project")
    in_pyproject = _read_toml(pyproject).get("tool", {}).get("ml-pipeline") if pyproject.is_file() else None
    if own.is_file():
        if in_pyproject is not None:
            raise UsageError(f"{own} and [tool.ml-pipeline] in {pyproject} both exist; keep one of them")
        return own, _read_toml(own)
    if in_pyproject is None:
        raise UsageError(
            f"{project} has no configuration: expected [tool.ml-pipeline] in pyproject.toml,"
            " or a file ml-pipeline.toml"
        )
    return pyproject, in_pyproject


def _read_toml(file: Path) -> Table:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(str(file), [f"not valid TOML: {error}"]) from None


def _table_name(file: Path) -> str:
    return file.name if file.name == "ml-pipeline.toml" else f"{file.name} [tool.ml-pipeline]"


def _profile(profiles: Mapping[str, Table], name: str, file: Path) -> Table:
    if name in profiles:
        return profiles[name]
    known = ", ".join(sorted(profiles)) or "none"
    raise UsageError(f"{file} has no profile {name!r}{nearest(name, profiles)}; profiles there: {known}")


def _overlay(base: Table, over: Table) -> Table:
    """Lay one table over another: tables merge key by key, any other value replaces."""
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = _overlay(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _leaves(table: Table, path: KeyPath = ()) -> Iterator[KeyPath]:
    for key, value in table.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, (*path, key))
        else:
            yield (*path, key)


def _validate(table: Table, file: Path) -> Config:
    try:
        return Config.model_validate(table)
    except ValidationError as error:
        faults = [describe(fault, Config) for fault in error.errors(include_url=False)]
        raise ConfigurationError(str(file), faults) from None
