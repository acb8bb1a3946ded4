"""Hold a server's answers to its OpenAPI document: ``python -m ml_stages.serving.probing.conformance``.

A process of its own: schemathesis takes a second to import, and hypothesis, which makes the data, catches
what should end a probe. Reads a :class:`Contract` from its standard input, writes a line of JSON for each
operation (:class:`Held`).
"""

from __future__ import annotations

import re
import ssl
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from requests import Session
    from schemathesis import APIOperation, BaseSchema, Case, GenerationMode, Response

_TIMEOUT = 10.0
_TRIES = 50
_PAUSE_SECONDS = 0.1
_LONGEST = 300
_CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)
_OF_OURS = "negative_data_rejection"


class Known(BaseModel):
    """A request that must be answered 200."""

    model_config = ConfigDict(frozen=True)

    name: str
    path: str
    body: Any


class Contract(BaseModel):
    """What to ask for, and for how long."""

    model_config = ConfigDict(frozen=True)

    url: str
    document: dict[str, Any]
    known: list[Known]
    is_ours: bool
    """Whether wrong data must be refused, and every operation may be called. Servers of others may read
    requests more kindly, and have operations that change them: there only pages are called, and what has
    known requests."""
    is_sensitive: bool = False
    """Whether the known requests hold what no report may show."""
    examples: int
    """Most requests of right, and most of wrong data, for each operation."""
    seconds: float


class Held(BaseModel):
    """One operation."""

    model_config = ConfigDict(frozen=True)

    operation: str
    requests: int = 0
    faults: list[str] = []
    is_whole: bool = True
    """Whether there was time for all of it."""


class _Over(BaseException):
    """The time is spent, or the server is silent; hypothesis would catch an ``Exception``."""


class _Clock:
    """Runs from when it is first looked at: before the first request is a second of imports."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until: float | None = None

    def is_over(self) -> bool:
        now = time.monotonic()
        if self._until is None:
            self._until = now + self._seconds
        return now > self._until


def hold(contract: Contract) -> Iterator[Held]:
    """Ask for every operation, pages first; the same requests at every call."""
    import schemathesis  # noqa: PLC0415 - the probe imports this module, and must not wait for that
    from jsonschema_rs import ValidationError  # noqa: PLC0415
    from requests import Session  # noqa: PLC0415
    from schemathesis.checks import CHECKS  # noqa: PLC0415

    try:
        schema = schemathesis.openapi.from_dict(contract.document, config=schemathesis.Config())
        schema.validate()
    except (schemathesis.errors.SchemathesisError, ValidationError) as error:
        fault = f"the OpenAPI document cannot be read: {_line(str(error))}"
        yield Held(operation="the document", faults=[fault])
        return
    schema.config.update(base_url=contract.url, tls_verify=_certificates())
    # Any text that JSON can hold; to tell what a codec can encode would take hypothesis two seconds.
    schema.config.generation.codec = None
    checks = CHECKS.get_by_names([*_CHECKS, *([_OF_OURS] if contract.is_ours else [])])
    operations, broken = _operations(schema)
    yield from broken
    clock = _Clock(contract.seconds)
    with Session() as session:
        session.trust_env = False  # no proxy of the environment stands between a probe and its server
        bodies: list[Any] = []
        for operation in operations:
            asked = _Asked(operation, contract, checks, session, clock)
            if contract.is_ours or asked.is_harmless:
                yield asked.held(is_new=asked.body is None or asked.body not in bodies)
                bodies.append(asked.body)


def _operations(schema: BaseSchema) -> tuple[list[APIOperation[Any, Any, Any, Any]], list[Held]]:
    """The operations, pages first, and what cannot be read of the document."""
    from schemathesis.core.result import Ok  # noqa: PLC0415

    operations, broken = [], []
    for found in schema.get_all_operations():
        if isinstance(found, Ok):
            operations.append(found.ok())
        else:
            error = found.err()
            broken.append(Held(operation=error.label, faults=[f"{error.label}: {_line(error.message)}"]))
    return sorted(operations, key=lambda operation: operation.method.lower() != "get"), broken


def _certificates() -> str | bool:
    """Where Python's own TLS looks for authorities."""
    paths = ssl.get_default_verify_paths()
    return paths.cafile or paths.capath or True


