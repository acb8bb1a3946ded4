"""Known vulnerabilities of the lock's pins, as findings."""

from __future__ import annotations

from collections.abc import Iterable

from ml_stages.audit.advisories import Advisory, Question, fixes_after, question
from ml_stages.audit.finding import Found, level, worst
from ml_stages.audit.pins import Pin, Unpinned
from ml_stages.config.audit import Severity
from ml_stages.evidence import Finding

UNPINNED = "unpinned"


def vulnerabilities(
    pins: Iterable[Pin],
    known: dict[Question, list[Advisory]],
    lock: str | None,
    blocks_from: Severity,
) -> list[Found]:
    """A finding for each vulnerability of each pin; several names of one vulnerability are one."""
    return [
        _found(pin, same, lock, blocks_from)
        for pin in pins
        for same in _without_doubles(known.get(question(pin), []))
    ]


def unpinned(requirements: Iterable[Unpinned], lock: str | None) -> list[Found]:
    """A finding for each requirement that nobody can be asked about."""
    return [
        Found(
            Finding(
                rule=UNPINNED,
                message=f"`{_short(one.text)}` names no exact version, so that no advisory can be looked up;"
                " pin it as name==version",
                file=lock,
                line=one.line,
            ),
            frozenset({UNPINNED}),
        )
        for one in requirements
    ]


def _short(text: str) -> str:
    """A requirement without what may be a credential in its address."""
    return text.split("@", maxsplit=1)[0].split("://", maxsplit=1)[0].strip() if "://" in text else text


def _without_doubles(advisories: list[Advisory]) -> list[list[Advisory]]:
    """Advisories in groups that share a name: databases repeat each other under their own."""
    groups: list[tuple[set[str], list[Advisory]]] = []
    for advisory in advisories:
        names, members = {advisory.id, *advisory.aliases}, [advisory]
        for other in [group for group in groups if group[0] & names]:
            groups.remove(other)
            names, members = names | other[0], [*other[1], *members]
        groups.append((names, members))
    return [members for _, members in groups]


def _found(pin: Pin, same: list[Advisory], lock: str | None, blocks_from: Severity) -> Found:
    names = frozenset({name for one in same for name in (one.id, *one.aliases)})
    rule = min((one.id for one in same), key=lambda name: (not name.startswith("GHSA-"), name))
    severity = worst([one.severity for one in same])
    fixes = fixes_after(pin.version, (version for one in same for version in one.fixed))
    finding = Finding(
        rule=rule,
        message=_wording(pin, names - {rule}, severity, fixes, _summary(same, rule)),
        severity=level(severity, blocks_from),
        file=lock,
        line=pin.line,
        observed=f"{pin.name}=={pin.version}",
        expected=fixes,
    )
    return Found(finding, names)


def _summary(same: list[Advisory], rule: str) -> str:
    ordered = sorted(same, key=lambda one: one.id != rule)
    return next((one.summary for one in ordered if one.summary), "no description")


def _wording(
    pin: Pin, aliases: frozenset[str], severity: Severity | None, fixes: list[str], summary: str
) -> str:
    called = ", ".join([*sorted(aliases), f"severity {severity or 'unknown'}"])
    where = f" (where {pin.marker})" if pin.marker else ""
    fixed = f"fixed in {' and '.join(fixes)}" if fixes else "no fixed version is known"
    return f"{pin.name} {pin.version}{where}: {summary} ({called}); {fixed}"
