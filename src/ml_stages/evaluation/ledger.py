"""The ledger of a sealed holdout: which rows have answered, how often, and what.

A sealed holdout answers one bit a candidate, and only as often as its size was planned for. The
ledger is a folder in which every fact is a file of its own that is never changed, so that the ledgers
of two branches are merged by putting their files together. Rows are kept as hashes of their keys.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ml_stages.errors import StageError
from ml_stages.evaluation.budget import Adaptivity, Budget

_HASH = 16  # hexadecimal digits of a row's hash: 64 bits, too few collisions to matter


class SealedAnswer(StrEnum):
    """All that a sealed holdout says."""

    YES = "yes"
    NO = "no"
    SPENT = "spent"


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
    """A folder of facts: ``rows/HOLDOUT``, ``answers/HOLDOUT-CANDIDATE.json`` and ``retired/HOLDOUT``."""

    folder: Path

    def ask(self, keys: Iterable[str], candidate: str, budget: Budget, judge: Callable[[], bool]) -> Reply:
        """Judge a candidate on the sealed rows, unless their answers are spent.

        ``candidate`` is a digest of its predictions: the same predictions on the same rows get the
        same answer again, for nothing. Every answer of a holdout that shares a row counts, under
        whatever name it was asked. The answer is written before it is returned, so that a crash
        cannot give one for free.
        """
        rows = _hashed(keys)
        holdout = _name(rows)
        known = self._answers_of(holdout).get(candidate)
        if known is not None:
            return Reply(_spoken(passed=known), self._remaining(rows, budget), repeated=True)
        if self._remaining(rows, budget) <= 0:
            return Reply(SealedAnswer.SPENT, 0)
        self._write(self.folder / "rows" / holdout, "\n".join(sorted(rows)) + "\n")
        passed = bool(judge())
        fact = json.dumps({"holdout": holdout, "candidate": candidate, "passed": passed}) + "\n"
        self._write(self.folder / "answers" / f"{holdout}-{_short(candidate)}.json", fact)
        return Reply(_spoken(passed=passed), self._remaining(rows, budget))

    def retire(self, keys: Iterable[str]) -> None:
        """Say that the numbers of these rows were shown: no holdout with one of them answers again."""
        rows = _hashed(keys)
        self._write(self.folder / "rows" / _name(rows), "\n".join(sorted(rows)) + "\n")
        self._write(self.folder / "retired" / _name(rows), "")

    def remaining(self, keys: Iterable[str], budget: Budget) -> int:
        """Answers that are left for rows, by all that was ever asked of any of them."""
        return self._remaining(_hashed(keys), budget)

    def _remaining(self, rows: frozenset[str], budget: Budget) -> int:
        found: dict[str, bool] = {}
        holdouts = self._holdouts_with(rows)
        if any((self.folder / "retired" / holdout).is_file() for holdout in holdouts):
            return 0
        for holdout in holdouts:
            for candidate, passed in self._answers_of(holdout).items():
                found[candidate] = passed or found.get(candidate, False)
        if budget.adaptivity is Adaptivity.FIRST_CHANGE and any(found.values()):
            return 0
        if budget.most_passes is not None and sum(found.values()) >= budget.most_passes:
            return 0
        return max(budget.runs - len(found), 0)

    def _holdouts_with(self, rows: frozenset[str]) -> list[str]:
        folder = self.folder / "rows"
        files = sorted(folder.iterdir()) if folder.is_dir() else []
        return [file.name for file in files if not rows.isdisjoint(_lines(file))]

    def _answers_of(self, holdout: str) -> dict[str, bool]:
        facts = [_fact(file) for file in sorted((self.folder / "answers").glob(f"{holdout}-*.json"))]
        return {str(fact["candidate"]): bool(fact["passed"]) for fact in facts}

    @staticmethod
    def _write(path: Path, text: str) -> None:
        """Create a file that is never changed; the same fact may be there already."""
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            if path.read_text(encoding="utf-8") != text:
                raise StageError(
                    f"{path} says something else already: the ledger was edited by hand"
                ) from None


def _hashed(keys: Iterable[str]) -> frozenset[str]:
    return frozenset(hashlib.sha256(key.encode()).hexdigest()[:_HASH] for key in keys)


def _name(rows: frozenset[str]) -> str:
    return hashlib.sha256("\n".join(sorted(rows)).encode()).hexdigest()[:_HASH]


def _short(candidate: str) -> str:
    return hashlib.sha256(candidate.encode()).hexdigest()[:_HASH]


def _spoken(*, passed: bool) -> SealedAnswer:
    return SealedAnswer.YES if passed else SealedAnswer.NO


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").split()


def _fact(path: Path) -> dict[str, object]:
    try:
        fact = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise StageError(
            f"{path} is no entry of a ledger ({error}); restore it from version control"
        ) from None
    if not isinstance(fact, dict) or not {"candidate", "passed"} <= fact.keys():
        raise StageError(f"{path} is no entry of a ledger; restore it from version control")
    return fact