class _Asked:
    """One operation while it is asked for."""

    def __init__(
        self,
        operation: APIOperation[Any, Any, Any, Any],
        contract: Contract,
        checks: list[Any],
        session: Session,
        clock: _Clock,
    ) -> None:
        self._operation = operation
        self._contract = contract
        self._checks = checks
        self._session = session
        self._clock = clock
        self._requests = 0
        self._found: dict[str, list[tuple[str, str]]] = {}
        """By what is wrong: what was seen, and the command that shows it."""

    @property
    def is_harmless(self) -> bool:
        """Whether a stranger's server may be asked for it."""
        is_page = self._operation.method.lower() == "get" and "{" not in self._operation.path
        return is_page or bool(self._known)

    @property
    def body(self) -> Any:
        """What the document says of its body; ``None`` where it takes none."""
        return self._operation.definition.raw.get("requestBody")

    def held(self, *, is_new: bool) -> Held:
        """Ask with known rows, and with made-up ones unless another path took the same body."""
        from schemathesis import GenerationMode  # noqa: PLC0415

        is_whole = True
        try:
            for one, places in self._known:
                self._ask_known(one, places)
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE) if is_new else ():
                self._ask_generated(mode)
        except _Over:
            is_whole = False
        faults = [_fault(self._operation.label, wrong, shown) for wrong, shown in self._found.items()]
        return Held(
            operation=self._operation.label, requests=self._requests, faults=faults, is_whole=is_whole
        )

    @cached_property
    def _known(self) -> list[tuple[Known, dict[str, str]]]:
        """The known requests of this operation, and what stands in the places of its path."""
        if self._operation.method.lower() != "post":
            return []
        names = re.findall(r"{([^}]*)}", self._operation.path)
        parts = re.split(r"{[^}]*}", self._operation.path)
        pattern = re.compile("([^/]+)".join(map(re.escape, parts)))
        matches = [(one, pattern.fullmatch(one.path)) for one in self._contract.known]
        return [
            (one, dict(zip(names, match.groups(), strict=True)))
            for one, match in matches
            if match is not None
        ]

    def _ask_known(self, one: Known, places: dict[str, str]) -> None:
        case = self._operation.Case(path_parameters=places, body=one.body, media_type="application/json")

        def shown() -> str:
            if not self._contract.is_sensitive:
                return str(case.as_curl_command())
            return f"POST {one.path} with rows that hold sensitive values"

        response = self._ask(case, shown)
        if response.status_code != 200:
            got = f"got {response.status_code} {_line(response.text)}; expected 200"
            self._note(f"{one.name} of the holdout", got, shown)

    def _ask_generated(self, mode: GenerationMode) -> None:
        from hypothesis import HealthCheck, Phase, given, settings  # noqa: PLC0415
        from hypothesis.errors import Unsatisfiable  # noqa: PLC0415

        places = self._known[0][1] if self._known else None

        @settings(
            max_examples=self._contract.examples,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(self._operation.as_strategy(mode, path_parameters=places))
        def ask(case: Case[Any]) -> None:
            self._ask(case, case.as_curl_command)

        with suppress(Unsatisfiable):  # where nothing that could be sent would be wrong
            ask()

    def _ask(self, case: Case[Any], shown: Callable[[], str]) -> Response:
        """The answer, once it was held to the document; ``shown`` gives the request for a report."""
        from schemathesis.core.failures import FailureGroup  # noqa: PLC0415

        response = self._send(case, shown)
        try:
            case.validate_response(response, checks=self._checks)
        except FailureGroup as group:
            for failure in group.exceptions:
                seen = failure.message or f"status {response.status_code}, {response.text}"
                self._note(failure.title, _line(seen), shown)
        return response

    def _send(self, case: Case[Any], shown: Callable[[], str]) -> Response:
        """Ask again, as a good client does, when the server says that it has too much to do."""
        from requests import RequestException  # noqa: PLC0415

        for _ in range(_TRIES):
            if self._clock.is_over():
                raise _Over
            self._requests += 1
            try:
                response = case.call(session=self._session, timeout=_TIMEOUT, allow_redirects=False)
            except RequestException as error:
                self._note("No answer", type(error).__name__, shown)
                raise _Over from None
            if response.status_code not in {429, 503} or "retry-after" not in response.headers:
                break
            time.sleep(_PAUSE_SECONDS)
        return response

    def _note(self, wrong: str, seen: str, shown: Callable[[], str]) -> None:
        self._found.setdefault(wrong, []).append((seen, shown()))


def _fault(operation: str, wrong: str, found: Sequence[tuple[str, str]]) -> str:
    """What is wrong, with the shortest request that shows it."""
    times = f" ({len(found)} times)" if len(found) > 1 else ""
    seen, command = min(found, key=lambda one: len(one[1]))
    return f"{operation}: {wrong}{times}: {seen}; `{command}`"


def _line(text: str) -> str:
    """A text of several lines as one, cut where it is long."""
    words = " ".join(text.split())
    return words if len(words) <= _LONGEST else f"{words[: _LONGEST - 3]}..."


if __name__ == "__main__":
    for line in hold(Contract.model_validate_json(sys.stdin.buffer.read())):
        print(line.model_dump_json(), flush=True)  # noqa: T201 - read by the probe
