"""Rules over several columns, and references to other files."""

from __future__ import annotations

from collections.abc import Iterator

from ml_stages.checks.check import first, of_rows, place
from ml_stages.config.data import DataConfig, Reference, RowRule
from ml_stages.data.profile import Profile
from ml_stages.data.relations import BrokenRule
from ml_stages.evidence import Finding


def check_relations(profile: Profile, config: DataConfig) -> Iterator[Finding]:
    """Every row keeps the rules over its columns, and every reference points at something.

    Rules: `row-rule`, `reference`.

    Set by: `rules`, `references`.
    """
    for rule, found in zip(config.rules, profile.relations.rules, strict=False):
        yield from _findings(rule, found, profile.rows)
    for reference, found in zip(config.references, profile.relations.references, strict=False):
        yield from _findings(reference, found, profile.rows)


def _findings(rule: RowRule | Reference, found: BrokenRule, rows: int) -> Iterator[Finding]:
    kind, column, wording = "row-rule", None, "break the rule"
    if isinstance(rule, Reference):
        kind, column, wording = "reference", rule.column, "have no"
    if found.fault is not None:
        message = f"{found.rule}: the rule cannot be computed: {found.fault}"
        yield Finding(rule=kind, column=column, message=message)
    elif rows and found.count / rows > rule.max_broken:
        allowed = f", at most {rule.max_broken:.4g} allowed" if rule.max_broken else ""
        yield Finding(
            rule=kind,
            column=column,
            message=f"{of_rows(found.count, rows)} {wording} {found.rule}{allowed}"
            f"{''.join(f', e.g. {example}' for example in found.examples[:1])}{first(found)}",
            **place(found),
            observed=found.count / rows,
            expected=rule.max_broken,
            count=found.count,
            share=found.count / rows,
            examples=found.examples,
        )
