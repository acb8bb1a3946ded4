"""The files of a ledger, each of which vouches for itself and for those that were there before it.

``rows/HOLDOUT`` lists the hashes of a holdout's rows; ``HOLDOUT`` is the digest of the list.
``answers/HOLDOUT-CANDIDATE-DIGEST.json`` and ``retired/HOLDOUT-DIGEST.json`` are the facts; ``DIGEST`` is
that of the file's text, in which ``before`` names, with their digests, the facts that no other named yet.
So the facts make a graph like the commits of a repository: an edited file does not fit its name, a fact
that a later one names cannot vanish, and two branches are merged by putting their files together: the next
fact names the last ones of both. Until then the last facts are vouched for by nothing but their own names.

Ledgers of the first version have ``answers/HOLDOUT-CANDIDATE.json`` and an empty ``retired/HOLDOUT``, without
digests: they count as ever, are held against what their names say, and are named by the next fact.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ml_stages.errors import StageError

HASH = 16  # hexadecimal digits of a hash: 64 bits, too few collisions to matter

Rows = frozenset[str]
"""Hashes of the keys of rows."""


@dataclass(frozen=True)
class Fact:
    """That a candidate was answered, or without one that a holdout was retired."""

    holdout: str
    candidate: str | None = None
    passed: bool = False
    retires: bool = False
    """Whether the holdout's numbers are shown from here on, so that none of its rows answers again."""


@dataclass(frozen=True)
class Entries:
    """What a ledger holds."""

    rows: Mapping[str, Rows]
    facts: Mapping[str, Fact]
    """By the name of their file, relative to the ledger."""
    heads: Mapping[str, str]
    """Facts that no other one names, and their digests."""

    def holdouts_with(self, rows: Rows) -> set[str]:
        """The holdouts that have one of the rows."""
        return {name for name, known in self.rows.items() if not rows.isdisjoint(known)}

    def facts_of(self, holdouts: set[str]) -> list[Fact]:
        return [fact for fact in self.facts.values() if fact.holdout in holdouts]

    def with_fact(self, fact: Fact) -> Entries:
        """The same after one more fact."""
        return replace(self, facts={**self.facts, "": fact})

    @property
    def state(self) -> str:
        """A digest of everything that is there: its last facts name all others."""
        return digest_of(json.dumps(self.heads, sort_keys=True))


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:HASH]


def hashed(keys: Iterable[str]) -> Rows:
    return frozenset(digest_of(key) for key in keys)


def name_of(rows: Rows) -> str:
    """The name of a holdout: the digest of its rows."""
    return digest_of("\n".join(sorted(rows)))


def write_rows(folder: Path, rows: Rows) -> None:
    """Write a holdout's rows down, unless they are."""
    _create(folder / "rows" / name_of(rows), "\n".join(sorted(rows)) + "\n")


def write_fact(folder: Path, fact: Fact, entries: Entries) -> None:
    """Write a fact down that names the last ones of those that are there."""
    told: dict[str, Any] = {"holdout": fact.holdout, "before": dict(sorted(entries.heads.items()))}
    if fact.candidate is None:
        place = f"retired/{fact.holdout}"
    else:
        told |= {"candidate": fact.candidate, "passed": fact.passed, "retires": fact.retires}
        place = f"answers/{fact.holdout}-{digest_of(fact.candidate)}"
    text = json.dumps(told, indent=1, sort_keys=True) + "\n"
    _create(folder / f"{place}-{digest_of(text)}.json", text)


def read_entries(folder: Path) -> Entries:
    """Everything in a ledger; :class:`StageError` names the file that is not what was written."""
    rows = {file.name: _rows(file) for file in _files(folder / "rows")}
    texts = {
        f"{kind}/{file.name}": _text(file)
        for kind in ("answers", "retired")
        for file in _files(folder / kind)
    }
    told = {name: _told(folder / name, text) for name, text in texts.items()}
    facts = {name: _fact(folder / name, fact) for name, fact in told.items()}
    for name, fact in facts.items():
        if fact.holdout not in rows:
            raise _broken(folder / "rows" / fact.holdout, f"is missing, whose rows {name} is about")
    digests = {name: digest_of(text) for name, text in texts.items()}
    named: set[str] = set()
    for name, content in told.items():
        for earlier, digest in _before(folder / name, content).items():
            if earlier not in digests:
                raise _broken(folder / earlier, f"is missing, which was there when {name} was written")
            if digests[earlier] != digest:
                raise _broken(folder / earlier, f"is not what it was when {name} was written")
            named.add(earlier)
    return Entries(rows, facts, {name: digest for name, digest in digests.items() if name not in named})


def _files(folder: Path) -> Iterator[Path]:
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    return (file for file in files if not file.name.startswith("."))


def _text(file: Path) -> str:
    """The file's text with plain line ends, whatever version control made of them."""
    try:
        return file.read_text(encoding="utf-8")
    except (UnicodeDecodeError, IsADirectoryError):
        raise _broken(file, "is no entry of a ledger") from None


def _rows(file: Path) -> Rows:
    rows = frozenset(_text(file).split())
    if name_of(rows) != file.name:
        raise _broken(file, "does not hold the rows that its name says")
    return rows


def _told(file: Path, text: str) -> dict[str, Any]:
    """What a file says, after a look whether its name says so too."""
    holdout, *others = file.name.removesuffix(".json").split("-")
    if file.parent.name == "retired" and not others and not text.strip():
        return {"holdout": holdout}
    try:
        told = json.loads(text)
    except ValueError:
        raise _broken(file, "is no entry of a ledger") from None
    if not isinstance(told, dict):
        raise _broken(file, "is no entry of a ledger")
    expected = [] if file.parent.name == "retired" else [digest_of(str(told.get("candidate")))]
    if "before" in told:
        expected.append(digest_of(text))
    if others != expected or told.get("holdout") != holdout:
        raise _broken(file, "does not hold what its name says")
    return told


def _fact(file: Path, told: Mapping[str, Any]) -> Fact:
    if file.parent.name == "retired":
        return Fact(str(told["holdout"]), retires=True)
    if not isinstance(told.get("passed"), bool):
        raise _broken(file, "is no entry of a ledger")
    return Fact(str(told["holdout"]), str(told["candidate"]), told["passed"], bool(told.get("retires")))


def _before(file: Path, told: Mapping[str, Any]) -> Mapping[str, str]:
    before = told.get("before", {})
    if not isinstance(before, dict):
        raise _broken(file, "is no entry of a ledger")
    return before


def _create(path: Path, text: str) -> None:
    """Create a file whole or not at all; one that is there already says the same, by its name."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def _broken(path: Path, what: str) -> StageError:
    return StageError(
        f"{path} {what}: the ledger of the sealed holdout was edited, cut off or merged in part, so that "
        "what its rows answered is not known; files are only ever added: restore it from version control"
    )
