"""Ask for known vulnerabilities of pins: one question for all of them, one more for each that is found.

Speaks version 1 of OSV's API (https://google.github.io/osv.dev/api/), whose records follow the OSV
schema (https://ossf.github.io/osv-schema/). Nothing is installed, and nothing about the project leaves
the machine but the names and versions of its pins.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ValidationError, model_validator

from ml_stages.audit.pins import Pin, normalised
from ml_stages.config.audit import Severity

_AT_ONCE = 1000
"""Most questions in one request: the service's own limit."""
_WORKERS = 8
_TIMEOUT = httpx.Timeout(20.0)
_PAUSES = (0.5, 2.0)
"""Seconds before each further attempt."""
_SEVERITIES: dict[str, Severity] = {
    "LOW": "low",
    "MODERATE": "medium",
    "MEDIUM": "medium",
    "HIGH": "high",
    "CRITICAL": "critical",
}

Question = tuple[str, str]
"""A package's name and its version without local label: what advisories are written about."""
M = TypeVar("M", bound=BaseModel)


class UnreachableError(Exception):
    """The service did not answer, or not in a way that can be understood."""


@dataclass(frozen=True)
class Advisory:
    """What is known about one vulnerability of one package."""

    id: str
    aliases: frozenset[str]
    severity: Severity | None
    summary: str
    fixed: tuple[str, ...]
    """Versions in which it is fixed, one for each branch that has a fix."""


class _Named(BaseModel):
    id: str


class _Answer(BaseModel):
    """Empty where nothing is known; what says something else instead, an error say, is no answer."""

    vulns: list[_Named] = []
    next_page_token: str = ""

    @model_validator(mode="before")
    @classmethod
    def _refuse_others(cls, told: Any) -> Any:
        if isinstance(told, dict) and told and not {"vulns", "next_page_token"} & told.keys():
            raise ValueError
        return told


class _Answers(BaseModel):
    results: list[_Answer | None]


class _Package(BaseModel):
    name: str = ""
    ecosystem: str = ""


class _Range(BaseModel):
    type: str
    events: list[dict[str, str]] = []


class _Affected(BaseModel):
    package: _Package = _Package()
    ranges: list[_Range] = []


class _Record(_Named):
    aliases: list[str] = []
    summary: str = ""
    details: str = ""
    withdrawn: str = ""
    affected: list[_Affected] = []
    database_specific: dict[str, Any] = {}


def question(pin: Pin) -> Question:
    """What to ask about a pin; ``2.7.1+cpu`` is the public version ``2.7.1`` (PEP 440)."""
    return pin.name, pin.version.partition("+")[0]


def find_advisories(
    pins: Iterable[Pin], address: str, sleep: Callable[[float], None] = time.sleep
) -> dict[Question, list[Advisory]]:
    """The advisories for each pin that has any, as the service at ``address`` knows them now.

    Raises :class:`UnreachableError` when any question stays without an answer.
    """
    questions = list(dict.fromkeys(question(pin) for pin in pins))
    with httpx.Client(base_url=address.rstrip("/"), timeout=_TIMEOUT, follow_redirects=True) as client:
        service = _Service(client, sleep)
        found = service.ask(questions)
        with ThreadPoolExecutor(_WORKERS) as workers:
            names = sorted({name for names in found.values() for name in names})
            records = dict(zip(names, workers.map(service.record, names), strict=True))
    return {
        asked: [_advisory(records[name], asked[0]) for name in names if not records[name].withdrawn]
        for asked, names in found.items()
    }


@dataclass(frozen=True)
class _Service:
    client: httpx.Client
    sleep: Callable[[float], None]

    def ask(self, questions: Sequence[Question]) -> dict[Question, list[str]]:
        """The names of the advisories for each question that has any."""
        found: dict[Question, list[str]] = {}
        pending: list[tuple[Question, str]] = [(asked, "") for asked in questions]
        while pending:
            batch, pending = pending[:_AT_ONCE], pending[_AT_ONCE:]
            for (asked, _), answer in zip(batch, self._batch(batch), strict=True):
                if answer is None:
                    continue
                if answer.vulns:
                    found.setdefault(asked, []).extend(named.id for named in answer.vulns)
                if answer.next_page_token:
                    pending.append((asked, answer.next_page_token))
        return found

    def record(self, name: str) -> _Record:
        """One advisory in full."""
        return self._send(_Record, "GET", f"/v1/vulns/{quote(name, safe='')}")

    def _batch(self, batch: Sequence[tuple[Question, str]]) -> list[_Answer | None]:
        queries = [
            {
                "package": {"name": name, "ecosystem": "PyPI"},
                "version": version,
                **({"page_token": token} if token else {}),
            }
            for (name, version), token in batch
        ]
        results = self._send(_Answers, "POST", "/v1/querybatch", {"queries": queries}).results
        if len(results) != len(batch):
            raise UnreachableError(
                f"{self.client.base_url} gave {len(results)} answers to {len(batch)} questions"
            )
        return results

    def _send(self, model: type[M], method: str, path: str, body: Any = None) -> M:
        """One request, sent again where that can help."""
        for pause in (*_PAUSES, None):
            try:
                response = self.client.request(method, path, json=body)
                response.raise_for_status()
                return model.model_validate_json(response.content)
            except ValidationError:
                raise UnreachableError(f"{self.client.base_url}{path} gave no answer of OSV's") from None
            except httpx.HTTPError as error:
                if pause is None or not _may_pass(error):
                    raise UnreachableError(_wording(error, self.client.base_url)) from None
                self.sleep(pause)
        raise AssertionError  # the last attempt returns or raises


def _may_pass(error: httpx.HTTPError) -> bool:
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code == httpx.codes.TOO_MANY_REQUESTS or error.response.is_server_error
    return isinstance(error, httpx.TransportError)


def _wording(error: httpx.HTTPError, address: httpx.URL) -> str:
    if isinstance(error, httpx.HTTPStatusError):
        return f"{address} answered {error.response.status_code}"
    return f"{address} cannot be reached: {str(error) or type(error).__name__}"


def _advisory(record: _Record, package: str) -> Advisory:
    label = str(record.database_specific.get("severity", "")).upper()
    return Advisory(
        id=record.id,
        aliases=frozenset(record.aliases),
        severity=_SEVERITIES.get(label),
        summary=_one_line(record.summary or record.details),
        fixed=tuple(
            event["fixed"]
            for affected in record.affected
            if normalised(affected.package.name) == package and affected.package.ecosystem == "PyPI"
            for versions in affected.ranges
            if versions.type == "ECOSYSTEM"
            for event in versions.events
            if "fixed" in event
        ),
    )


def _one_line(text: str, longest: int = 160) -> str:
    """The text of strangers as one line without control characters."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return line if len(line) <= longest else line[: longest - 3].rstrip() + "..."


def fixes_after(version: str, fixed: Iterable[str]) -> list[str]:
    """The fixed versions that lie after this one, the nearest first; what cannot be told stays."""
    mine = _release(version)
    later = [
        candidate
        for candidate in dict.fromkeys(fixed)
        if not _release(candidate) or _release(candidate) >= mine
    ]
    return sorted(later, key=_release)


def _release(version: str) -> tuple[int, ...]:
    """The release numbers of a version (PEP 440), without epoch, pre-release, local label and last zeros."""
    match = re.match(r"v?(?:\d+!)?(\d+(?:\.\d+)*?)(?:\.0+)*(?![.\d])", version)
    return tuple(int(part) for part in match[1].split(".")) if match else ()
