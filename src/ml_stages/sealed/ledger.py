"""The ledger of a sealed holdout: which rows have answered, how often, and what.

A sealed holdout answers one bit a candidate, and only as often as its size was planned for. The ledger is a
folder in which every fact is a file of its own that is never changed, so that the ledgers of two branches
are merged by putting their files together. Rows are kept as hashes of their keys. Whenever it is read
every file is held against its name and against the facts that were written later:
:mod:`ml_stages.sealed.ledger_files`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from ml_stages.sealed.budget import Adaptivity, Budget
from ml_stages.sealed.ledger_files import (
    Entries,
    Fact,
    Rows,
    hashed,
    name_of,
    read_entries,
    write_fact,
    write_rows,
)


class SealedAnswer(StrEnum):
    """All that a sealed holdout says."""

    YES = "yes"
    NO = "no"
    SPENT = "spent"

    @classmethod
    def of(cls, *, passed: bool) -> SealedAnswer:
        return cls.YES if passed else cls.NO


@dataclass(frozen=True)
class Reply:
    """The answer for one candidate, and what is left."""

    answer: SealedAnswer
    remaining: int
    """Answers that these rows may still give."""
    repeated: bool = False
    """Whether the same predictions were judged before, so that the answer cost nothing."""


@dataclass(frozen=True)
class Ledger:
    """A folder of facts."""

    folder: Path

    def ask(self, keys: Iterable[str], candidate: str, budget: Budget, judge: Callable[[], bool]) -> Reply:
        """Judge a candidate on the sealed rows, unless their answers are spent.

        ``candidate`` is a digest of its predictions: the same predictions on the same rows get the
        same answer again, for nothing. Every answer of a holdout that shares a row counts, under
        whatever name it was asked. The answer is written before it is returned, so that a crash
        cannot give one for free. Raises :class:`StageError` for a ledger that was edited.
        """
        rows, entries = hashed(keys), read_entries(self.folder)
        known = _answers(entries.facts_of({name_of(rows)})).get(candidate)
        if known is not None:
            return Reply(SealedAnswer.of(passed=known), _remaining(entries, rows, budget), repeated=True)
        if _remaining(entries, rows, budget) <= 0:
            return Reply(SealedAnswer.SPENT, 0)
        fact = Fact(name_of(rows), candidate, passed=bool(judge()))
        left = _remaining(entries.with_fact(fact), rows, budget)
        write_rows(self.folder, rows)
        write_fact(self.folder, replace(fact, retires=left <= 0), entries)
        return Reply(SealedAnswer.of(passed=fact.passed), left)

    def retire(self, keys: Iterable[str]) -> None:
        """Say that the numbers of these rows were shown: no holdout with one of them answers again."""
        rows, entries = hashed(keys), read_entries(self.folder)
        if any(fact.retires for fact in entries.facts_of({name_of(rows)})):
            return
        write_rows(self.folder, rows)
        write_fact(self.folder, Fact(name_of(rows), retires=True), entries)

    def remaining(self, keys: Iterable[str], budget: Budget) -> int:
        """Answers that are left for rows, by all that was ever asked of any of them."""
        return _remaining(read_entries(self.folder), hashed(keys), budget)

    def retired(self) -> dict[Rows, Mapping[str, bool]]:
        """The rows of each retired holdout, and what its candidates were told."""
        entries = read_entries(self.folder)
        retired = {fact.holdout for fact in entries.facts.values() if fact.retires}
        return {entries.rows[name]: _answers(entries.facts_of({name})) for name in sorted(retired)}

    @property
    def state(self) -> str:
        """A digest of everything that it holds."""
        return read_entries(self.folder).state


def _answers(facts: Iterable[Fact]) -> dict[str, bool]:
    """Candidate to whether it passed; told twice, on two branches, it is the same answer."""
    found: dict[str, bool] = {}
    for fact in facts:
        if fact.candidate is not None:
            found[fact.candidate] = fact.passed or found.get(fact.candidate, False)
    return found


def _remaining(entries: Entries, rows: Rows, budget: Budget) -> int:
    facts = entries.facts_of({name_of(rows), *entries.holdouts_with(rows)})
    if any(fact.retires for fact in facts):
        return 0
    found = _answers(facts)
    if budget.adaptivity is Adaptivity.FIRST_CHANGE and any(found.values()):
        return 0
    if budget.most_passes is not None and sum(found.values()) >= budget.most_passes:
        return 0
    return max(budget.runs - len(found), 0)
