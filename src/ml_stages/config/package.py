"""The project as a package: what other programs would find of it if it were installed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, ValidationError

from ml_stages.config.section import Section

_Target = Annotated[str, Field(pattern=r"^[\w.]+(:[\w.]+)?( *\[.*\])?$")]
_Name = Annotated[str, Field(pattern=r"^[\w.-]+$")]


class PackageConfig(Section):
    """What `importlib.metadata` finds of the project; by default from `[project]` of `pyproject.toml`."""

    name: _Name
    """As `importlib.metadata` is asked for it."""
    version: Annotated[str, Field(pattern=r"^[\w.!+-]+$")] = "0+unknown"
    """`0+unknown` where it is computed when the package is built."""
    entry_points: dict[str, dict[_Name, _Target]] = {}
    """By group, as `MODULE:NAME`; those of `console_scripts` are programs that commands can name."""


def package_of(pyproject: Mapping[str, Any]) -> dict[str, Any] | None:
    """Fields of :class:`PackageConfig` out of ``[project]``, or Poetry's table.

    ``None`` without a name, or where a name is none that a package may have: no tool would install that.
    """
    found = _fields(pyproject)
    try:
        PackageConfig.model_validate(found)
    except ValidationError:
        return None
    return found


def _fields(pyproject: Mapping[str, Any]) -> dict[str, Any]:
    project = {**pyproject.get("tool", {}).get("poetry", {}), **pyproject.get("project", {})}
    groups = {
        "console_scripts": project.get("scripts", {}),
        "gui_scripts": project.get("gui-scripts", {}),
        **project.get("entry-points", {}),
    }
    # Poetry writes some as tables, for which there is no standard.
    texts = {
        group: {name: target for name, target in points.items() if isinstance(target, str)}
        for group, points in groups.items()
    }
    known = {key: project[key] for key in ("name", "version") if key in project}
    return known | {"entry_points": {group: points for group, points in texts.items() if points}}
