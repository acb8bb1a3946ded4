"""What an image or a bundle says about itself: OCI labels, from what is known before it is probed.

A label that is added after the probe would make another image than the one that was probed, so the verdict
is none of them. Keys are those of the OCI image specification ("Annotations") where it has one, else below
``ml-pipeline.``; no time is among them, so that the same model gives the same image.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ml_stages.evaluation.metrics_report import Metric
from ml_stages.lineage import Lineage

_OCI = "org.opencontainers.image"
_OWN = "ml-pipeline"
DATA, MODEL = f"{_OWN}.data.digest", f"{_OWN}.model.digest"
FORCE = f"{_OWN}.force"
"""The label with the reason that was given to publish past failed gates, also where none failed."""


@dataclass(frozen=True)
class Base:
    """The image that a model's image was built from."""

    name: str
    digest: str | None = None
    """Of its manifest, as a registry gives it: `sha256:...`."""


def labels(
    name: str,
    lineage: Lineage,
    *,
    base: Base | None = None,
    metrics: Iterable[Metric] = (),
    force: str | None = None,
) -> dict[str, str]:
    """Labels by their keys, sorted; what is not known has none.

    ``lineage`` is what a run knows so far. The commit is named only where the working tree did not differ
    from it. ``metrics`` are those of the holdout; each that has a value gives it with its interval.
    ``force`` is the reason given to publish past a failed gate.
    """
    found = {
        f"{_OCI}.title": name,
        f"{_OCI}.revision": None if lineage.dirty else lineage.commit,
        f"{_OCI}.base.name": base and base.name,
        f"{_OCI}.base.digest": base and base.digest,
        f"{_OWN}.version": lineage.pipeline_version,
        DATA: lineage.data_digest,
        f"{_OWN}.lock.digest": lineage.lock_digest,
        MODEL: lineage.model_digest,
        FORCE: None if force is None else " ".join(force.split()),
        **{key: text for metric in metrics for key, text in _of_metric(metric).items()},
    }
    return {key: found[key] or "" for key in sorted(found) if found[key]}


def _of_metric(metric: Metric) -> dict[str, str]:
    if metric.value is None:
        return {}
    key = f"{_OWN}.metric.{metric.name}"
    if metric.lower is None or metric.upper is None:
        return {key: f"{metric.value:.6g}"}
    interval = f"{metric.lower:.6g} to {metric.upper:.6g} ({metric.confidence:.6g})"
    return {key: f"{metric.value:.6g}", f"{key}.interval": interval}
