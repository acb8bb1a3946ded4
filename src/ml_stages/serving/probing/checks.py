"""The checks of a running server, in their order: each asks, and says in one line what it found."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from ml_stages.report.numbers import counted
from ml_stages.serving.probing import contract
from ml_stages.serving.probing.bad_inputs import BadInput, bad_inputs, broken_json
from ml_stages.serving.probing.conformance import Contract, Known
from ml_stages.serving.probing.dialect import Invocations
from ml_stages.serving.probing.faults import compare, not_refused, verdict, why_otherwise_alone
from ml_stages.serving.probing.golden import Golden
from ml_stages.serving.probing.probe_report import ProbeCheck
from ml_stages.serving.probing.subject import SINGLES, Subject, batches, while_quick
from ml_stages.serving.probing.target import Connection, Reply, Target, Unanswered
from ml_stages.serving.probing.wire import RAW_INPUTS, send_raw, with_stalled_clients

_CLIENTS = 8
_STALLED = 20
_STALL_LIMIT = 5.0
"""Seconds by which a request may take longer beside stalled clients."""
_TRIES = 50
_PAUSE_SECONDS = 0.1


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
        for part in batches(subject.golden):
            reply = subject.dialect.ask(connection, [golden.row for golden in part])
            subject.requests += 1
            faults += compare(subject, part, reply)
    count = len(subject.golden)
    return verdict("golden answers", faults, f"{count} rows as {subject.expected}")


def check_single(subject: Subject) -> ProbeCheck:
    """A row alone is answered as it is among others."""
    faults: list[str] = []
    asked = 0
    chosen = subject.golden[:: max(1, len(subject.golden) // SINGLES)][:SINGLES]
    with subject.target.connect() as connection:
        for golden in while_quick(chosen):
            reply = subject.dialect.ask(connection, [golden.row])
            asked += 1
            faults += compare(subject, [golden], reply)
    subject.requests += asked
    faults = faults and (why_otherwise_alone(subject) or faults)
    return verdict("batch equals single", faults, f"{counted(asked, 'rows')} alone as in a batch")


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
    try:
        reply = connection.ask(case.method, case.path, case.body, case.headers)
    except Unanswered as silence:
        return [f"{case.name}: {silence}; expected {case.wanted}"]
    return not_refused(case, reply, is_ours=is_ours)


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
    shares = [list(subject.golden[number::_CLIENTS])[:SINGLES] for number in range(_CLIENTS)]

    def ask_all(rows: Sequence[Golden]) -> list[list[str]]:
        with subject.target.connect() as connection:
            return [
                compare(subject, [golden], _patient(subject, connection, golden))
                for golden in while_quick(rows)
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
        is_sensitive=bool(subject.sensitive),
        examples=subject.config.contract_examples,
        seconds=subject.config.contract_seconds,
    )
    kept = contract.ask(asked)
    subject.requests += kept.requests
    if not kept.requests and not kept.faults:
        return ProbeCheck(name=name, status="skipped", message=kept.summary)
    return verdict(name, kept.faults, kept.summary)


def _known(subject: Subject, document: Mapping[str, Any]) -> list[Known]:
    rows = subject.rows
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
