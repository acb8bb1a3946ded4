"""The wording of a fault in the configuration: its key path, what is wrong, the nearest known name."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from ml_stages.config.docstrings import docstrings


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'label'?`, or nothing where no known name is near."""
    names = list(known)
    matches = get_close_matches(name, names, n=1, cutoff=0.6) or [
        one for one in names if one.startswith(name)
    ]
    return f"; did you mean {matches[0]!r}?" if matches else ""


def describe(fault: ErrorDetails, root: type[BaseModel]) -> str:
    """One line for a fault that pydantic found: ``data.colums: unknown key; did you mean 'columns'?``."""
    path, model = _follow(fault["loc"], root)
    if fault["type"] == "extra_forbidden":
        return f"{path}: unknown key{nearest(str(fault['loc'][-1]), _keys(model))}"
    if fault["type"] == "missing":
        return f"{path}: missing; {_purpose(fault['loc'], model)}"
    if fault["type"] == "union_tag_not_found":
        return f'{path}.kind: missing; it says which gate this is, such as "threshold"'
    if fault["type"] == "union_tag_invalid":
        return f"{path}: {_unknown_kind(fault)}"
    message = fault["msg"].removeprefix("Value error, ")
    if not fault["loc"]:  # of several sections together: the message names them
        return message
    shown = "" if isinstance(fault["input"], dict | list) else f", got {fault['input']!r}"
    return f"{path}: {message[:1].lower()}{message[1:]}{shown}"


def _follow(loc: tuple[int | str, ...], root: type[BaseModel]) -> tuple[str, type[BaseModel] | None]:
    """The key path as a person writes it, and the model of the table that the last key is in.

    Pydantic puts the tag of a discriminated union into the location; it is no key of the file.
    """
    path, annotation, table = "", root, root
    for step in loc:
        members = _members(annotation)
        tagged = next((member for member in members if _tag(member) == step), None)
        if tagged is not None and len(members) > 1:
            annotation = tagged
            continue
        table = annotation
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else str(step)
        annotation = _below(annotation, step)
    return path, _model(table)


def _members(annotation: Any) -> list[type[BaseModel]]:
    """The models that a (possibly annotated, optional, union) type stands for."""
    if isinstance(annotation, type):
        return [annotation] if issubclass(annotation, BaseModel) else []
    return [model for argument in get_args(annotation) for model in _members(argument)]


def _tag(model: type[BaseModel]) -> str | None:
    kind = model.model_fields.get("kind")
    return None if kind is None else str(get_args(kind.annotation)[0])


def _model(annotation: Any) -> type[BaseModel] | None:
    members = _members(annotation)
    return members[0] if len(members) == 1 else None


def _keys(model: type[BaseModel] | None) -> list[str]:
    return [] if model is None else [field.alias or name for name, field in model.model_fields.items()]


def _below(annotation: Any, step: int | str) -> Any:
    model = _model(annotation)
    if isinstance(step, str) and model is not None and isinstance(annotation, type):
        return next(
            (field.annotation for name, field in model.model_fields.items() if step in (name, field.alias)),
            None,
        )
    if get_origin(annotation) in (Union, UnionType) and model is not None:
        return _below(model, step)
    arguments = get_args(annotation)
    return arguments[-1] if arguments else None


def _purpose(loc: tuple[int | str, ...], model: type[BaseModel] | None) -> str:
    field = model.model_fields.get(str(loc[-1])) if model else None
    purpose = (docstrings(model).get(str(loc[-1])) if model else None) or (
        _section_purpose(field.annotation) if field else None
    )
    choices = get_args(field.annotation) if field and get_origin(field.annotation) is Literal else ()
    expected = f" Expected {', '.join(map(repr, choices))}." if choices else ""
    return f"it says: {' '.join(purpose.split())}{expected}" if purpose else "a value is needed here"


def _section_purpose(annotation: Any) -> str | None:
    model = _model(annotation)
    return model.__doc__ if model else None


def _unknown_kind(fault: ErrorDetails) -> str:
    context = fault.get("ctx", {})
    known = [name.strip("' ") for name in str(context.get("expected_tags", "")).split(",")]
    tag = str(context.get("tag", ""))
    return f"unknown kind {tag!r}{nearest(tag, known)}; kinds: {', '.join(known)}"
