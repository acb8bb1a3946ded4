"""The ledger of a sealed holdout: what is spent stays spent, across names, branches and crashes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ml_stages.errors import StageError
from ml_stages.evaluation.budget import Adaptivity, Budget
from ml_stages.evaluation.ledger import Ledger, SealedAnswer

KEYS = [f"row-{number}" for number in range(50)]
THREE = Budget(0.01, 3)


def _never() -> bool:
    raise AssertionError("the holdout was read")


def test_answers_are_counted_until_they_are_spent(tmp_path: Path) -> None:
    """A holdout would answer until it is fitted by heart."""
    ledger = Ledger(tmp_path)
    replies = [ledger.ask(KEYS, f"candidate-{n}", THREE, lambda n=n: n == 1) for n in range(3)]  # type: ignore[misc]
    assert [reply.answer for reply in replies] == [SealedAnswer.NO, SealedAnswer.YES, SealedAnswer.NO]
    assert [reply.remaining for reply in replies] == [2, 1, 0]
    assert ledger.ask(KEYS, "candidate-3", THREE, _never).answer is SealedAnswer.SPENT


def test_the_same_predictions_cost_nothing(tmp_path: Path) -> None:
    """Running CI twice would use the holdout up."""
    ledger = Ledger(tmp_path)
    first = ledger.ask(KEYS, "candidate", THREE, lambda: True)
    again = ledger.ask(reversed(KEYS), "candidate", THREE, _never)
    assert (again.answer, again.remaining, again.repeated) == (first.answer, first.remaining, True)


def test_a_row_under_another_name_is_the_same_row(tmp_path: Path) -> None:
    """Adding one row would make a fresh holdout out of a spent one."""
    ledger = Ledger(tmp_path)
    for number in range(3):
        ledger.ask(KEYS, f"candidate-{number}", THREE, lambda: False)
    assert ledger.ask([*KEYS[:1], "new-1", "new-2"], "other", THREE, _never).answer is SealedAnswer.SPENT
    assert ledger.ask(["new-1", "new-2"], "other", THREE, lambda: True).answer is SealedAnswer.YES
    assert (ledger.remaining(KEYS, THREE), ledger.remaining(["new-1"], THREE)) == (0, 2)


def test_ledgers_of_two_branches_are_merged_by_copying(tmp_path: Path) -> None:
    """Two branches would each spend the whole budget."""
    for branch in ("one", "two"):
        Ledger(tmp_path / branch).ask(KEYS, f"candidate-{branch}", THREE, lambda: False)
    shutil.copytree(tmp_path / "two", tmp_path / "one", dirs_exist_ok=True)
    assert Ledger(tmp_path / "one").ask(KEYS, "candidate-three", THREE, lambda: False).remaining == 0


def test_the_first_pass_retires_a_first_change_holdout(tmp_path: Path) -> None:
    """A holdout planned for answers that say nothing would go on after one that says something."""
    ledger, budget = Ledger(tmp_path), Budget(0.01, 10, Adaptivity.FIRST_CHANGE)
    assert ledger.ask(KEYS, "one", budget, lambda: False).remaining == 9
    assert ledger.ask(KEYS, "two", budget, lambda: True).remaining == 0
    assert ledger.ask(KEYS, "three", budget, _never).answer is SealedAnswer.SPENT


def test_passes_are_counted_where_the_plan_rests_on_few(tmp_path: Path) -> None:
    """A holdout planned for five passes would give more."""
    ledger, budget = Ledger(tmp_path), Budget(0.01, 10, most_passes=1)
    ledger.ask(KEYS, "one", budget, lambda: True)
    assert ledger.ask(KEYS, "two", budget, _never).answer is SealedAnswer.SPENT


def test_keys_are_not_written_down(tmp_path: Path) -> None:
    """A ledger in version control would hold the customers' numbers."""
    Ledger(tmp_path).ask(KEYS, "candidate", THREE, lambda: True)
    text = "".join(file.read_text() for file in tmp_path.rglob("*") if file.is_file())
    assert "row-1" not in text


def test_an_edited_ledger_is_an_error(tmp_path: Path) -> None:
    """An answer could be changed, or deleted by a bad merge, unnoticed."""
    ledger = Ledger(tmp_path)
    ledger.ask(KEYS, "candidate", THREE, lambda: True)
    entry = next((tmp_path / "answers").iterdir())
    for text in ("<<<<<<< HEAD", "[]"):
        entry.write_text(text)
        with pytest.raises(StageError, match="version control"):
            ledger.ask(KEYS, "candidate", THREE, _never)
