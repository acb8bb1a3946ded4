"""What is wrong with answers, in words: which row, what was expected, and why it may be so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ml_stages.serving.probing.bad_inputs import BadInput
from ml_stages.serving.probing.golden import Golden, alike, as_text, difference
from ml_stages.serving.probing.probe_report import ProbeCheck
from ml_stages.serving.probing.subject import SINGLES, Subject, batches, while_quick
from ml_stages.serving.probing.target import Reply

_ANSWERS = ("predictions", "probabilities")
_SHOWN = 3
_SHOWN_LETTERS = 400


def verdict(name: str, faults: Sequence[str], passed: str) -> ProbeCheck:
    """A check's result: the first faults, or what was right."""
    if not faults:
        return ProbeCheck(name=name, status="passed", message=passed)
    shown = [fault for place, fault in enumerate(faults[:_SHOWN]) if not place or _fits(faults[: place + 1])]
    more = f" (and {len(faults) - len(shown)} more)" if len(faults) > len(shown) else ""
    return ProbeCheck(name=name, status="failed", message="; ".join(shown) + more)


def _fits(faults: Sequence[str]) -> bool:
    return sum(map(len, faults)) <= _SHOWN_LETTERS


def compare(subject: Subject, part: Sequence[Golden], reply: Reply) -> list[str]:
    """One fault for each row that was answered differently, or one for the whole answer."""
    document = reply.json()
    if reply.status != 200 or not isinstance(document, dict) or "predictions" not in document:
        row = part[_row_of(document, len(part))].row
        return [f"{subject.shown(row)}: got {reply.shown()}; expected predictions"]
    try:
        return _differences(subject, part, document)
    except (KeyError, TypeError, ValueError, IndexError):
        return [f"got {reply.shown()}; expected predictions, and probabilities only with their classes"]


def _differences(subject: Subject, part: Sequence[Golden], document: Mapping[str, Any]) -> list[str]:
    if len(document["predictions"]) != len(part):
        return [f"got {len(document['predictions'])} predictions; expected {len(part)}"]
    tolerance = subject.config.tolerance
    found = ((golden, difference(golden, document, row, tolerance)) for row, golden in enumerate(part))
    return [f"{subject.shown(golden.row)}: got {text}" for golden, text in found if text]


def _row_of(document: Any, rows: int) -> int:
    """The row that an error names, else the first."""
    row = _error_of(document).get("row")
    return row if isinstance(row, int) and 0 <= row < rows else 0


def _error_of(document: Any) -> dict[str, Any]:
    """An error's fields in our form: within `error`, or beside it as the open inference protocol has it."""
    error = document.get("error") if isinstance(document, dict) else None
    if isinstance(error, str):
        return {**document, "message": error}
    return error if isinstance(error, dict) else {}


def not_refused(case: BadInput, reply: Reply, *, is_ours: bool) -> list[str]:
    """What is wrong with the answer to a bad request, else nothing."""
    if not is_ours:
        is_refused = reply.status < 500 or reply.status == 501
        return [] if is_refused else [f"{case.name}: got {reply.shown()}; expected 4xx"]
    if reply.status not in case.expected:
        return [f"{case.name}: got {reply.shown()}; expected {case.wanted}"]
    error = _error_of(reply.json())
    if not {"code", "message"} <= set(error):
        return [f"{case.name}: got {reply.shown()}; expected {{'error': {{'code', 'message', ...}}}}"]
    if "Traceback" in str(error["message"]):
        return [f"{case.name}: the answer shows a traceback"]
    return []


def why_otherwise_alone(subject: Subject) -> list[str]:
    """Why rows alone are not answered as expected, where that can be found out; else nothing."""
    return _again(subject) or _beside(subject)


def _again(subject: Subject) -> list[str]:
    """What is wrong where the same request is answered otherwise a second time, else nothing."""
    rows = [golden.row for golden in next(batches(subject.golden))]
    with subject.target.connect() as connection:
        first, second = (_answers(subject.dialect.ask(connection, rows)) for _ in range(2))
    subject.requests += 2
    if alike(first, second, subject.config.tolerance):
        return []
    why = (
        "the predictor draws at random (a network that is not in evaluation mode, a sampler without a seed)"
        " or remembers what it was asked"
    )
    return [f"the same rows are answered otherwise when they are asked for once more: {why}"]


def _answers(reply: Reply) -> dict[str, Any]:
    document = reply.json()
    return {name: document.get(name) for name in _ANSWERS} if isinstance(document, dict) else {}


def _beside(subject: Subject) -> list[str]:
    """What is wrong where the server answers rows otherwise alone than together, else nothing."""
    part = next(batches(subject.golden))
    with subject.target.connect() as connection:
        together = _predictions(subject.dialect.ask(connection, [golden.row for golden in part]))
        alone = [
            _predictions(subject.dialect.ask(connection, [golden.row]))
            for golden in while_quick(part[:SINGLES])
        ]
    subject.requests += 1 + len(alone)
    pairs = [(one[0], other) for one, other in zip(alone, together, strict=False) if one]
    differ = [
        (golden.row, one, other)
        for golden, (one, other) in zip(part, pairs, strict=False)
        if difference(
            Golden(golden.row, as_text(other), {}), {"predictions": [one]}, 0, subject.config.tolerance
        )
    ]
    if not differ or len(pairs) < len(alone):
        return []
    row, one, other = differ[0]
    seen = f"{subject.shown(row)}: {one!r} alone, {other!r} among others"
    why = (
        "whoever asks may send one row, so what the predictor takes from other rows (lags, rolling means,"
        " ranks, a mean of the batch) must be a column of the data"
    )
    count = f"{len(differ)} of {len(pairs)} rows"
    return [f"{count} are answered otherwise alone than among others, e.g. {seen}; {why}"]


def _predictions(reply: Reply) -> list[Any]:
    found = _answers(reply).get("predictions")
    return found if isinstance(found, list) else []
