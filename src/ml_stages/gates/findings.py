"""How gates tell what was found: the first few in full, how many others there are, and where all stand."""

from __future__ import annotations

from collections.abc import Sequence

from ml_stages.evidence import Finding

_SHOWN = 3


def first_of(told: Sequence[str]) -> str:
    """`a; b; c and 17 more (all 20 are in report.html)`; all of them where they are few, nothing for none."""
    if len(told) <= _SHOWN:
        return "; ".join(told)
    shown, others = "; ".join(told[:_SHOWN]), len(told) - _SHOWN
    return f"{shown}; and {others:,} more (all {len(told):,} are in report.html)"


def placed(finding: Finding) -> str:
    """File and line, where they are known, and then what is wrong there."""
    return " ".join(part for part in (finding.place, finding.rule, finding.message) if part)
