"""`ml-pipeline verify` on a version that was published, and on what became of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ml_stages import digest
from ml_stages.cli import main
from ml_stages.evidence import PublishReport
from ml_stages.host.artifact import Folder
from ml_stages.host.registry import Registry
from ml_stages.lineage import Lineage
from ml_stages.model.manifest import Manifest
from ml_stages.verdict import Verdict, VerdictStatus


def _bundle(folder: Path) -> Folder:
    (folder / "model").mkdir(parents=True)
    (folder / "model" / "weights").write_bytes(b"1 2 3")
    (folder / "serve").write_text("#!python\n")
    files = {name: digest.of_file(folder / name) for name in ("model/weights", "serve")}
    Manifest("apples", "regression", "predictor", {}, "sha256:1", "3.11", files).write(folder)
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
        lineage=Lineage(pipeline_version="1", seed=0, bundle_digest=bundle.digest),
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


def _fail(version: Path) -> None:
    verdict = json.loads((version / "verdict.json").read_text())
    (version / "verdict.json").write_text(json.dumps({**verdict, "status": "failed", "should_deploy": False}))


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
