"""The page of the configuration: every key of every table, out of the models and their docstrings."""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from ml_stages.config.config import Config
from ml_stages.config.docstrings import docstrings
from ml_stages.config.section import Section

_PLAIN = {
    "str": "text",
    "float": "number",
    "int": "whole number",
    "bool": "`true` or `false`",
    "date": "date",
}
_HEAD = """\
# Configuration

Every key of `[tool.ml-pipeline]` in `pyproject.toml`; in `ml-pipeline.toml` the same tables stand at the top
level, without that prefix. `ml-pipeline init` writes a first one for your data, `ml-pipeline config .` shows
what is in force and where each value came from. An unknown key is refused, with the nearest known one. Gates
have [pages of their own](gates/README.md).

`[tool.ml-pipeline.profiles.NAME]` holds any of these tables once more; `ml-pipeline run --profile NAME` lays
them over the others.
"""


@dataclass(frozen=True)
class _Table:
    """One table of the configuration."""

    head: str
    model: type[Section]
    default: Any = None
    """What stands there where the table is left out."""


def configuration() -> str:
    """The whole page."""
    parts = [_HEAD, *(_text(table) for table in _tables(_Table("[tool.ml-pipeline]", Config)))]
    return "\n".join(parts) + "\nWritten by `make docs` from the models; do not edit.\n"


def _tables(table: _Table) -> Iterator[_Table]:
    """A table and all below it, in the order of their fields."""
    yield table
    for name, field in table.model.model_fields.items():
        inside, form = _section(field.annotation)
        if inside is not None:
            path = f"{table.head.strip('[]')}.{field.alias or name}"
            default = field.get_default(call_default_factory=True)
            yield from _tables(_Table(form.format(path), inside, default))


def _section(annotation: Any) -> tuple[type[Section] | None, str]:
    """The model of a table that a field holds, and how its head is written."""
    for part in _parts(annotation):
        if inspect.isclass(part) and issubclass(part, Section):
            return part, "[{}]"
        of = _parts(get_args(part)[-1]) if get_origin(part) in (list, dict) else []
        if len(of) == 1 and inspect.isclass(of[0]) and issubclass(of[0], Section):
            return of[0], "[[{}]]" if get_origin(part) is list else "[{}.NAME]"
    return None, ""


def _parts(annotation: Any) -> list[Any]:
    """The alternatives of a type, without what only annotates them, and without `None`."""
    if get_origin(annotation) is Annotated:
        return _parts(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [part for member in get_args(annotation) for part in _parts(member)]
    return [] if annotation is type(None) else [annotation]


def _text(table: _Table) -> str:
    known = docstrings(table.model)
    rows = [
        f"| `{field.alias or name}` | {_kind(field.annotation)} | {_default(table, name)} |"
        f" {_cell(known.get(name, ''))} |"
        for name, field in table.model.model_fields.items()
        if _section(field.annotation)[0] is None
    ]
    said = _cell(inspect.cleandoc(table.model.__doc__ or "").split("\n\n")[0])
    said = said.removeprefix(f"`{table.head}`: ").capitalize() if said.startswith("`[") else said
    head = ["| key | type | default | meaning |", "| --- | --- | --- | --- |"] if rows else []
    return "\n".join([f"## `{table.head}`", "", said, "", *head, *rows, ""])


def _kind(annotation: Any) -> str:
    names = [_name(part) for part in _parts(annotation)]
    return " or ".join(dict.fromkeys(names)) if len(names) < 3 else "text, number or truth value"


def _name(part: Any) -> str:
    if get_origin(part) is Literal:
        return " or ".join(f'`"{value}"`' for value in get_args(part))
    if get_origin(part) is list:
        of = _kind(get_args(part)[0])
        return {"text": "list of texts", "whole number": "list of whole numbers"}.get(of, "list")
    return _PLAIN.get(getattr(part, "__name__", ""), "list of tables")


def _default(table: _Table, name: str) -> str:
    field = table.model.model_fields[name]
    default = getattr(table.default, name, field.get_default(call_default_factory=True))
    if field.is_required() and not isinstance(table.default, Section):
        return "needed"
    if default is None or default in ("", [], {}):
        return "none"
    return f"`{str(default).lower()}`" if isinstance(default, bool) else f"`{default!r}`".replace("'", '"')


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
