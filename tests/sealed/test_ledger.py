"""The ledger of a sealed holdout: what is spent stays spent, across names, branches and crashes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ml_stages.errors import StageError
from ml_stages.sealed.budget import Adaptivity, Budget
from ml_stages.sealed.ledger import Ledger, SealedAnswer
from ml_stages.sealed.ledger_files import digest_of, hashed, name_of

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


def _spend(folder: Path) -> Ledger:
    """Two answers, and a retirement of other rows."""
    ledger = Ledger(folder)
    ledger.ask(KEYS, "one", THREE, lambda: True)
    ledger.ask(KEYS, "two", THREE, lambda: False)
    ledger.retire(["another-row"])
    ledger.ask(KEYS, "three", THREE, lambda: False)
    return ledger


@pytest.mark.parametrize("change", ["edit", "cut", "empty", "delete"])
@pytest.mark.parametrize("number", range(5))
def test_every_file_that_others_rest_on_is_held_to_what_it_said(
    tmp_path: Path, change: str, number: int
) -> None:
    """A row taken out of the ledger, or an answer, would be fresh again without anybody noticing."""
    ledger = _spend(tmp_path)
    files = sorted(file for file in tmp_path.rglob("*") if file.is_file())
    last = next(
        file for file in files if '"retires": true' in file.read_text() and file.parent.name == "answers"
    )
    file = [one for one in files if one != last][number]
    text = file.read_text()
    if change == "delete":
        file.unlink()
    else:
        other = text.translate(str.maketrans("0123456789", "1032547698"))
        changed = {"edit": other, "cut": text[:-20], "empty": ""}
        file.write_text(changed[change])
    with pytest.raises(StageError, match="restore it from version control") as told:
        ledger.ask(KEYS, "four", THREE, _never)
    assert str(file) in str(told.value), "the message names another file"
    with pytest.raises(StageError):
        ledger.remaining(KEYS, THREE)
    with pytest.raises(StageError):
        ledger.retired()


def test_an_edit_of_the_last_answer_is_noticed_and_its_loss_is_not(tmp_path: Path) -> None:
    """What the ledger cannot notice would be taken for safe: the digest in each report tells it."""
    ledger = _spend(tmp_path)
    (last,) = (file for file in (tmp_path / "answers").iterdir() if '"retires": true' in file.read_text())
    text, state = last.read_text(), ledger.state
    last.write_text(text.replace('"retires": true', '"retires": false'))
    with pytest.raises(StageError, match=last.name):
        ledger.remaining(KEYS, THREE)
    last.unlink()
    assert ledger.remaining(KEYS, THREE) == 1
    assert ledger.state != state
    last.write_text(text)
    assert ledger.state == state


def test_line_ends_of_another_system_are_no_edit(tmp_path: Path) -> None:
    """A checkout on Windows would block every run."""
    ledger = _spend(tmp_path)
    for file in tmp_path.rglob("*"):
        if file.is_file():
            file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    (tmp_path / "rows" / ".gitkeep").touch()
    assert ledger.ask(KEYS, "two", THREE, _never).repeated


def test_the_next_fact_ties_two_branches_together(tmp_path: Path) -> None:
    """After a merge the answers of one branch could be dropped again."""
    for branch, candidate in (("one", "same"), ("two", "same"), ("two", "other")):
        Ledger(tmp_path / branch).ask(KEYS, candidate, THREE, lambda: True)
    shutil.copytree(tmp_path / "two", tmp_path / "one", dirs_exist_ok=True)
    merged = Ledger(tmp_path / "one")
    assert merged.remaining(KEYS, THREE) == 1, "the same predictions on both branches cost one answer"
    merged.ask(KEYS, "last", THREE, lambda: False)
    theirs = next(file for file in (tmp_path / "two" / "answers").iterdir() if '"other"' in file.read_text())
    (tmp_path / "one" / "answers" / theirs.name).unlink()
    with pytest.raises(StageError, match=theirs.name):
        merged.remaining(KEYS, THREE)


def _old(folder: Path) -> Path:
    """A ledger as it was written before files had digests: one answer of three, and other rows retired."""
    rows, candidate = hashed(KEYS), digest_of("old")
    other = hashed(["another-row"])
    for name, text in {
        f"rows/{name_of(rows)}": "\n".join(sorted(rows)) + "\n",
        f"rows/{name_of(other)}": "\n".join(sorted(other)) + "\n",
        f"answers/{name_of(rows)}-{candidate}.json": json.dumps(
            {"holdout": name_of(rows), "candidate": "old", "passed": True}
        ),
        f"retired/{name_of(other)}": "",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder / "answers" / f"{name_of(rows)}-{candidate}.json"


def test_a_ledger_of_the_first_version_counts_and_is_tied_by_the_next_fact(tmp_path: Path) -> None:
    """An update would give every spent holdout its answers back."""
    answer, ledger = _old(tmp_path), Ledger(tmp_path)
    assert ledger.ask(KEYS, "old", THREE, _never).repeated
    assert (ledger.remaining(KEYS, THREE), ledger.remaining(["another-row"], THREE)) == (2, 0)
    assert ledger.ask(KEYS, "new", THREE, lambda: False).remaining == 1
    assert ledger.remaining(KEYS, THREE) == 1
    text = answer.read_text()
    answer.write_text(text.replace("true", "false"))
    with pytest.raises(StageError, match=answer.name):
        ledger.remaining(KEYS, THREE)
    answer.write_text(text)
    next((tmp_path / "retired").iterdir()).unlink()
    with pytest.raises(StageError, match="retired"):
        ledger.remaining(KEYS, THREE)
