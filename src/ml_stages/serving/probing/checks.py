"""The checks of a running server: each asks, compares, and says in one line what it found."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from ml_stages.config.sections import ProbeConfig
from ml_stages.report.numbers import counted
from ml_stages.serving.features import FeatureTable
from ml_stages.serving.probing import contract
from ml_stages.serving.probing.bad_inputs import BadInput, bad_inputs, broken_json
from ml_stages.serving.probing.conformance import Contract, Known
from ml_stages.serving.probing.dialect import Dialect, Invocations
from ml_stages.serving.probing.golden import Golden, alike, as_text, difference
from ml_stages.serving.probing.probe_report import ProbeCheck
from ml_stages.serving.probing.target import Connection, Reply, Target, Unanswered
from ml_stages.serving.probing.wire import RAW_INPUTS, send_raw, with_stalled_clients

_BATCH, _BATCH_LETTERS = 100, 4_000_000
_SINGLES = 20
_CLIENTS = 8
_STALLED = 20
_STALL_LIMIT = 5.0
"""Seconds by which a request may take longer beside stalled clients."""
_LONG = 10.0
"""Seconds after which nothing more is asked of a slow model, within one check."""
_ANSWERS = ("predictions", "probabilities")
_SHOWN = 3
_SHOWN_LETTERS = 400
_TRIES = 50
_PAUSE_SECONDS = 0.1


@dataclass
class Subject:
    """What is probed, what is known about it, and how many requests it was sent."""

    target: Target
    golden: Sequence[Golden]
    schema: Mapping[str, Any]
    config: ProbeConfig
    dialect: Dialect = field(default_factory=Invocations)
    is_ours: bool = True
    """Whether errors must have our form; of other servers only 5xx and silence are held against them."""
    expected: str = "predicted offline"
    """Where the golden answers are from."""
    requests: int = 0

    @property
    def table(self) -> FeatureTable:
        return FeatureTable.from_schema(self.schema)


def verdict(name: str, faults: Sequence[str], passed: str) -> ProbeCheck:
    """A check's result: the first faults, or what was right."""
    if not faults:
        return ProbeCheck(name=name, status="passed", message=passed)
    shown = [fault for place, fault in enumerate(faults[:_SHOWN]) if not place or _fits(faults[: place + 1])]
    more = f" (and {len(faults) - len(shown)} more)" if len(faults) > len(shown) else ""
    return ProbeCheck(name=name, status="failed", message="; ".join(shown) + more)


def _fits(faults: Sequence[str]) -> bool:
    return sum(map(len, faults)) <= _SHOWN_LETTERS


def check_schema(subject: Subject) -> ProbeCheck:
    """The description of the endpoints names the columns of the schema, with their types."""
    name = "schema"
    reply = subject.target.ask("GET", "/openapi.json")
    subject.requests += 1
    document = reply.json()
    try:
        described = document["components"]["schemas"]["Row"]["properties"]
    except (TypeError, KeyError):
        return verdict(name, [f"/openapi.json: got {reply.shown()}; expected the columns of a row"], "")
    expected = [feature["name"] for feature in subject.schema["features"]]
    if list(described) != expected:
        return verdict(name, [f"/openapi.json: columns {list(described)}; expected {expected}"], "")
    return verdict(name, [], f"{len(expected)} columns as in the schema")


def check_golden(subject: Subject) -> ProbeCheck:
    """Served answers equal the offline predictions, within the tolerance."""
    faults: list[str] = []
    with subject.target.connect() as connection:
        for part in _batches(subject.golden):
            reply = subject.dialect.ask(connection, [golden.row for golden in part])
            subject.requests += 1
            faults += compare(part, reply, subject.config.tolerance)
    count = len(subject.golden)
    return verdict("golden answers", faults, f"{count} rows as {subject.expected}")


def _batches(golden: Sequence[Golden]) -> Iterator[Sequence[Golden]]:
    """At most ``_BATCH`` rows, and fewer of long texts: a server reads no request of any size."""
    start, letters = 0, 0
    for place, one in enumerate(golden):
        longer = sum(len(value) for value in one.row.values() if isinstance(value, str))
        if place - start == _BATCH or (place > start and letters + longer > _BATCH_LETTERS):
            yield golden[start:place]
            start, letters = place, 0
        letters += longer
    yield golden[start:]


def compare(part: Sequence[Golden], reply: Reply, tolerance: float) -> list[str]:
    """One fault for each row that was answered differently, or one for the whole answer."""
    document = reply.json()
    if reply.status != 200 or not isinstance(document, dict) or "predictions" not in document:
        return [
            f"{_asked(part[_row_of(document, len(part))].row)}: got {reply.shown()}; expected predictions"
        ]
    if len(document["predictions"]) != len(part):
        return [f"got {len(document['predictions'])} predictions; expected {len(part)}"]
    found = ((golden, difference(golden, document, row, tolerance)) for row, golden in enumerate(part))
    return [f"{_asked(golden.row)}: got {text}" for golden, text in found if text]


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


