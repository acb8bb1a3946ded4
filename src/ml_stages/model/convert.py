"""Convert a model to ONNX through the project's own export function, and keep it only if it agrees."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml_stages.code import ROOT, stage_files
from ml_stages.config.sections import PredictorConfig
from ml_stages.ending import ending
from ml_stages.model.copy import copy_files, find_files, install
from ml_stages.startup import environment_before
from ml_stages.wrapper.package_metadata import write_metadata

MODULES = ("ml_stages.model.export", "ml_stages.model.agreement", "ml_stages.model.formats")
FOLDER, FILE = "onnx", "model.onnx"
_LOCK = ROOT / "serving" / "onnx.lock"
_PREFIX = "probability_"


@dataclass(frozen=True)
class Holdout:
    """The artifacts that say what the tested model answers."""

    features: Path
    predictions: Path


@dataclass(frozen=True)
class Sources:
    """What is converted, and where the bundle is made."""

    model: Path
    code: Path
    schema: Path
    bundle: Path
    python: Path
    package: Mapping[str, Any] | None = None
    """The fields of ``config.package``."""


def convert(sources: Sources, config: PredictorConfig, holdout: Holdout | None) -> tuple[bool, str]:
    """Write ``onnx/`` into the bundle if the converted model agrees; else say why it was not kept.

    Returns whether it was kept, and a note for the report.
    """
    if holdout is None:
        return False, "not converted to ONNX: there are no offline predictions to compare with"
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        copy_files(ROOT.parent, stage_files(*MODULES), folder / "code")
        write_metadata(sources.package, folder / "code")
        target = folder / FILE
        ended = _python(sources, folder, "export", str(config.export), str(sources.model), str(target))
        if ended.returncode != 0:
            return False, f"not converted to ONNX: {config.export} failed: {_last_line(ended)}"
        install(sources.python, folder / "site", _LOCK, link="hardlink")
        result = _agreement(sources, config, holdout, folder)
        if result["fault"]:
            return False, f"not served as ONNX: it does not agree with the tested model: {result['fault']}"
        _keep(sources, folder, holdout)
    wording = f"all {result['rows']} holdout rows agree within {config.export_tolerance:g}"
    return True, f"served as ONNX: {wording} (largest difference {result['worst']:.2g})"


def _python(sources: Sources, folder: Path, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One of our modules in the project's interpreter, with the project's code importable."""
    paths = [folder / "code", sources.code / "src", sources.code]
    environment = {
        **environment_before(),
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [str(sources.python), "-m", f"ml_stages.model.{module}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=folder)


def _agreement(sources: Sources, config: PredictorConfig, holdout: Holdout, folder: Path) -> dict[str, Any]:
    task = {
        "site": str(folder / "site"),
        "schema": str(sources.schema),
        "model": str(folder / FILE),
        "features": str(holdout.features),
        "predictions": str(holdout.predictions),
        "classes": classes_of(sources.schema, holdout),
        "tolerance": config.export_tolerance,
        "result": str(folder / "result.json"),
    }
    (folder / "task.json").write_text(json.dumps(task), encoding="utf-8")
    ended = _python(sources, folder, "agreement", str(folder / "task.json"))
    if ended.returncode != 0:
        return {"fault": f"it could not be asked: {_last_line(ended)}"}
    result: dict[str, Any] = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    return result


def classes_of(schema: Path, holdout: Holdout) -> list[str] | None:
    """The classes in the order of the predictor's probabilities; ``None`` for a number."""
    with (holdout.predictions / "predictions.csv").open(newline="", encoding="utf-8") as stream:
        head = next(csv.reader(stream))
    named = [name.removeprefix(_PREFIX) for name in head if name.startswith(_PREFIX)]
    known: list[str] | None = json.loads(schema.read_text(encoding="utf-8"))["label"].get("classes")
    return named or known


def _keep(sources: Sources, folder: Path, holdout: Holdout) -> None:
    target = sources.bundle / FOLDER
    copy_files(folder, [folder / FILE], target)
    copy_files(folder / "site", find_files(folder / "site"), sources.bundle / "site")
    (target / "classes.json").write_text(json.dumps(classes_of(sources.schema, holdout)), encoding="utf-8")


def _last_line(ended: subprocess.CompletedProcess[str]) -> str:
    lines = (ended.stderr or ended.stdout).strip().splitlines()
    return lines[-1] if lines else ending(ended.returncode)
