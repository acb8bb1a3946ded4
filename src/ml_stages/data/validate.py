"""The stage ``data-validate``: profile the table, check it, write the schema that predictors rely on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from ml_stages import digest
from ml_stages.checks.registry import CHECKS
from ml_stages.config.data import DataConfig
from ml_stages.config.sections import EvaluationConfig
from ml_stages.data.examples import with_examples
from ml_stages.data.files import data_files
from ml_stages.data.labels import label_findings, rules_of
from ml_stages.data.leakage import split_findings
from ml_stages.data.measure import measure
from ml_stages.data.misread import misread_findings
from ml_stages.data.profile import Profile
from ml_stages.data.read import Table, open_table
from ml_stages.data.relate import relate
from ml_stages.data.schema import FeatureSchema, LabelSchema, Schema
from ml_stages.data.wanted import Scope
from ml_stages.errors import DataError
from ml_stages.evidence import DataReport, Finding
from ml_stages.job import Job


def run(job: Job) -> None:
    """Data that cannot be read is a finding like any other; only then there is no schema."""
    config = DataConfig.model_validate(job.config["data"])
    try:
        profile, report = _validated(job, config)
    except DataError as error:
        finding = Finding(rule="readable", message=str(error))
        job.write_report(DataReport(rows=None, columns=[], digest=digest.of_value([]), findings=[finding]))
        return
    schema_of(profile, config).write(job.outputs["schema"])
    (job.outputs["profile"] / "profile.json").write_text(profile.model_dump_json(indent=1), encoding="utf-8")
    job.write_report(report)


def _validated(job: Job, config: DataConfig) -> tuple[Profile, DataReport]:
    """The profile as it is kept, and what it breaks."""
    task = job.config["task"]
    cluster = EvaluationConfig.model_validate(job.config.get("evaluation", {})).together
    table = open_table(job.inputs["data"], config)
    kept = measure(table, config, task, Scope(cluster=cluster))
    relations = relate(table, job.inputs["data"], kept, config, task)
    kept = kept.model_copy(update={"relations": relations})
    found = digest.of_files(job.inputs["data"], data_files(job.inputs["data"], config))
    # Not in the one that is kept, which must not change with the hour.
    profile = kept.model_copy(update={"as_of": _as_of(job)})
    rules = rules_of(config, task)
    findings = [
        *(finding for check in CHECKS for finding in check(profile, rules)),
        *label_findings(profile, config, task),
        *misread_findings(table, profile, config),
        *origin_findings(table, job.inputs["data"], found, config),
        *split_findings(job.inputs["data"], profile, config, cluster),
    ]
    findings = [_with_a_name(one) for one in with_examples(table, profile, rules, findings)]
    names = [column.name for column in profile.columns]
    return kept, DataReport(rows=profile.rows, columns=names, digest=found, findings=findings)


def _with_a_name(finding: Finding) -> Finding:
    """The index that pandas writes as the first column has none; `: ` alone would name nothing."""
    if finding.column == "" and finding.message.startswith(": "):
        return finding.model_copy(update={"message": f"the column without a name{finding.message}"})
    return finding


def _as_of(job: Job) -> float | None:
    stated = job.parameters.get("as_of")
    return None if stated is None else datetime.fromisoformat(stated).timestamp()


def origin_findings(table: Table, folder: Path, found: str, config: DataConfig) -> Iterator[Finding]:
    """The data is that which was agreed upon, by its schema's version and its digest.

    Rules: `schema-version`, `digest`.

    Set by: `schema_version`, `digest`.
    """
    stated = table.stated_version(folder) if config.schema_version is not None else None
    if stated != config.schema_version:
        said = "states no version of its schema" if stated is None else f"has the schema of version {stated}"
        message = f"the data {said}, expected {config.schema_version}"
        yield Finding(rule="schema-version", message=message, observed=stated, expected=config.schema_version)
    if config.digest not in (None, found):
        message = f"the data's digest is {found}, expected {config.digest}: it is not the data agreed upon"
        yield Finding(rule="digest", message=message, observed=found, expected=config.digest)


def schema_of(profile: Profile, config: DataConfig) -> Schema:
    """The features that predictors see, in the order of the table.

    A column without nulls stays nullable where its rule allows them: the next row may lack it.
    """
    label = profile.column(config.label)
    features = []
    for column in profile.columns:
        rule = config.rule_of(column.name)
        if config.is_feature(column.name):
            features.append(
                FeatureSchema(
                    name=column.name,
                    type=rule.type or column.type,
                    nullable=rule.max_null > 0,
                    utc=column.utc,
                    sensitive=rule.sensitive,
                    min=rule.min,
                    max=rule.max,
                    allowed=rule.allowed,
                )
            )
    return Schema(
        features=features,
        label=LabelSchema(
            name=config.label,
            type=label.type if label else "string",
            classes=sorted(profile.label_counts) if profile.label_counts else None,
        ),
        key=config.key,
        null_values=config.null_values,
    )
