"""Build-image on the host: pack a model with all that serving it needs into one folder.

The folder holds ``bundle.json`` (manifest), ``model/``, ``source/``, ``schema.json``,
``requirements.lock`` (the project's), ``server/`` (the files of ours that the server is made of),
``site/`` (what the server needs from others, pinned) and ``serve``. The same input gives the same bytes.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from ml_stages import digest
from ml_stages.code import ROOT, stage_files
from ml_stages.config.sections import PredictorConfig
from ml_stages.errors import StageError
from ml_stages.evidence import BundleReport
from ml_stages.job import Job
from ml_stages.model.manifest import Manifest
from ml_stages.model.pickles import find_pickles

if TYPE_CHECKING:  # the server is packed, not run: an edit of it makes a new bundle
    from ml_stages.serving import serve, worker  # noqa: F401

SERVER_MODULES = ("ml_stages.serving.serve", "ml_stages.serving.worker")
_LOCK = ROOT / "serving" / "requirements.lock"
_LEFT_OUT = ("bin", ".lock", "*.dist-info/RECORD", "*.dist-info/REQUESTED", "*.dist-info/INSTALLER")
"""What an installer adds that differs from machine to machine, or that nothing reads when serving."""


class _Configuration(BaseModel):
    """The slice of the configuration that this stage sees."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    task: str
    predictor: PredictorConfig


class _Parameters(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    python: Path
    """The project's interpreter."""
    lock: Path | None = None
    labels: dict[str, str] = {}


def run(job: Job) -> None:
    """Read `model`, `code` and `schema`, write `bundle`; the report is a ``BundleReport``.

    Raises :class:`StageError` for a model folder with files that run code and are not allowed by name,
    and when the server's dependencies cannot be installed.
    """
    config = _Configuration.model_validate(job.config)
    parts = Parts(
        model=job.inputs["model"],
        code=job.inputs["code"],
        schema=job.inputs["schema"] / "schema.json",
        bundle=job.outputs["bundle"],
    )
    notes = check_model(parts.model, config.predictor.allow_pickle)
    pack(parts, config, _Parameters.model_validate(job.parameters))
    files = [path for path in parts.bundle.rglob("*") if path.is_file()]
    job.write_report(
        BundleReport(
            digest=digest.of_tree(parts.bundle),
            bytes=sum(path.stat().st_size for path in files),
            files=len(files),
            model_digest=digest.of_tree(parts.model),
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


def check_model(model: Path, allowed: list[str]) -> list[str]:
    """Refuse files that run code when loaded; returns what the report should say of those allowed."""
    refused, permitted = find_pickles(model, allowed)
    if refused:
        raise StageError(
            f"the model holds {', '.join(refused)}: loading a pickle runs whatever code is in it. Store"
            " arrays and settings instead (safetensors, ONNX, skops, JSON), or allow it by name with"
            f" predictor.allow_pickle = {refused!r}"
        )
    if not any(path.is_file() for path in model.rglob("*")):
        raise StageError("the model folder is empty; expected what the training wrote")
    return [f"{name} runs code when it is loaded; allowed by predictor.allow_pickle" for name in permitted]


def pack(parts: Parts, config: _Configuration, parameters: _Parameters) -> None:
    """Write every file of the bundle, the manifest last."""
    bundle = parts.bundle
    _copy(parts.model, _files_below(parts.model), bundle / "model")
    _copy(parts.code, _files_below(parts.code), bundle / "source")
    _copy(ROOT.parent, stage_files(*SERVER_MODULES), bundle / "server")
    _install(parameters.python, bundle / "site")
    shutil.copyfile(parts.schema, bundle / "schema.json")
    if parameters.lock is not None:
        shutil.copyfile(parameters.lock, bundle / "requirements.lock")
    shutil.copyfile(ROOT / "serving" / "serve.py", bundle / "serve")
    _set_modes(bundle)
    Manifest(
        name=config.name,
        task=config.task,
        format="predictor",
        predictor={"load": config.predictor.load},
        model_digest=digest.of_tree(parts.model),
        python=_version(parameters.python),
        files={path.relative_to(bundle).as_posix(): digest.of_file(path) for path in _files_below(bundle)},
        labels=parameters.labels,
    ).write(bundle)


def _files_below(folder: Path) -> list[Path]:
    """Every file but bytecode, sorted."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def _copy(root: Path, files: Iterable[Path], target: Path) -> None:
    for path in files:
        place = target / path.relative_to(root)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)


def _install(python: Path, site: Path) -> None:
    """Install what the server needs, for the project's interpreter, by its hashes."""
    from uv import find_uv_bin  # noqa: PLC0415 - the light core reads this module's imports

    command = [find_uv_bin(), "pip", "install", "--quiet", "--python", str(python), "--target", str(site)]
    options = [
        "--link-mode",
        "copy",
        "--only-binary",
        ":all:",
        "--no-deps",
        "--require-hashes",
        "-r",
        str(_LOCK),
    ]
    ended = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        said = "\n".join(ended.stderr.splitlines()[-12:])
        raise StageError(f"the server's dependencies cannot be installed for {python.name}:\n{said}")
    for pattern in _LEFT_OUT:
        for path in list(site.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _set_modes(bundle: Path) -> None:
    """The same modes whoever packs it: nothing but `serve` can be run as a program."""
    for path in _files_below(bundle):
        path.chmod(0o755 if path == bundle / "serve" else 0o644)


def _version(python: Path) -> str:
    """The interpreter's version, e.g. ``3.11``."""
    code = "import sys; print('.'.join(map(str, sys.version_info[:2])))"
    return subprocess.run(
        [str(python), "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()
