"""``ml-pipeline init``: the whole configuration for a project and its data, each line explained."""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from glob import escape
from pathlib import Path
from typing import Any

from ml_stages.adopt.hints import hints, time_keys
from ml_stages.adopt.infer import (
    Inferred,
    InferredColumn,
    infer,
    key_candidates,
    label_doubts,
    never_repeated,
    null_texts,
    times_in_texts,
)
from ml_stages.adopt.infer_project import (
    Suggestion,
    lock_file,
    predictor_loader,
    told_of_pickles,
    train_command,
)
from ml_stages.adopt.initial_text import initial_text, toml
from ml_stages.adopt.standing_gates import told_of_tests, unasked_findings
from ml_stages.checks.columns import nearest
from ml_stages.checks.registry import CHECKS
from ml_stages.config.data import ColumnRule, DataConfig
from ml_stages.config.load import read_toml
from ml_stages.config.sections import EnvironmentConfig
from ml_stages.data.examples import with_examples
from ml_stages.data.files import FORMATS, tables_among
from ml_stages.data.measure import measure
from ml_stages.data.misread import HOW_TO_WRITE, PEOPLES, misread_findings
from ml_stages.data.pandas_index import named_index
from ml_stages.data.profile import Profile
from ml_stages.data.read import Table, open_table, with_likely_separator
from ml_stages.errors import DataError, UsageError
from ml_stages.evidence import Finding
from ml_stages.host.source import find_source
from ml_stages.host.whole_file import written_whole
from ml_stages.lock import how_to_lock, lacks
from ml_stages.report.numbers import listed

_UNNAMED = (
    "the index that pandas wrote has no name and is no column, as in pandas itself;"
    ' frame.rename_axis("NAME").reset_index() before it is written makes one of it'
)


@dataclass(frozen=True)
class Initial:
    """A configuration that nobody has looked at yet."""

    text: str
    """TOML; its tables are below ``[tool.ml-pipeline]`` or at the top, as asked for."""
    open_points: list[str]
    """What somebody has to look at, one line each."""
    findings: list[Finding]
    """What the inferred rules find wrong with this very data: faults such as rows without a label."""
    folder: Path
    """The data folder, below which `data.path` is."""


def write_initial(project: Path, data: Path, label: str) -> tuple[Path, Initial]:
    """Write the configuration into ``pyproject.toml`` where there is one, else ``ml-pipeline.toml``.

    Returns the file and what was written. Raises :class:`UsageError` when the project is configured already,
    or project, data or label are not there, and :class:`DataError` when the data cannot be read.
    """
    if not project.is_dir():
        raise UsageError(f"{project} is no folder; expected the folder of a project")
    pyproject, own = project / "pyproject.toml", project / "ml-pipeline.toml"
    before = pyproject.read_bytes() if pyproject.is_file() else b""
    if own.is_file() or (before and "ml-pipeline" in read_toml(pyproject).get("tool", {})):
        raise UsageError(
            f"{own if own.is_file() else pyproject} configures the pipeline already; remove that first"
        )
    prefix = "tool.ml-pipeline" if before and _takes_a_table(before) else ""
    initial = initial_config(project, data, label, prefix)
    if not prefix:
        own.write_text(initial.text, encoding="utf-8")
        return own, initial
    _replace(pyproject.resolve(), _joined(before, initial.text))
    return pyproject, initial


def _replace(file: Path, content: bytes) -> None:
    """Write a file whole or not at all: on a full disk what was there stays."""
    with written_whole(file) as partial:
        partial.write_bytes(content)
        shutil.copymode(file, partial)


def _joined(before: bytes, text: str) -> bytes:
    """What was there, to the byte but for blank lines at its end, and the text in the same line ends."""
    newline = "\r\n" if b"\r\n" in before else "\n"
    return before.rstrip() + (newline * 2 + text.replace("\n", newline)).encode()


def _takes_a_table(before: bytes) -> bool:
    """Whether a table below ``tool`` can be added at the end: not where ``tool`` stands on one line."""
    try:
        tomllib.loads(_joined(before, "[tool.ml-pipeline]\n").decode("utf-8-sig"))
    except tomllib.TOMLDecodeError:
        return False
    return True


