"""Train: the project's own command, with the train set alone."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

from ml_stages.wrapper.command import run_command

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS")
_NAMED = 5
_CPU = {"kind": "cpu", "name": "cpu", "driver": None, "cuda": None}


def run(job: dict[str, Any]) -> dict[str, Any]:
    """Returns the fields of ``evidence.TrainReport``; raises SystemExit when a required GPU lacks."""
    gpu = job["parameters"].get("gpu", "auto")
    device = _CPU if gpu == "off" else find_device()
    if gpu == "required" and device is _CPU:
        raise SystemExit("train: no GPU was found, and the configuration says gpu = 'required'")
    print(f"training on {device['name']}", flush=True)
    model = Path(job["outputs"]["model"])
    seed, threads = job["config"]["seed"], job["config"]["train"].get("threads")
    ended = run_command(
        _command(job, model),
        Path(job["inputs"]["code"]),
        job["parameters"].get("timeout"),
        _settings(seed, threads, gpu),
        package=job["config"].get("package"),
    )
    files = sorted(path for path in model.rglob("*") if path.is_file())
    if ended["exit_status"] == 0 and not files:
        ended = {
            **ended,
            "exit_status": 1,
            "tail": [*ended["tail"], "the training wrote no file into {model}"],
        }
    return {
        "run": ended,
        "device": device,
        "seed": seed,
        "threads": threads,
        "model_bytes": sum(path.stat().st_size for path in files),
        "model_files": [path.relative_to(model).as_posix() for path in files],
        "notes": [*_notes(device), *_unpacked(model)],
    }


def _settings(seed: int, threads: int | None, gpu: str) -> dict[str, str]:
    """Environment variables that make two trainings alike, as far as such can."""
    settings = {
        "PYTHONHASHSEED": str(seed),
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # what cuBLAS asks for to add up in the same order
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",  # number 0 is the GPU that the driver names first, and the report
    }
    if threads is not None:
        settings.update(dict.fromkeys(_THREADS, str(threads)))
    if gpu == "off":
        settings["CUDA_VISIBLE_DEVICES"] = ""
    return settings


def _command(job: dict[str, Any], model: Path) -> list[str]:
    """The configured command with its placeholders filled in, word by word."""
    (train_file,) = Path(job["inputs"]["train-set"]).iterdir()
    values = {"train": str(train_file), "model": str(model), "seed": str(job["config"]["seed"])}
    words = shlex.split(job["config"]["train"]["command"])
    return [re.sub(r"\{(train|model|seed)\}", lambda match: values[match[1]], word) for word in words]


def find_device() -> dict[str, Any]:
    """The first GPU that a program started now may use, with driver and CUDA version; else the processor.

    ``CUDA_VISIBLE_DEVICES`` chooses among those that the driver names, as it does for CUDA itself: by
    number, or by the beginning of the device's UUID.
    """
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return _CPU
    query = [tool, "--query-gpu=index,uuid,name,driver_version", "--format=csv,noheader"]
    listed = subprocess.run(query, capture_output=True, text=True, check=False)
    rows = [re.split(r",\s*", line.strip()) for line in listed.stdout.splitlines() if line.strip()]
    chosen = _first_visible(rows) if listed.returncode == 0 else None
    if chosen is None:
        return _CPU
    _, _, name, driver = chosen
    banner = subprocess.run([tool], capture_output=True, text=True, check=False).stdout
    cuda = re.search(r"CUDA Version:\s*([\d.]+)", banner)
    return {"kind": "cuda", "name": name, "driver": driver, "cuda": cuda[1] if cuda else None}


def _first_visible(rows: list[list[str]]) -> list[str] | None:
    """Of the driver's rows of index, UUID, name and driver version."""
    wanted = os.environ.get("CUDA_VISIBLE_DEVICES")
    first = None if wanted is None else wanted.split(",")[0].strip()
    if first is None or first.startswith("MIG-"):  # a slice of a GPU, which is in no row of its own
        return rows[0] if rows else None
    named = (row for row in rows if first and (row[0] == first or row[1].startswith(first)))
    return next(named, None)


def _notes(device: dict[str, Any]) -> list[str]:
    if device["kind"] == "cpu":
        return []
    return ["trained on a GPU: the same seed may give a slightly different model"]


def _unpacked(model: Path) -> list[str]:
    """A note where a part of the model is a link that its image or bundle cannot hold."""
    links = sorted(path for path in model.rglob("*") if path.is_symlink() and not path.is_file())
    if not links:
        return []
    names = ", ".join(path.relative_to(model).as_posix() for path in links[:_NAMED])
    more = f" and {len(links) - _NAMED:,} more" if len(links) > _NAMED else ""
    what = "links to folders, or links that lead nowhere, which are not served with it"
    return [f"the model folder holds {what}: {names}{more}; write the files themselves into {{model}}"]
