"""The configuration that ``init`` writes, as TOML with a reason behind each line."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from ml_stages.adopt.infer import Inferred, InferredColumn
from ml_stages.adopt.infer_project import Suggestion, lock_file, project_name
from ml_stages.adopt.task import Task
from ml_stages.requires_python import allows, lowest_allowed, required_python

_EXPLAINED = {
    "path": "below the data folder; a glob takes many files",
    "label": "the column to predict",
    "key": "identifies a row: what is held out stays held out when rows are added",
    "separator": "between the fields of the file, as its first lines show",
    "null_values": "texts that mean no value in columns that hold numbers otherwise",
    "min_rows": "half of what is there now",
    "max_duplicates": "rows that repeat another one in every column; 0 forbids them",
    "balance": "half of the rarest class's share now, or what chance may leave of it",
}

_CLASSES = "what the label is: classes, or a number (regression)"
_TASK: dict[Task, str] = {
    "classification": _CLASSES,
    "regression": _CLASSES,
    "multilabel": 'CHECK: several labels a row, as in a|b; "classification" if each such text is a class',
}

_UNLOCKED = (
    'CHECK: pin what the project needs in requirements.lock, then remove this: "locked" is the default'
)

_FIRST_RUN = (
    'there is no model to compare with yet; publish.registry = "registry" keeps this one for the next run'
)


def initial_text(  # noqa: PLR0913, PLR0917 - the parts of one text
    project: Path,
    prefix: str,
    inferred: Inferred,
    table: dict[str, Any],
    train: Suggestion,
    load: Suggestion,
    found_by_ruff: int,
) -> str:
    """TOML with its tables below ``prefix`` (at the top where that is empty).

    ``table`` holds the fields of ``[data]``; ``train`` and ``load`` were found in the source;
    ``found_by_ruff`` is how much ruff finds today in a project that has no settings for it.
    """
    main = [
        ("name", project_name(project), "of the model, as it may stand in an image's address"),
        ("task", inferred.task, _TASK[inferred.task]),
    ]
    parts = [
        _table(prefix, "", main),
        _table(prefix, "data", [(key, value, _EXPLAINED[key]) for key, value in table.items()]),
        _columns(prefix, inferred.columns),
        _environment(prefix, project),
        _table(prefix, "train", [("command", train.value, _checked(train))]),
        _table(prefix, "predictor", [("load", load.value, _checked(load))]),
        _slices(prefix, inferred),
        _table(prefix, "baseline", [("first_run", "allow", _FIRST_RUN)]),
        _gates(prefix, inferred, found_by_ruff),
    ]
    return "\n".join(part for part in parts if part)


def _checked(suggestion: Suggestion) -> str:
    return suggestion.why if suggestion.sure else f"CHECK: {suggestion.why}"


def _table(prefix: str, name: str, entries: list[tuple[str, Any, str]]) -> str:
    head = ".".join(part for part in (prefix, name) if part)
    lines = [f"{key} = {toml(value)}  # {why}" for key, value, why in entries]
    return "\n".join([*([f"[{head}]"] if head else []), *lines, ""])


def _columns(prefix: str, columns: list[InferredColumn]) -> str:
    head = ".".join(part for part in (prefix, "data", "columns") if part)
    lines = [f"{_key(column.name)} = {toml(column.rule)}  # {_one_line(column.why)}" for column in columns]
    return "\n".join([f"[{head}]", *lines, ""])


def _environment(prefix: str, project: Path) -> str:
    lines: list[tuple[str, Any, str]] = []
    if lock_file(project) is None:
        lines.append(("interpreter", "current", _UNLOCKED))
    required = required_python(project) or ""
    stands = (project / ".python-version").is_file() or allows(required, sys.version_info[:2])
    if not stands and (lowest := lowest_allowed(required)):
        lines.append(("python", lowest, f"the project needs Python {required}"))
    return _table(prefix, "environment", lines) if lines else ""


def _slices(prefix: str, inferred: Inferred) -> str:
    if not inferred.protected:
        return ""
    why = "look like protected attributes: the model is measured for each of their values"
    return _table(prefix, "evaluation", [("slices", inferred.protected, why)])


def _gates(prefix: str, inferred: Inferred, found_by_ruff: int) -> str:
    metric, loss, why = inferred.margin
    head = ".".join(part for part in (prefix, "gates") if part)
    lines = [
        f"[[{head}]]  # add thresholds once you know what the model reaches",
        'kind = "no-regression"',
        f'metric = "{metric}"  # must not become worse than that of the published model',
        f"margin = {loss}  # {why}{'; ' * bool(why)}how much worse than the published model still passes",
        "",
        f"[[{head}]]  # tells when the data moves away from the published model's",
        'kind = "drift"',
        "required = false  # reports alone; true stops the release",
        "",
    ]
    if found_by_ruff:
        lines += [
            f"[[{head}]]  # the project has no settings for ruff, which is called with its defaults",
            'kind = "lint"',
            f"max_findings = {found_by_ruff}  # what it finds today: no more may come, and fewer as they go",
            "",
        ]
    return "\n".join(lines)


def toml(value: Any) -> str:
    """A value as TOML on one line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)} = {toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else toml(name)


def _one_line(text: str) -> str:
    """A comment: control characters, which could end it, are replaced."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