def initial_config(project: Path, data: Path, label: str, prefix: str = "tool.ml-pipeline") -> Initial:
    """Infer the configuration; ``data`` is the data folder or the one file in it."""
    folder, path = _place(data, label)
    config = with_likely_separator(folder, DataConfig(path=path, label=label))
    profile, nulls = _profiled(folder, config)
    config = config.model_copy(update={"null_values": nulls})
    inferred = infer(profile, label)
    misread = _misread(folder, config, profile, inferred)
    inferred = _long_as_texts(inferred, {str(one.column) for one in misread if one.rule == "type"})
    written = {str(one.column): one.rule for one in misread if one.rule in PEOPLES}
    inferred = _told_of_writing(inferred, written)
    train, load = train_command(project), predictor_loader(project)
    table = _data_table(config, inferred)
    findings = [one for one in misread if one.severity == "warning"] + _remaining(folder, table, inferred)
    source = find_source(project)
    text = initial_text(project, prefix, inferred, table, train, load, unasked_findings(source))
    lock = lock_file(project)
    points = [
        *_open_points(train, load, "" if lock else how_to_lock(project, EnvironmentConfig())),
        *told_of_pickles(project),
        *label_doubts(profile, label),
        *told_of_tests(source, lock),
    ]
    if not inferred.key:
        points.append(_no_key(folder, profile, config))
    points += _of_parquet(open_table(folder, config), lock)
    points += hints(profile, label, inferred.key)
    return Initial(text, points, findings, folder)


def _of_parquet(table: Table, lock: Path | None) -> Iterator[str]:
    """What the project's own code needs for tables in Parquet, and finds in them."""
    if table.format != "csv" and lock is not None and lacks(lock, "pyarrow", "fastparquet"):
        yield (
            f"predictor: {lock.name} has no pyarrow, by which pandas reads the rows that a predictor is given"
            " (Parquet, as the data is no CSV); add it there, or to what it is made from"
        )
    if table.hidden:
        yield f"data: {_UNNAMED}"
    if table.format == "parquet" and (names := named_index(table.files[0])):
        shown = names[0] if len(names) == 1 else names
        yield (
            f"data: {listed(names, 5)}, the index that pandas wrote, is a column of what trains and predicts:"
            f" frame.set_index({json.dumps(shown, ensure_ascii=False)}) makes the index of it again"
        )


def _place(data: Path, label: str) -> tuple[Path, str]:
    """The data folder, and what ``data.path`` is to be."""
    if data.is_file():
        return data.parent, escape(data.name)
    if not data.is_dir():
        if any(data.parent.glob(data.name)):
            return data.parent, data.name
        raise UsageError(f"the data {data} does not exist; expected a folder, a file or a glob")
    files = tables_among(data.iterdir())
    if len(files) == 1:
        return data, escape(files[0].name)
    parts = files or tables_among(data.rglob("*"))
    if parts and (pattern := _common_pattern(data, parts, label)):
        return data, pattern if files else f"**/{pattern}"
    raise UsageError(f"{data} holds {_named(data, parts)}; name one file or a glob with --data")


def _named(folder: Path, parts: list[Path]) -> str:
    """The tables, else what is there instead."""
    if parts:
        return ", ".join(path.relative_to(folder).as_posix() for path in parts[:10])
    there = ", ".join(sorted(path.name for path in folder.iterdir())[:10]) or "nothing"
    return f"no table ({there}; tables are {', '.join(FORMATS)})"


def _common_pattern(folder: Path, files: list[Path], label: str) -> str | None:
    """A glob of all the files, where they are parts of one table: of one format, with the same columns."""
    if len({path.suffix for path in files}) > 1:
        return None
    names = [escape(path.relative_to(folder).as_posix()) for path in files]
    configs = (with_likely_separator(folder, DataConfig(path=name, label=label)) for name in names)
    tables = (open_table(folder, config) for config in configs)
    columns = {(table.separator, *table.scan().collect_schema().names()) for table in tables}
    return f"*{files[0].suffix}" if len(columns) == 1 else None