def _asked(row: Mapping[str, Any]) -> str:
    text = json.dumps(row)
    return f"row {text if len(text) <= 160 else text[:157] + '...'}"


def check_single(subject: Subject) -> ProbeCheck:
    """A row alone is answered as it is among others."""
    faults: list[str] = []
    asked = 0
    chosen = subject.golden[:: max(1, len(subject.golden) // _SINGLES)][:_SINGLES]
    with subject.target.connect() as connection:
        for golden in _while_quick(chosen):
            reply = subject.dialect.ask(connection, [golden.row])
            asked += 1
            faults += compare([golden], reply, subject.config.tolerance)
    subject.requests += asked
    faults = faults and (_again(subject) or _beside(subject) or faults)
    return verdict("batch equals single", faults, f"{counted(asked, 'rows')} alone as in a batch")


def _while_quick(rows: Sequence[Golden]) -> Iterator[Golden]:
    """The rows, or of a slow model the first ones: at least one, and none after ``_LONG`` seconds."""
    until = time.monotonic() + _LONG
    for number, golden in enumerate(rows):
        if number and time.monotonic() > until:
            return
        yield golden


def _again(subject: Subject) -> list[str]:
    """What is wrong where the same request is answered otherwise a second time, else nothing."""
    rows = [golden.row for golden in next(_batches(subject.golden))]
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
    part = next(_batches(subject.golden))
    with subject.target.connect() as connection:
        together = _predictions(subject.dialect.ask(connection, [golden.row for golden in part]))
        alone = [
            _predictions(subject.dialect.ask(connection, [golden.row]))
            for golden in _while_quick(part[:_SINGLES])
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
    seen = f"{_asked(row)}: {one!r} alone, {other!r} among others"
    why = (
        "whoever asks may send one row, so what the predictor takes from other rows (lags, rolling means,"
        " ranks, a mean of the batch) must be a column of the data"
    )
    count = f"{len(differ)} of {len(pairs)} rows"
    return [f"{count} are answered otherwise alone than among others, e.g. {seen}; {why}"]


def _predictions(reply: Reply) -> list[Any]:
    found = _answers(reply).get("predictions")
    return found if isinstance(found, list) else []


def check_bad_input(subject: Subject) -> ProbeCheck:
    """What is wrong is refused with 4xx and the error form; the server lives on, and is not held up."""
    row = subject.golden[0].row
    faults: list[str] = []
    cases = _cases(subject, row)
    with subject.target.connect() as connection:
        for case in cases:
            # Another server may well close a connection after an error, and needs not announce it.
            asked = connection if subject.is_ours else subject.target
            faults += _refused(asked, case, is_ours=subject.is_ours)
    wires = [case for case in RAW_INPUTS if subject.is_ours or not case.is_our_limit]
    with ThreadPoolExecutor(len(wires)) as clients:
        raw = list(clients.map(lambda case: send_raw(subject.target, case), wires))
    faults += [f"{case.name}: {text}" for case, text in zip(wires, raw, strict=True) if text]
    faults += _not_held_up(subject)
    subject.requests += len(cases) + len(raw) + 1
    return verdict("bad input", faults, f"{len(cases) + len(raw) + 1} kinds refused")


def _cases(subject: Subject, row: Mapping[str, Any]) -> list[BadInput]:
    """What the protocol of the server has a word for."""
    if isinstance(subject.dialect, Invocations):
        return bad_inputs(row, subject.table)
    return [replace(case, path=subject.dialect.path) for case in broken_json(row)]


def _refused(connection: Connection | Target, case: BadInput, *, is_ours: bool) -> list[str]:
    expected = " or ".join(map(str, case.expected))
    try:
        reply = connection.ask(case.method, case.path, case.body, case.headers)
    except Unanswered as silence:
        return [f"{case.name}: {silence}; expected {expected}"]
    if not is_ours:
        is_refused = reply.status < 500 or reply.status == 501
        return [] if is_refused else [f"{case.name}: got {reply.shown()}; expected 4xx"]
    if reply.status not in case.expected:
        return [f"{case.name}: got {reply.shown()}; expected {expected}"]
    error = _error_of(reply.json())
    if not {"code", "message"} <= set(error):
        return [f"{case.name}: got {reply.shown()}; expected {{'error': {{'code', 'message', ...}}}}"]
    if "Traceback" in str(error["message"]):
        return [f"{case.name}: the answer shows a traceback"]
    return []


def _not_held_up(subject: Subject) -> list[str]:
    """A good request is answered while other clients stall."""

    def ask() -> Reply:
        with subject.target.connect() as connection:
            return _patient(subject, connection, subject.golden[0])

    beside = f"with {_STALLED} stalled clients"
    try:
        most = ask().seconds + _STALL_LIMIT
        reply = with_stalled_clients(subject.target, _STALLED, ask)
    except (OSError, Unanswered) as error:
        return [f"{beside}: {error}; expected an answer"]
    if reply.status != 200:
        return [f"{beside}: got {reply.shown()}; expected predictions"]
    if reply.seconds <= most:
        return []
    return [f"{beside} a request took {reply.seconds:.1f} s; expected {most:.1f} s at most"]


def check_concurrency(subject: Subject) -> ProbeCheck:
    """Many clients at once each get the answers to their own rows."""
    shares = [list(subject.golden[number::_CLIENTS])[:_SINGLES] for number in range(_CLIENTS)]

    def ask_all(rows: Sequence[Golden]) -> list[list[str]]:
        with subject.target.connect() as connection:
            return [
                compare([golden], _patient(subject, connection, golden), subject.config.tolerance)
                for golden in _while_quick(rows)
            ]

    with ThreadPoolExecutor(_CLIENTS) as clients:
        answers = [answer for found in clients.map(ask_all, shares) for answer in found]
    subject.requests += len(answers)
    faults = [fault for answer in answers for fault in answer]
    return verdict("concurrency", faults, f"{len(answers)} requests of {_CLIENTS} clients, none mixed up")


def _patient(subject: Subject, connection: Connection, golden: Golden) -> Reply:
    """Ask again, as a good client does, when the server says that it has too much to do."""
    reply = subject.dialect.ask(connection, [golden.row])
    for _ in range(_TRIES):
        if reply.status not in {429, 503} or "retry-after" not in reply.headers:
            break
        time.sleep(_PAUSE_SECONDS)
        reply = subject.dialect.ask(connection, [golden.row])
    return reply


def check_contract(subject: Subject) -> ProbeCheck:
    """What the OpenAPI document promises, answers to right and wrong requests keep."""
    name = "contract"
    if not subject.config.contract_examples:
        return ProbeCheck(name=name, status="skipped", message="probe.contract_examples is 0")
    document = contract.document_of(subject.target)
    subject.requests += 1
    if document is None:
        missing = f"{subject.target.url} has no OpenAPI document; looked for {' and '.join(contract.PATHS)}"
        return ProbeCheck(name=name, status="failed" if subject.is_ours else "skipped", message=missing)
    asked = Contract(
        url=contract.base_of(subject.target, document),
        document=document,
        known=_known(subject, document),
        is_ours=subject.is_ours,
        examples=subject.config.contract_examples,
        seconds=subject.config.contract_seconds,
    )
    kept = contract.ask(asked)
    subject.requests += kept.requests
    if not kept.requests and not kept.faults:
        return ProbeCheck(name=name, status="skipped", message=kept.summary)
    return verdict(name, kept.faults, kept.summary)


def _known(subject: Subject, document: Mapping[str, Any]) -> list[Known]:
    rows = [golden.row for golden in subject.golden]
    if subject.is_ours:
        return contract.known_of_ours(rows, subject.schema, document)
    return contract.known_of_others(rows, subject.dialect)


def check_alive(subject: Subject) -> ProbeCheck:
    """After all that, the pages for operators still answer."""
    faults: list[str] = []
    for path in ("/ping", "/health/live", "/health/ready", "/metrics"):
        reply = subject.target.ask("GET", path)
        subject.requests += 1
        if reply.status != 200:
            faults.append(f"{path}: got {reply.shown()}; expected 200")
    return verdict("endpoints", faults, "ping, health and metrics answer")


def failed_to_answer(name: str, error: Exception) -> ProbeCheck:
    """A check that could not be finished."""
    return ProbeCheck(name=name, status="failed", message=str(error))


Check = Callable[[Subject], ProbeCheck]

CHECKS: tuple[tuple[str, Check], ...] = (
    ("schema", check_schema),
    ("batch equals single", check_single),
    ("golden answers", check_golden),
    ("concurrency", check_concurrency),
    ("bad input", check_bad_input),
    ("contract", check_contract),
    ("endpoints", check_alive),
)
"""In this order: what is asked last has seen everything before it."""

GENERAL = tuple(pair for pair in CHECKS if pair[0] not in {"schema", "endpoints"})
"""Those that hold for every server that speaks one of the protocols."""


def run_checks(subject: Subject, checks: Sequence[tuple[str, Check]]) -> list[ProbeCheck]:
    """Every check; a server that stops answering fails the check that noticed."""
    results: list[ProbeCheck] = []
    for name, check in checks:
        try:
            results.append(check(subject))
        except Unanswered as error:
            results.append(failed_to_answer(name, error))
    return results
