"""What an image says about itself."""

from __future__ import annotations

from ml_stages.evaluation.metrics_report import Metric
from ml_stages.lineage import Lineage
from ml_stages.model.labels import Base, labels

LINEAGE = Lineage(
    pipeline_version="0.1.0",
    commit="c0ffee",
    dirty=False,
    data_digest="sha256:da",
    lock_digest="sha256:10c",
    model_digest="sha256:30de1",
    seed=7,
)


def test_an_image_says_what_it_was_made_from() -> None:
    """If this fails, nobody can tell from a running image which commit, data and pins made it."""
    metrics = [
        Metric(name="roc_auc", value=0.81234567, lower=0.75, upper=0.86),
        Metric(name="f1", value=0.5),
        Metric(name="log_loss", value=None, note="no probabilities"),
    ]
    found = labels("loans", LINEAGE, base=Base("python:3.11", "sha256:ba5e"), metrics=metrics)
    assert found == {
        "ml-pipeline.data.digest": "sha256:da",
        "ml-pipeline.lock.digest": "sha256:10c",
        "ml-pipeline.metric.f1": "0.5",
        "ml-pipeline.metric.roc_auc": "0.812346",
        "ml-pipeline.metric.roc_auc.interval": "0.75 to 0.86 (0.95)",
        "ml-pipeline.model.digest": "sha256:30de1",
        "ml-pipeline.version": "0.1.0",
        "org.opencontainers.image.base.digest": "sha256:ba5e",
        "org.opencontainers.image.base.name": "python:3.11",
        "org.opencontainers.image.revision": "c0ffee",
        "org.opencontainers.image.title": "loans",
    }
    assert list(found) == sorted(found)


def test_a_changed_working_tree_is_no_commit() -> None:
    """If this fails, an image claims a commit that it was not made from."""
    found = labels("loans", LINEAGE.model_copy(update={"dirty": True}))
    assert "org.opencontainers.image.revision" not in found


def test_a_forced_release_says_why() -> None:
    """If this fails, an image that went out past a failed gate looks like any other."""
    found = labels("loans", LINEAGE, force="the baseline\nwas wrong")
    assert found["ml-pipeline.force"] == "the baseline was wrong"


def test_what_is_not_known_has_no_label() -> None:
    """If this fails, images carry labels that say nothing."""
    assert set(labels("loans", Lineage(pipeline_version="1", seed=0))) == {
        "ml-pipeline.version",
        "org.opencontainers.image.title",
    }
