"""`ml-pipeline verify` on a version that was published, and on what became of it."""

from __future__ import annotations

import functools
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ml_stages import digest
from ml_stages.cli import main
from ml_stages.evidence import PublishReport
from ml_stages.host.artifact import Folder
from ml_stages.host.registry import Registry
from ml_stages.lineage import Lineage
from ml_stages.model.labels import labels
from ml_stages.model.manifest import Manifest
from ml_stages.verdict import Verdict, VerdictStatus

LINEAGE = Lineage(
    pipeline_version="1",
    seed=0,
    commit="c0ffee",
    dirty=False,
    data_digest="sha256:2",
    model_digest="sha256:1",
)


def _bundle(folder: Path) -> Folder:
    (folder / "model").mkdir(parents=True)
    (folder / "model" / "weights").write_bytes(b"1 2 3")
    (folder / "serve").write_text("#!python\n")
    files = {name: digest.of_file(folder / name) for name in ("model/weights", "serve")}
    packed = labels("apples", LINEAGE.model_copy(update={"model_digest": None}))
    Manifest("apples", "regression", "predictor", {}, "sha256:1", "3.11", files, packed).write(folder)
    return Folder(folder, digest.of_tree(folder))


@pytest.fixture
def published(tmp_path: Path) -> PublishReport:
    bundle = _bundle(tmp_path / "bundle")
    verdict = Verdict(
        name="apples",
        status=VerdictStatus.PASSED,
        should_deploy=True,
        exit_status=0,
        started="2026-01-01T00:00:00+00:00",
        duration=1.0,
        gates=[],
        stages=[],
        lineage=LINEAGE.model_copy(update={"bundle_digest": bundle.digest}),
    )
    return Registry(tmp_path / "registry", "apples").publish(bundle, verdict, "production")


def test_a_published_version_is_verified(
    published: PublishReport, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """If this fails, nobody can tell from a registry folder whether its model passed."""
    copy = shutil.copytree(published.address, tmp_path / "deployed")
    for folder in (published.address, tmp_path / "registry" / "apples" / "aliases" / "production", copy):
        assert main(["verify", str(folder)]) == 0
        assert "is what its verdict let out" in capsys.readouterr().out


def _swap_weights(version: Path) -> None:
    (version / "bundle" / "model" / "weights").write_bytes(b"3 2 1")


def _swap_weights_and_manifest(version: Path) -> None:
    _swap_weights(version)
    manifest = json.loads((version / "bundle" / "bundle.json").read_text())
    manifest["files"]["model/weights"] = digest.of_file(version / "bundle" / "model" / "weights")
    (version / "bundle" / "bundle.json").write_text(json.dumps(manifest))


def _swap_everything(version: Path) -> None:
    _swap_weights_and_manifest(version)
    verdict = json.loads((version / "verdict.json").read_text())
    verdict["lineage"]["bundle_digest"] = digest.of_tree(version / "bundle")
    (version / "verdict.json").write_text(json.dumps(verdict))


def _remove(version: Path) -> None:
    (version / "bundle" / "serve").unlink()


def _add(version: Path) -> None:
    (version / "bundle" / "site").mkdir()
    (version / "bundle" / "site" / "numpy.py").write_text("")


def _link(version: Path) -> None:
    elsewhere = version.parent / "elsewhere"
    elsewhere.mkdir()
    (version / "bundle" / "numpy").symlink_to(elsewhere)


def _change_verdict(version: Path, **told: Any) -> None:
    verdict = json.loads((version / "verdict.json").read_text())
    (version / "verdict.json").write_text(json.dumps({**verdict, **told}))


def _fail(version: Path) -> None:
    _change_verdict(version, status="failed", should_deploy=False)


def _fail_and_go_out(version: Path) -> None:
    _change_verdict(version, status="failed")


def _trace_to(version: Path, **told: Any) -> None:
    """Let the verdict tell of another origin."""
    lineage = json.loads((version / "verdict.json").read_text())["lineage"]
    _change_verdict(version, lineage={**lineage, **told})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_swap_weights, "✗ model/weights was changed"),
        (_swap_weights_and_manifest, "; judged was sha256:"),
        (_swap_everything, "; the judged model is sha256:"),
        (_remove, "✗ serve is missing"),
        (_add, "✗ site/numpy.py was added"),
        (_link, "✗ numpy was added"),
        (_link, "; judged was sha256:"),
        (_fail, "✗ the verdict of 2026-01-01T00:00:00+00:00 is failed"),
        (_fail_and_go_out, "✗ the verdict of 2026-01-01T00:00:00+00:00 is failed"),
        (
            functools.partial(_trace_to, data_digest="sha256:3"),
            "✗ ml-pipeline.data.digest is sha256:2 in the bundle, sha256:3 in the verdict",
        ),
        (
            functools.partial(_trace_to, model_digest="sha256:3", dirty=True),
            "sha256:3 in the verdict; org.opencontainers.image.revision is c0ffee in the bundle, nothing in",
        ),
        (functools.partial(_change_verdict, name="pears"), "image.title is apples in the bundle, pears in"),
    ],
)
def test_what_was_changed_since_is_found(
    published: PublishReport, change: Callable[[Path], None], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """If this fails, a model that no gate has seen is taken for the one that passed."""
    change(Path(published.address))
    assert main(["verify", published.address]) == 3
    out = capsys.readouterr().out
    assert said in out
    assert "cannot be trusted" in out


def test_what_is_no_version_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """If this fails, a wrong path ends in a traceback, or counts as verified."""
    assert main(["verify", str(tmp_path)]) == 2
    assert "expected a published version" in capsys.readouterr().err
    assert main(["verify", "registry.example.com/loans:1"]) == 2
    assert "dagger call verify --address=registry.example.com/loans:1" in capsys.readouterr().err
    (tmp_path / "verdict.json").write_text("{}")
    assert main(["verify", str(tmp_path)]) == 2


def test_data_that_was_fetched_is_known_to_the_verdict(published: PublishReport, tmp_path: Path) -> None:
    """If this fails, no model of a project with `fetch` is what its verdict let out."""
    bundle = Path(published.address) / "bundle"
    known = LINEAGE.model_copy(update={"model_digest": None, "data_digest": None})
    replace(Manifest.read(bundle), labels=labels("apples", known)).write(bundle)
    found = digest.of_tree(bundle)
    _trace_to(Path(published.address), bundle_digest=found)
    version = tmp_path / "registry" / "apples" / "versions" / found.removeprefix("sha256:")[:12]
    Path(published.address).rename(version)
    assert main(["verify", str(version)]) == 0
