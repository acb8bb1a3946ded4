"""What the host run costs over the bare commands, and how fast the command starts.

Run from the root of the repository, after ``make run`` has made the environment of the sample project:

    .venv/bin/python benchmarks/host/overhead.py

Both sides run in turn, pair by pair, on the sample project in a copy; the pipeline with an empty cache
of results each time (environments stay). The bare side runs what a careful person types, one after the
other: pytest, ruff check, ruff format, mypy, train, predict. Then the same without mypy on either side:
type checking is slow enough to hide what the pipeline itself costs.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PAIRS = int(os.environ.get("PAIRS", "3"))
ROOT = Path(__file__).resolve().parents[2]
PREDICT = """
import sys
import pandas as pd
from loans.predictor import load
model = load(sys.argv[1])
table = pd.read_csv(sys.argv[2])
pd.Series(model.predict(table)).to_csv(sys.argv[3])
model.predict_proba(table)
"""


def timed(command: list[str], folder: Path, environment: dict[str, str]) -> float:
    """Seconds of wall time; the command must succeed."""
    started = time.perf_counter()
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        sys.exit(f"{command} ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}")
    return time.perf_counter() - started


def bare(project: Path, python: Path, train_set: Path, features: Path, *, types: bool) -> dict[str, float]:
    """The project's commands by themselves; with `types`, mypy too."""
    environment = {**os.environ, "PATH": f"{python.parent}:{os.environ['PATH']}", "PYTHONPATH": str(project)}
    with tempfile.TemporaryDirectory() as model:
        commands = {
            "pytest": ["python", "-m", "pytest"],
            "ruff": ["sh", "-c", "ruff check . && ruff format --check ."],
            "mypy": ["python", "-m", "mypy", "--cache-dir=/dev/null", "."],
            "train": ["python", "train.py", "--data", str(train_set), "--model", model, "--seed", "0"],
            "predict": ["python", "-c", PREDICT, model, str(features), os.devnull],
        }
        if not types:
            del commands["mypy"]
        return {name: timed(command, project, environment) for name, command in commands.items()}


def whole(project: Path, cache: Path) -> float:
    """A run with an empty cache of results."""
    for name in ("stages", "scratch", "last"):
        shutil.rmtree(cache / name, ignore_errors=True)
    command = [str(Path(sys.executable).with_name("ml-pipeline")), "run", str(project), "--baseline", "none"]
    return timed(command, project, {**os.environ, "CI": "true", "ML_PIPELINE_CACHE": str(cache)})


def median(values: list[float]) -> float:
    return round(statistics.median(values), 2)


def overhead(*, types: bool) -> dict[str, object]:
    """Pairs of a whole run and the bare commands; with `types`, both check types."""
    with tempfile.TemporaryDirectory() as scratch:
        project, cache = Path(scratch, "project"), Path(scratch, "cache")
        ignored = shutil.ignore_patterns(".ml-pipeline", "registry", "__pycache__", ".*_cache")
        shutil.copytree(ROOT / "sample_project", project, ignore=ignored)
        alone = Path(scratch, "alone")  # without what a run leaves in the project
        shutil.copytree(project, alone)
        if not types:
            with (project / "pyproject.toml").open("a") as settings:
                settings.write("\n[tool.ml-pipeline.lint]\nmypy = false\n")
        whole(project, cache)  # installs the environment
        made = project / ".ml-pipeline" / "artifacts"
        inputs = Path(scratch, "inputs")
        shutil.copytree(made / "train-set", inputs / "train-set")
        shutil.copytree(made / "holdout-features", inputs / "features")
        (python,) = (cache / "environments").glob("*/bin/python")
        runs, bares = [], []
        for _ in range(PAIRS):
            runs.append(whole(project, cache))
            tables = (inputs / "train-set" / "train.csv", inputs / "features" / "features.csv")
            bares.append(bare(alone, python, *tables, types=types))
        sums = [sum(times.values()) for times in bares]
        return {
            "run": median(runs),
            "bare": median(sums),
            "ratio": median([run / total for run, total in zip(runs, sums, strict=True)]),
            "bare commands": {name: median([times[name] for times in bares]) for name in bares[0]},
        }


def start() -> dict[str, float]:
    """``ml-pipeline --help`` beside ``import pydantic``, in milliseconds."""
    command = str(Path(sys.executable).with_name("ml-pipeline"))
    pairs = [
        (
            timed([command, "--help"], ROOT, dict(os.environ)),
            timed([sys.executable, "-c", "import pydantic"], ROOT, dict(os.environ)),
        )
        for _ in range(15)
    ]
    return {
        "--help": median([1000 * ours for ours, _ in pairs]),
        "import pydantic": median([1000 * theirs for _, theirs in pairs]),
    }


if __name__ == "__main__":
    figures = {
        "start (ms)": start(),
        "overhead (s)": overhead(types=True),
        "overhead without mypy (s)": overhead(types=False),
    }
    print(json.dumps(figures, indent=1))
