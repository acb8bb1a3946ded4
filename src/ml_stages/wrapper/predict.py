"""Predict: ask the project's predictor for every holdout row, in a process of its own.

Serves two stages: `predict`, with the model just trained, and `baseline`, with a published bundle.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from ml_stages.wrapper.command import run_command


def run(job: dict[str, Any]) -> dict[str, Any]:
    """Returns the fields of ``evidence.PredictReport``; raises SystemExit for a damaged baseline."""
    if "baseline-model" in job["inputs"]:
        _check_baseline(Path(job["inputs"]["baseline-model"]))
    code = _work(job)["code"]
    with tempfile.TemporaryDirectory() as scratch:
        task, measured = Path(scratch, "task.json"), Path(scratch, "measured.json")
        task.write_text(json.dumps({**_work(job), "measured": str(measured)}), encoding="utf-8")
        command = [sys.executable, "-m", "ml_stages.wrapper.offline", str(task)]
        package = job["config"].get("package")
        ended = run_command(command, Path(code), job["parameters"].get("timeout"), package=package)
        answered = measured.is_file()
        numbers = json.loads(measured.read_text(encoding="utf-8")) if answered else {"rows": 0}
    if ended["exit_status"] == 0 and not answered:  # `sys.exit()` in the project's code
        said = "the predictor ended its process with status 0 before it had answered"
        ended = {**ended, "exit_status": 1, "tail": [*ended["tail"], said]}
    return {"run": {**ended, "command": ["predictor", _work(job)["load"]]}, **numbers}


def _check_baseline(bundle: Path) -> None:
    """A damaged baseline answers badly, and any candidate looks better than that."""
    packed = _packed(bundle)
    if packed is None:
        raise SystemExit(_damaged("bundle.json was changed"))
    found = (path for path in bundle.rglob("*") if path.is_file() or path.is_symlink())
    there = {path.relative_to(bundle).as_posix() for path in found}
    wrong = [f"{name} is missing" for name in sorted(packed.keys() - there)]
    wrong += [f"{name} was added" for name in sorted(there - packed.keys() - {"bundle.json"})]
    # What serves it is looked at by the server itself, when it starts.
    answering = sorted(name for name in packed.keys() & there if not name.startswith(("server/", "site/")))
    wrong += [f"{name} was changed" for name in answering if _digest(bundle / name) != packed[name]]
    if wrong:
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise SystemExit(_damaged(wrong[0] + more))


def _packed(bundle: Path) -> dict[str, str] | None:
    """The digests that were written when it was packed, ``None`` where they cannot be read."""
    try:
        files = json.loads((bundle / "bundle.json").read_text(encoding="utf-8"))["files"]
    except (ValueError, LookupError, TypeError):
        return None
    return files if isinstance(files, dict) else None


def _damaged(what: str) -> str:
    return (
        f"baseline: the published model is not what was packed: {what}; nothing can be compared"
        " with it: restore it, or name another baseline"
    )


def _digest(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
    return f"sha256:{digest.hexdigest()}"


def _work(job: dict[str, Any]) -> dict[str, Any]:
    """Where the code, the model and the features are, and how the predictor is loaded."""
    inputs, outputs = job["inputs"], job["outputs"]
    common = {"features": inputs["holdout-features"], "output": next(iter(outputs.values()))}
    if "baseline-model" in inputs:
        bundle = Path(inputs["baseline-model"])
        manifest = json.loads((bundle / "bundle.json").read_text(encoding="utf-8"))
        return {
            **common,
            "code": str(bundle / "source"),
            "model": str(bundle / "model"),
            "schema": str(bundle / "schema.json"),
            "load": manifest["predictor"]["load"],
            "allowed": None,  # it was looked at when it was packed
            "others": inputs["holdout-others"],
        }
    return {
        **common,
        "code": inputs["code"],
        "model": inputs["model"],
        "schema": str(Path(inputs["schema"], "schema.json")),
        "load": job["config"]["predictor"]["load"],
        "allowed": job["config"]["predictor"]["allow_pickle"],
    }
