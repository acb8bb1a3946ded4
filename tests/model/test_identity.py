"""What counts as the same model: such a baseline passes without any comparison."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ml_stages.model.identity import Published, identity

MANIFEST: dict[str, Any] = {
    "name": "apples",
    "task": "classification",
    "format": "predictor",
    "predictor": {"load": "apples:load"},
    "model_digest": "sha256:1",
    "python": "3.11",
    "files": {
        "schema.json": "sha256:2",
        "source/apples-1.dist-info/METADATA": "sha256:8",
        "source/apples.py": "sha256:3",
        "requirements.lock": "sha256:4",
        "server/worker.py": "sha256:5",
        "profile.json": "sha256:6",
    },
    "labels": {"org.opencontainers.image.revision": "abc"},
}


FEATURE = {"name": "weight", "type": "float", "nullable": False, "utc": False, "min": 0}
SCHEMA: dict[str, Any] = {"features": [FEATURE], "null_values": ["NA"], "label": {"name": "ripe"}}


@pytest.mark.parametrize("name", ["source/apples.py", "requirements.lock"])
def test_a_model_of_other_code_is_another(name: str) -> None:
    """If this fails, an edited predictor passes as the published one, and nothing is compared."""
    files = {**MANIFEST["files"], name: "sha256:7"}
    assert identity({**MANIFEST, "files": files}, SCHEMA) != identity(MANIFEST, SCHEMA)


@pytest.mark.parametrize(
    "other",
    [
        {"features": [{**FEATURE, "type": "string"}]},
        {"features": [{**FEATURE, "nullable": True}]},
        {"features": [FEATURE, {**FEATURE, "name": "size"}]},
        {"null_values": []},
    ],
)
def test_a_model_that_is_asked_otherwise_is_another(other: dict[str, Any]) -> None:
    """If this fails, a column that became a number makes every answer wrong, and nothing is compared."""
    assert identity(MANIFEST, {**SCHEMA, **other}) != identity(MANIFEST, SCHEMA)


@pytest.mark.parametrize("name", ["format", "predictor", "model_digest", "python"])
def test_another_model_is_another(name: str) -> None:
    """If this fails, a model in another form or under another Python passes as the published one."""
    assert identity({**MANIFEST, name: "other"}, SCHEMA) != identity(MANIFEST, SCHEMA)


@pytest.mark.parametrize(
    "name", ["server/worker.py", "profile.json", "schema.json", "source/apples-1.dist-info/METADATA"]
)
def test_a_new_commit_version_limit_or_server_is_the_same_model(name: str) -> None:
    """If this fails, a second run of an unchanged project can be inconclusive."""
    files = {**MANIFEST["files"], name: "sha256:7"}
    labels = {"org.opencontainers.image.revision": "def"}
    wider = {**SCHEMA, "features": [{**FEATURE, "min": -1}]}
    assert identity({**MANIFEST, "files": files, "labels": labels}, wider) == identity(MANIFEST, SCHEMA)


def test_a_run_knows_what_its_baseline_predicts_and_held_out() -> None:
    """If this fails, a baseline of another task, label or holdout is compared with without a word."""
    manifest = {**MANIFEST, "split": "sha256:9", "since": "2026-06-01"}
    known = Published.of(json.dumps(manifest), json.dumps(SCHEMA))
    assert (known.task, known.label, known.split) == ("classification", "ripe", "sha256:9")
    assert known.since == "2026-06-01"
    of_before = Published.of(json.dumps(MANIFEST), json.dumps({**SCHEMA, "label": {}}))
    assert (of_before.label, of_before.split, of_before.since) == (None, None, "")
    assert of_before.identity == known.identity
