"""Build-image on the host: pack a model with all that serving it needs into one folder.

The folder holds ``bundle.json`` (manifest), ``model/``, ``source/``, ``schema.json``, ``profile.json`` and
``predictions.json`` (what later data and predictions are compared with, where they are known),
``requirements.lock`` (the project's), ``server/`` (the files of ours that the server is made of),
``site/`` (what the server needs from others, pinned) and ``serve``. The same input gives the same bytes.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from ml_stages import digest
from ml_stages.code import ROOT, stage_files
from ml_stages.config.data import split_digest
from ml_stages.config.sections import PredictorConfig
from ml_stages.drift.references import write_references
from ml_stages.errors import StageError
from ml_stages.evidence import BundleReport
from ml_stages.job import Job
from ml_stages.model import formats
from ml_stages.model.convert import Holdout, Sources, convert
from ml_stages.model.copy import compile_files, copy_files, find_files, install
from ml_stages.model.given_out import told_of_source
from ml_stages.model.identity import identity
from ml_stages.model.manifest import Manifest
from ml_stages.model.pickles import find_pickles
from ml_stages.model.predictor import RUNS_CODE
from ml_stages.model.served_source import served_files
from ml_stages.wrapper.package_metadata import write_metadata

if TYPE_CHECKING:  # packed or started, not imported: an edit of them makes a new bundle
    from ml_stages.model import agreement, export  # noqa: F401
    from ml_stages.serving import serve, worker  # noqa: F401

SERVER_MODULES = ("ml_stages.serving.serve", "ml_stages.serving.worker")
_LOCK = ROOT / "serving" / "requirements.lock"


class _Train(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    command: str = ""


class _Configuration(BaseModel):
    """The slice of the configuration that this stage sees."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    task: str
    predictor: PredictorConfig
    package: dict[str, Any] | None = None
    train: _Train = _Train()
    """Says which files training alone needs."""
    data: dict[str, Any]
    evaluation: dict[str, Any]


class _Parameters(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    python: Path
    """The project's interpreter."""
    lock: Path | None = None
    labels: dict[str, str] = {}


def run(job: Job) -> None:
    """Read `model`, `code` and `schema`, write `bundle`; the report is a ``BundleReport``.

    With `holdout-features` and `predictions` a model that the project can export is served as ONNX, if it
    agrees with them.

    Raises :class:`StageError` for a model folder with files that run code and are not allowed by name,
    and when the server's dependencies cannot be installed.
    """
    config = _Configuration.model_validate(job.config)
    parts = Parts(
        model=job.inputs["model"],
        code=job.inputs["code"],
        schema=job.inputs["schema"] / "schema.json",
        bundle=job.outputs["bundle"],
        holdout=_holdout(job),
        references=write_references(job),
    )
    notes = check_model(parts.model, config.predictor.allow_pickle)
    notes += pack(parts, config, _Parameters.model_validate(job.parameters))
    files = [path for path in parts.bundle.rglob("*") if path.is_file()]
    manifest = Manifest.read(parts.bundle)
    job.write_report(
        BundleReport(
            digest=digest.of_tree(parts.bundle),
            identity=identity(asdict(manifest), json.loads(parts.schema.read_text(encoding="utf-8"))),
            bytes=sum(path.stat().st_size for path in files),
            files=len(files),
            model_digest=digest.of_tree(parts.model),
            format="onnx" if manifest.format == "onnx" else "predictor",
            notes=notes,
        )
    )


@dataclass(frozen=True)
class Parts:
    """What a bundle is made of, and the empty folder where it is made."""

    model: Path
    code: Path
    schema: Path
    bundle: Path
    holdout: Holdout | None = None
    """What a converted model is compared with."""
    references: tuple[Path, ...] = ()
    """Profiles that later data is compared with."""


def _holdout(job: Job) -> Holdout | None:
    needed = ("holdout-features", "predictions")
    return Holdout(*(job.inputs[name] for name in needed)) if set(needed) <= set(job.inputs) else None


def check_model(model: Path, allowed: list[str]) -> list[str]:
    """Refuse files that run code when loaded; returns what the report should say of those allowed."""
    refused, permitted = find_pickles(model, allowed)
    if refused:
        raise StageError(f"the model holds {', '.join(refused)}: {RUNS_CODE} {refused!r}")
    if not any(path.is_file() for path in model.rglob("*")):
        raise StageError("the model folder is empty; expected what the training wrote")
    return [f"{name} runs code when it is loaded; allowed by predictor.allow_pickle" for name in permitted]


def pack(parts: Parts, config: _Configuration, parameters: _Parameters) -> list[str]:
    """Write every file of the bundle, the manifest last; returns what the report should say of it."""
    bundle = parts.bundle
    copy_files(parts.model, find_files(parts.model), bundle / "model")
    source, training = served_files(parts.code, config.train.command, config.predictor)
    copy_files(parts.code, source, bundle / "source")
    given_out = told_of_source(parts.code, source)
    write_metadata(config.package, bundle / "source")
    if training:
        print(f"not in the bundle, since only training imports them: {', '.join(training)}")  # noqa: T201
    copy_files(ROOT.parent, stage_files(*SERVER_MODULES), bundle / "server")
    install(parameters.python, bundle / "site", _LOCK)
    is_onnx, notes = _convert(parts, config, parameters)
    shutil.copyfile(parts.schema, bundle / "schema.json")
    for profile in parts.references:
        shutil.copyfile(profile, bundle / profile.name)
    if parameters.lock is not None:
        shutil.copyfile(parameters.lock, bundle / "requirements.lock")
    shutil.copyfile(ROOT / "serving" / "serve.py", bundle / "serve")
    compile_files(parameters.python, bundle, ("server", "site"))
    _set_modes(bundle)
    Manifest(
        name=config.name,
        task=config.task,
        format="onnx" if is_onnx else "predictor",
        predictor={"load": config.predictor.load},
        tolerance=config.predictor.export_tolerance if is_onnx else 0.0,
        model_digest=digest.of_tree(parts.model),
        python=_version(parameters.python),
        files={path.relative_to(bundle).as_posix(): digest.of_file(path) for path in _all_files(bundle)},
        labels=parameters.labels,
        split=split_digest(config.data, config.evaluation),
        since=config.data["split"]["since"] or "",
    ).write(bundle)
    return [*given_out, *notes]


def _convert(parts: Parts, config: _Configuration, parameters: _Parameters) -> tuple[bool, list[str]]:
    predictor = config.predictor
    if predictor.export is None and predictor.load == formats.LOAD and formats.onnx_file(parts.model):
        predictor = predictor.model_copy(update={"export": formats.EXPORT})
    if predictor.export is None:
        return False, []
    sources = Sources(parts.model, parts.code, parts.schema, parts.bundle, parameters.python, config.package)
    kept, note = convert(sources, predictor, parts.holdout)
    return kept, [note]


def _all_files(bundle: Path) -> list[Path]:
    return sorted(path for path in bundle.rglob("*") if path.is_file())


def _set_modes(bundle: Path) -> None:
    """The same modes whoever packs it: nothing but `serve` can be run as a program."""
    for path in _all_files(bundle):
        path.chmod(0o755 if path == bundle / "serve" else 0o644)


def _version(python: Path) -> str:
    """The interpreter's version, e.g. ``3.11``."""
    code = "import sys; print('.'.join(map(str, sys.version_info[:2])))"
    return subprocess.run(
        [str(python), "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()