def _profiled(folder: Path, config: DataConfig) -> tuple[Profile, list[str]]:
    """The profile, with null texts and times read as such, and repeats counted where a key may be."""
    table = open_table(folder, config)
    profile = measure(table, config, "classification")
    if profile.column(config.label) is None:
        names = [column.name for column in profile.columns]
        hint = nearest(config.label, names)
        raise UsageError(
            f"the data has no column {config.label!r} to be the label; it has {listed(names, 20)}{hint}"
        )
    if not profile.rows:
        raise DataError(f"{config.path} has no rows; nothing can be inferred")
    nulls = null_texts(profile)
    unique = {name: ColumnRule(unique=True) for name in key_candidates(profile, config.label)}
    # JSON has no times: they are texts to everybody until it is said what they are.
    kinds = times_in_texts(profile) if table.format == "jsonl" else {}
    times = {name: ColumnRule(type=kind) for name, kind in kinds.items()}
    if nulls or unique or times:
        config = config.model_copy(update={"null_values": nulls, "columns": unique | times})
        profile = measure(open_table(folder, config), config, "classification")
    if others := {column.name for column in profile.columns if column.broken_type}:
        times = {name: rule for name, rule in times.items() if name not in others}
        config = config.model_copy(update={"columns": unique | times})
        profile = measure(open_table(folder, config), config, "classification")
    return profile, nulls


def _data_table(config: DataConfig, inferred: Inferred) -> dict[str, Any]:
    table: dict[str, Any] = {"path": config.path, "label": config.label}
    table |= {"key": inferred.key} if inferred.key else {}
    table |= {"separator": config.separator} if config.separator != "," else {}
    table |= {"null_values": config.null_values} if config.null_values else {}
    return table | inferred.table


def _misread(folder: Path, config: DataConfig, profile: Profile, inferred: Inferred) -> list[Finding]:
    """What nobody will be told any more once the types are written down."""
    columns = {
        one.name: ColumnRule(sensitive=one.rule.get("sensitive", False), feature=one.rule.get("feature"))
        for one in inferred.columns
    }
    config = config.model_copy(update={"columns": columns, "key": inferred.key})
    return list(misread_findings(open_table(folder, config), profile, config))


def _long_as_texts(inferred: Inferred, names: set[str]) -> Inferred:
    """The rules with columns as texts that hold integers of more digits than a number keeps."""

    def as_text(column: InferredColumn) -> InferredColumn:
        rule = {name: value for name, value in column.rule.items() if name not in {"min", "max"}}
        why = "integers of more digits than numbers keep; feature = false hides identifiers from the model"
        return InferredColumn(column.name, rule | {"type": "string"}, why)

    columns = [as_text(column) if column.name in names else column for column in inferred.columns]
    return replace(inferred, columns=columns)


def _told_of_writing(inferred: Inferred, rules: dict[str, str]) -> Inferred:
    """``rules`` names columns whose numbers are written as people do."""

    def told(column: InferredColumn) -> InferredColumn:
        rule = rules.get(column.name)
        why = f"text for its {rule.replace('-', ' ')}: {HOW_TO_WRITE}" if rule else column.why
        return replace(column, why=why)

    return replace(inferred, columns=[told(column) for column in inferred.columns])


def _remaining(folder: Path, table: dict[str, Any], inferred: Inferred) -> list[Finding]:
    columns = {column.name: column.rule for column in inferred.columns}
    config = DataConfig.model_validate({**table, "columns": columns})
    opened = open_table(folder, config)
    profile = measure(opened, config, inferred.task)
    found = (finding for check in CHECKS for finding in check(profile, config))
    return with_examples(opened, profile, config, found)


def _open_points(train: Suggestion, load: Suggestion, lock: str) -> list[str]:
    """What to look at; ``lock`` says how to write a lock file where there is none."""
    points = [
        f"{key}: {suggestion.why}"
        for key, suggestion in (("train.command", train), ("predictor.load", load))
        if not suggestion.sure
    ]
    if lock:
        points.append(
            "environment: no lock file was found; the pipeline's own interpreter, which has none of the"
            f" project's packages, is used until then; make one with {lock}"
        )
    return points


def _no_key(folder: Path, profile: Profile, config: DataConfig) -> str:
    alone = never_repeated(profile, config.label)
    key = alone[:1] or time_keys(open_table(folder, config).scan(), profile, config.label)
    if len(key) == 1:
        others = f", nor do {listed(alone[1:], 3)}" if alone[1:] else ""
        return (
            f"data.key: no column is called like an identifier, but {key[0]} never repeats{others}:"
            f" key = {toml(key)} if rows keep their values as data is added; without a key the whole row does"
        )
    said = "data.key: no column identifies a row; without one the whole row does"
    if not key:
        return said
    together = f"{key[0]} and {key[1]} do together, key = {toml(key)}"
    return f"{said}; {together}, each with feature = true where the predictor reads it"
