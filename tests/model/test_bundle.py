"""The stage `build-image` on the host: what is in a bundle, and what never gets into one."""

from __future__ import annotations

import json
import pickle
from importlib.metadata import distributions
from pathlib import Path

import pytest

from ml_stages import digest
from ml_stages.code import ROOT, stage_files
from ml_stages.errors import StageError
from ml_stages.evidence import BundleReport
from ml_stages.model.bundle import check_model
from tests.serving.apples import make_bundle


def test_bundle_holds_what_serving_needs_and_says_so(tmp_path: Path) -> None:
    """If this fails, a published bundle cannot be served, judged as a baseline, or checked."""
    (tmp_path / "code" / "__pycache__").mkdir(parents=True)
    (tmp_path / "code" / "__pycache__" / "apples.cpython-311.pyc").write_bytes(b"x")
    bundle = make_bundle(tmp_path)
    manifest = json.loads((bundle / "bundle.json").read_text())
    report = BundleReport.model_validate_json((tmp_path / "report.json").read_text())
    names = {path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file()}
    assert names == {"bundle.json", *manifest["files"]}
    assert {"serve", "schema.json", "requirements.lock", "model/model.json", "source/apples.py"} <= names
    assert {"server/ml_stages/serving/worker.py", "site/uvicorn/__init__.py"} <= names
    assert not [name for name in names if name.startswith(("site/bin", "source/__pycache__"))]
    assert all(digest.of_file(bundle / name) == value for name, value in manifest["files"].items())
    assert manifest["predictor"] == {"load": "apples:load"}
    assert manifest["labels"] == {"org.opencontainers.image.title": "apples"}
    assert report.digest == digest.of_tree(bundle)
    assert report.model_digest == manifest["model_digest"] == digest.of_tree(tmp_path / "model")
    assert report.files == len(names)
    assert report.bytes == sum((bundle / name).stat().st_size for name in names)


def test_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    """If this fails, an unchanged model is published as a new version."""
    first, second = make_bundle(tmp_path / "one"), make_bundle(tmp_path / "other" / "place")
    assert digest.of_tree(first) == digest.of_tree(second)


def test_a_package_finds_its_version_where_it_is_served(tmp_path: Path) -> None:
    """If this fails, a package that asks for its version passes every stage and no server starts."""
    package = {"name": "loans", "version": "1.2", "entry_points": {}}
    bundle = make_bundle(tmp_path, package=package)
    (found,) = distributions(path=[str(bundle / "source")])
    assert (found.metadata["Name"], found.version) == ("loans", "1.2")
    assert "source/loans-1.2.dist-info/METADATA" in json.loads((bundle / "bundle.json").read_text())["files"]


def test_pickles_are_refused_unless_named(tmp_path: Path) -> None:
    """If this fails, whoever can write a model can run code on the machine that serves it."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.json").write_text('{"threshold": 10}')
    (tmp_path / "model" / "forest.bin").write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(StageError, match=r"forest\.bin.*predictor\.allow_pickle = \['forest\.bin'\]"):
        make_bundle(tmp_path)
    make_bundle(tmp_path, allow_pickle=["forest.*"])
    report = BundleReport.model_validate_json((tmp_path / "report.json").read_text())
    assert report.notes == ["forest.bin runs code when it is loaded; allowed by predictor.allow_pickle"]


def test_a_model_folder_without_files_is_refused(tmp_path: Path) -> None:
    """If this fails, a training that wrote nothing is noticed only when the server starts."""
    with pytest.raises(StageError, match="empty"):
        check_model(tmp_path, [])


def test_an_edit_of_the_server_makes_a_new_bundle() -> None:
    """If this fails, the runner keeps serving an old server from its cache."""
    files = {path.relative_to(ROOT).as_posix() for path in stage_files("ml_stages.model.bundle")}
    assert {"serving/serve.py", "serving/worker.py", "serving/supervise.py", "data/frame.py"} <= files


def test_server_needs_nothing_of_the_pipeline() -> None:
    """If this fails, the server drags pydantic or polars into every project's environment."""
    files = {path.relative_to(ROOT).as_posix() for path in stage_files("ml_stages.serving.worker")}
    assert not files & {"evidence.py", "job.py", "errors.py", "config/section.py", "serving/probe.py"}
    for name in files:
        text = (ROOT / name).read_text()
        assert not [word for word in ("pydantic", "polars", "httpx") if f"import {word}" in text], name
