"""Exceptions hold for what they name, as long as they say, and are never forgotten."""

from __future__ import annotations

from datetime import date

import pytest
from pydantic import ValidationError

from ml_stages.audit.exceptions import Sorted, make_exceptions
from ml_stages.audit.finding import Found
from ml_stages.config.audit import AuditConfig, AuditException
from ml_stages.evidence import Finding

TODAY = date(2026, 11, 21)
FOUND = Found(
    Finding(rule="GHSA-1", message="m", file="tests/data/lock.txt"), frozenset({"GHSA-1", "CVE-2026-1"})
)


def _sorted(*exceptions: AuditException, complete: bool = True) -> Sorted:
    return make_exceptions([FOUND], exceptions, TODAY, complete=complete)


@pytest.mark.parametrize("name", ["GHSA-1", "CVE-2026-1"])
@pytest.mark.parametrize("path", [None, "tests/**", "/tests", "lock.txt"])
@pytest.mark.parametrize("until", [None, TODAY, date(2027, 1, 1)])
def test_an_exception_takes_a_finding_out_and_keeps_its_reason(
    name: str, path: str | None, until: date | None
) -> None:
    """If this fails, what was decided once stops every release, or leaves no trace."""
    result = _sorted(AuditException(id=name, reason="not reachable", path=path, until=until))
    assert not result.findings
    assert not result.notes
    assert [(one.finding, one.reason) for one in result.ignored] == [(FOUND.finding, "not reachable")]


def test_an_exception_that_ended_no_longer_counts_and_is_named() -> None:
    """If this fails, `until` does nothing, or nobody knows why a finding is back."""
    result = _sorted(AuditException(id="GHSA-1", reason="fix is coming", until=date(2026, 11, 20)))
    assert result.findings == [FOUND.finding]
    assert result.notes == ["the exception for GHSA-1 ended on 2026-11-20 (fix is coming)"]


def test_one_that_ended_does_not_undo_one_that_holds() -> None:
    """If this fails, an old line in the configuration beats a new one."""
    ended = AuditException(id="GHSA-1", reason="old", until=date(2026, 1, 1))
    result = _sorted(ended, AuditException(id="CVE-2026-1", reason="new"))
    assert [one.reason for one in result.ignored] == ["new"]


def test_an_exception_that_fits_nothing_is_named_when_everything_was_searched() -> None:
    """If this fails, an exception outlives its reason and hides the next finding of that name."""
    other = AuditException(id="S301", reason="own pickles", path="src/**")
    assert _sorted(other).notes == ["the exception for S301 fits nothing: take it out (own pickles)"]
    assert not _sorted(other, complete=False).notes
    assert _sorted(other).findings == [FOUND.finding]


@pytest.mark.parametrize(
    "wrong",
    [{"id": "S301"}, {"id": "S301", "reason": " "}, {"id": "", "reason": "r"}, {"id": "S301", "until": "x"}],
)
def test_an_exception_without_a_reason_is_refused(wrong: dict[str, str]) -> None:
    """If this fails, findings are ignored and nobody knows why."""
    with pytest.raises(ValidationError):
        AuditConfig.model_validate({"ignore": [wrong]})


def test_an_audit_that_looks_for_nothing_is_refused() -> None:
    """If this fails, a project has an audit that always passes."""
    with pytest.raises(ValidationError, match="leave the table out"):
        AuditConfig(vulnerabilities=False, code=False, secrets=False)
