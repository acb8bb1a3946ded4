"""Leave out the findings that somebody looked at, for as long as they said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

import pathspec

from ml_stages.audit.finding import Found
from ml_stages.config.audit import AuditException
from ml_stages.evidence import Finding, IgnoredFinding


@dataclass
class Sorted:
    """Findings that count, findings that do not, and what is to be said about the exceptions."""

    findings: list[Finding] = field(default_factory=list)
    ignored: list[IgnoredFinding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def make_exceptions(
    found: Iterable[Found], exceptions: Sequence[AuditException], day: date, *, complete: bool
) -> Sorted:
    """Sort the findings; an exception that is over no longer counts, and is named.

    When the search was ``complete``, an exception that nothing needs is named, too.
    """
    result, used, over = Sorted(), set[int](), set[int]()
    for one in found:
        fitting = [index for index, exception in enumerate(exceptions) if _fits(exception, one)]
        valid = [index for index in fitting if not _is_over(exceptions[index], day)]
        used |= set(fitting)
        if valid:
            exception = exceptions[valid[0]]
            result.ignored.append(
                IgnoredFinding(finding=one.finding, reason=exception.reason, until=exception.until)
            )
        else:
            over |= set(fitting)
            result.findings.append(one.finding)
    result.notes = [_over(exceptions[index]) for index in sorted(over)]
    if complete:
        result.notes += [
            _unused(exception) for index, exception in enumerate(exceptions) if index not in used
        ]
    return result


def _fits(exception: AuditException, one: Found) -> bool:
    if exception.id not in one.names:
        return False
    if exception.path is None:
        return True
    spec = pathspec.PathSpec.from_lines("gitignore", [exception.path])
    return one.finding.file is not None and spec.match_file(one.finding.file)


def _is_over(exception: AuditException, day: date) -> bool:
    return exception.until is not None and day > exception.until


def _over(exception: AuditException) -> str:
    return f"the exception for {exception.id} ended on {exception.until} ({exception.reason})"


def _unused(exception: AuditException) -> str:
    return f"the exception for {exception.id} fits nothing: take it out ({exception.reason})"
