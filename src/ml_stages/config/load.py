"""Read a project's configuration: which file, which profile, and where every value came from."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from ml_stages.config.config import Config, JudgingConfig
from ml_stages.config.faults import describe, nearest
from ml_stages.config.package import package_of
from ml_stages.errors import ConfigurationError, UsageError

Table = dict[str, Any]
KeyPath = tuple[str | int, ...]
C = TypeVar("C", bound=JudgingConfig)


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
    pyproject = _pyproject(project)
    file, table = _find_table(project, pyproject)
    table, origins = _with_profile(table, profile, file)
    if "package" not in table and (package := package_of(pyproject)) is not None:
        table["package"] = package
        origins[("package",)] = "pyproject.toml [project]"
    return LoadedConfig(_validate(table, file, Config), file, profile, origins)


def load_judging_config(file: Path, profile: str | None = None) -> JudgingConfig:
    """Read the same table out of any TOML file, where only the judging is wanted of it.

    A file with ``[tool.ml-pipeline]`` is read from there, any other from its top level. Raises as
    :func:`load_config`.
    """
    if not file.is_file():
        raise UsageError(f"{file}: there is no such file; expected a TOML file with gates")
    content = read_toml(file)
    own = content.get("tool", {}).get("ml-pipeline")
    if own is None and file.name == "pyproject.toml":
        raise UsageError(f"{file} has no table [tool.ml-pipeline]; expected one with `task` and gates")
    table, _ = _with_profile(content if own is None else own, profile, file)
    # A table of predictions has its columns by name: where the data of a project is has no meaning here.
    data = {"path": "predictions", "label": "label"} | table.get("data", {})
    return _validate({"package": package_of(content), **table, "data": data}, file, JudgingConfig)


def _with_profile(table: Table, profile: str | None, file: Path) -> tuple[Table, dict[KeyPath, str]]:
    profiles = table.pop("profiles", {})
    origins = dict.fromkeys(_leaves(table), _table_name(file))
    if profile is None:
        return table, origins
    overlay = _profile(profiles, profile, file)
    origins |= dict.fromkeys(_leaves(overlay), f"profile {profile}")
    return _overlay(table, overlay), origins


def _find_table(project: Path, content: Table) -> tuple[Path, Table]:
    """The file that configures the pipeline, and its table; ``content`` is that of ``pyproject.toml``."""
    own, pyproject = project / "ml-pipeline.toml", project / "pyproject.toml"
    if not project.is_dir():
        raise UsageError(f"{project} is no folder; expected the folder of a project")
    in_pyproject = content.get("tool", {}).get("ml-pipeline")
    if own.is_file():
        if in_pyproject is not None:
            raise UsageError(f"{own} and [tool.ml-pipeline] in {pyproject} both exist; keep one of them")
        return own, read_toml(own)
    if in_pyproject is None:
        raise UsageError(
            f"{project} has no configuration: expected [tool.ml-pipeline] in pyproject.toml,"
            " or a file ml-pipeline.toml"
        )
    return pyproject, in_pyproject


def _pyproject(project: Path) -> Table:
    file = project / "pyproject.toml"
    return read_toml(file) if file.is_file() else {}


def read_toml(file: Path) -> Table:
    """What the file holds; raises :class:`ConfigurationError` where it is no TOML."""
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


def _validate(table: Table, file: Path, model: type[C]) -> C:
    try:
        return model.model_validate(table)
    except ValidationError as error:
        faults = [
            line for fault in error.errors(include_url=False) for line in describe(fault, model).split("\n")
        ]
        raise ConfigurationError(str(file), faults) from None
