"""The advisory service is asked over real HTTP, and what it says becomes findings."""

from __future__ import annotations

from typing import Any

import pytest

from ml_stages.audit.advisories import UnreachableError, find_advisories, fixes_after
from ml_stages.audit.pins import Pin
from ml_stages.audit.vulnerabilities import vulnerabilities
from ml_stages.config.audit import Severity
from ml_stages.evidence import Finding
from tests.audit.advisory_service import AdvisoryService, advisory

JINJA = Pin("jinja2", "2.10", 3)
TWICE = (
    advisory("PYSEC-2019-217", "Jinja2", aliases=("CVE-2019-10906",), severity=None, fixed=("2.10.1",)),
    advisory("GHSA-462w", "jinja2", aliases=("CVE-2019-10906",), severity="HIGH", fixed=("2.10.1",)),
)


def _findings(
    service: AdvisoryService, *pins: Pin, blocks_from: Severity = "medium", lock: str = "requirements.lock"
) -> list[Finding]:
    known = find_advisories(pins, service.address)
    return [one.finding for one in vulnerabilities(pins, known, lock, blocks_from)]


def test_a_vulnerability_is_one_finding_with_all_that_helps(service: AdvisoryService) -> None:
    """If this fails, somebody reads that something is wrong and not what to do, or reads it twice."""
    service.add("jinja2", "2.10", *TWICE)
    (found,) = _findings(service, JINJA, Pin("numpy", "2.0"))
    assert found.model_dump(exclude_defaults=True) == {
        "rule": "GHSA-462w",
        "message": "jinja2 2.10: jinja2 lets strangers in (CVE-2019-10906, PYSEC-2019-217, severity high);"
        " fixed in 2.10.1",
        "file": "requirements.lock",
        "line": 3,
        "observed": "jinja2==2.10",
        "expected": ["2.10.1"],
    }


def test_nothing_but_names_and_versions_is_sent(service: AdvisoryService) -> None:
    """If this fails, more of a project leaves the machine than the README says, or less is asked."""
    _findings(service, Pin("torch", "2.7.1+cpu"), Pin("torch", "2.7.1"), JINJA)
    assert service.asked == [
        {"package": {"name": "torch", "ecosystem": "PyPI"}, "version": "2.7.1"},
        {"package": {"name": "jinja2", "ecosystem": "PyPI"}, "version": "2.10"},
    ]


def test_every_page_and_every_batch_is_read(service: AdvisoryService) -> None:
    """If this fails, what stands on the second page of an answer is never found."""
    service.page = 2
    records = [advisory(f"GHSA-{number}", "p0") for number in range(5)]
    service.add("p0", "1", *records)
    service.add("p1200", "1", advisory("GHSA-last", "p1200"))
    pins = [Pin(f"p{number}", "1") for number in range(1201)]
    assert {found.rule for found in _findings(service, *pins)} == {
        *(record["id"] for record in records),
        "GHSA-last",
    }


@pytest.mark.parametrize(
    ("severity", "blocks_from", "expected"),
    [
        ("LOW", "medium", "warning"),
        ("MODERATE", "medium", "error"),
        ("HIGH", "critical", "warning"),
        (None, "critical", "error"),
    ],
)
def test_severity_decides_and_the_unknown_blocks(
    service: AdvisoryService, severity: str | None, blocks_from: Severity, expected: str
) -> None:
    """If this fails, a threshold lets through what nobody rated, or blocks what is below it."""
    service.add("jinja2", "2.10", advisory("GHSA-1", "jinja2", severity=severity))
    (found,) = _findings(service, JINJA, blocks_from=blocks_from)
    assert found.severity == expected


def test_a_withdrawn_advisory_does_not_count(service: AdvisoryService) -> None:
    """If this fails, a model is held back by an advisory that its authors took back."""
    service.add("jinja2", "2.10", advisory("GHSA-1", "jinja2", withdrawn="2026-01-01T00:00:00Z"))
    assert not _findings(service, JINJA)


def test_the_text_of_strangers_stays_one_plain_line(service: AdvisoryService) -> None:
    """If this fails, an advisory's text can rewrite a terminal or a report."""
    service.add("jinja2", "2.10", advisory("GHSA-1", "jinja2", summary="bad\n\x1b[31mred " + "x" * 500))
    (found,) = _findings(service, JINJA)
    assert found.message.isprintable()
    assert len(found.message) < 300


def test_a_short_disturbance_is_waited_out(service: AdvisoryService) -> None:
    """If this fails, one answer of `503` stops a release."""
    service.broken = [503, 429]
    service.add("jinja2", "2.10", advisory("GHSA-1", "jinja2"))
    pauses: list[float] = []
    assert find_advisories([JINJA], service.address, pauses.append)
    assert len(pauses) == 2


@pytest.mark.parametrize(
    ("broken", "wording"), [([503] * 9, "answered 503"), ([404], "answered 404"), ([401], "answered 401")]
)
def test_a_service_that_does_not_answer_is_no_pass(
    service: AdvisoryService, broken: list[int], wording: str
) -> None:
    """If this fails, no answer counts as no vulnerability."""
    service.broken = broken
    with pytest.raises(UnreachableError, match=wording):
        find_advisories([JINJA], service.address, lambda _: None)


def test_an_advisory_that_cannot_be_read_is_no_pass(service: AdvisoryService) -> None:
    """If this fails, a vulnerability that is known by name alone is forgotten."""
    service.known["jinja2", "2.10"] = ["GHSA-gone"]
    with pytest.raises(UnreachableError, match="404"):
        find_advisories([JINJA], service.address, lambda _: None)


def test_nobody_at_the_address_is_no_pass() -> None:
    """If this fails, a runner without network passes every audit."""
    with pytest.raises(UnreachableError, match="cannot be reached"):
        find_advisories([JINJA], "http://127.0.0.1:9", lambda _: None)


def test_an_answer_of_something_else_is_no_pass(service: AdvisoryService) -> None:
    """If this fails, a proxy's login page counts as no vulnerability."""
    service.add("jinja2", "2.10", {"id": "GHSA-1"})
    service.records["GHSA-1"] = {"error": "log in"}
    with pytest.raises(UnreachableError, match="no answer of OSV"):
        find_advisories([JINJA], service.address, lambda _: None)


@pytest.mark.parametrize("told", [{"code": 14, "message": "database unavailable"}, {"vulnerabilities": []}])
def test_an_error_in_place_of_an_answer_is_no_pass(
    service: AdvisoryService, monkeypatch: pytest.MonkeyPatch, told: dict[str, Any]
) -> None:
    """If this fails, a mirror whose database is gone knows of no vulnerability."""
    monkeypatch.setattr(service, "answer", lambda _: told)
    with pytest.raises(UnreachableError, match="no answer of OSV"):
        find_advisories([JINJA], service.address, lambda _: None)


@pytest.mark.parametrize(
    ("version", "fixed", "expected"),
    [
        ("4.2.1", ("5.0.1", "3.2.20", "4.2.8"), ["4.2.8", "5.0.1"]),
        ("1.0", ("1.0.0.post1", "0.9"), ["1.0.0.post1"]),
        ("1!2.0", ("1!2.1",), ["1!2.1"]),
        ("2.9", ("2.10",), ["2.10"]),
        ("dev", ("2.10", "next"), ["next", "2.10"]),
    ],
)
def test_only_fixes_that_lie_ahead_are_named(
    version: str, fixed: tuple[str, ...], expected: list[str]
) -> None:
    """If this fails, somebody is sent back to an older version."""
    assert fixes_after(version, fixed) == expected
