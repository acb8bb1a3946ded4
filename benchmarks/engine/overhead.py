"""What the engine costs over the host, and how quick a second call is.

Run from the root of the repository, with an engine that answers and after ``make run``:

    .venv/bin/python benchmarks/engine/overhead.py

Cold: the sample project in a copy, changed in every round so that every stage has to run (a word in the
README, a number in the data), in the engine and on the host in turn; environments are ready on both sides.
Warm: a second `full-pipeline` beside the uncached call of an empty Python function. Wall-clock seconds of the
whole commands, loading the module included.
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
CONTAINERS = 10
"""lint, test, data-validate, split, train, predict, evaluate, build-image, probe, and the service it asks."""
ROOT = Path(__file__).resolve().parents[2]
EMPTY = """
from dagger import function, object_type


@object_type
class Empty:
    @function(cache="never")
    def nothing(self) -> str:
        return "nothing"
"""


def timed(*command: str | Path, folder: Path) -> float:
    """Seconds of wall time; the command must succeed."""
    started = time.perf_counter()
    environment = {**os.environ, "CI": "true"}
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        sys.exit(f"{command} ended with {ended.returncode}:\n{ended.stdout}{ended.stderr[-3000:]}")
    return time.perf_counter() - started


def change(project: Path, number: int) -> None:
    """Have every stage read something new."""
    with (project / "README.md").open("a", encoding="utf-8") as readme:
        readme.write(f"\nRound {number}, {time.time()}.\n")
    table = project / "data" / "hmda.csv"
    head, first, *rest = table.read_text(encoding="utf-8").splitlines()
    cells = first.split(",")
    cells[1] = f"{0.2 + time.time() % 1 / 100:.6f}"
    table.write_text("\n".join([head, ",".join(cells), *rest, ""]), encoding="utf-8")


def engine(project: Path) -> float:
    """The pipeline in the engine, on a project anywhere."""
    return timed("dagger", "-m", ROOT, "call", f"--source={project}", "full-pipeline", folder=ROOT)


def host(project: Path) -> float:
    """The pipeline on the host, without a baseline as in the engine."""
    command = Path(sys.executable).with_name("ml-pipeline")
    return timed(command, "run", project, "--baseline", "none", folder=ROOT)


def cold(project: Path) -> dict[str, float]:
    """Rounds in which every stage runs; the allowance is 1.15 times the host and 1.5 s a container."""
    engine(project), host(project)  # environments
    pairs = []
    for number in range(PAIRS):
        change(project, number)
        pairs.append((engine(project), host(project)))
    allowed = [theirs / (1.15 * ours + 1.5 * CONTAINERS) for theirs, ours in pairs]
    return {
        "engine": median([theirs for theirs, _ in pairs]),
        "host": median([ours for _, ours in pairs]),
        "share of the allowance": median(allowed),
    }


def warm(project: Path, empty: Path) -> dict[str, float]:
    """Nothing changed: the whole pipeline again, beside a function that does nothing."""
    (empty / "src" / "empty" / "main.py").write_text(EMPTY, encoding="utf-8")
    timed("dagger", "call", "nothing", folder=empty)
    engine(project)
    pairs = [(engine(project), timed("dagger", "call", "nothing", folder=empty)) for _ in range(PAIRS)]
    return {
        "full-pipeline": median([ours for ours, _ in pairs]),
        "empty function": median([theirs for _, theirs in pairs]),
        "ratio": median([ours / theirs for ours, theirs in pairs]),
    }


def median(values: list[float]) -> float:
    return round(statistics.median(values), 2)


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        project, empty = Path(scratch, "project"), Path(scratch, "empty")
        ignored = shutil.ignore_patterns(".ml-pipeline", "registry", "__pycache__", ".*_cache")
        shutil.copytree(ROOT / "sample_project", project, ignore=ignored)
        empty.mkdir()
        timed("git", "init", "-q", folder=empty)
        timed("dagger", "init", "--sdk=python", "--name=empty", "--source=.", folder=empty)
        print(json.dumps({"warm (s)": warm(project, empty)}, indent=1), flush=True)
        print(json.dumps({"cold (s)": cold(project)}, indent=1))


if __name__ == "__main__":
    main()
