"""What the CI files do: their shell text, run for real with a `dagger` that records how it was called."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
CI = ROOT / "ci"
GITHUB = sorted((CI / "github").glob("*.yml"))
GITLAB = sorted((CI / "gitlab").glob("*.yml"))

_RECORDER = """#!{python}
import json, os, sys
with open(os.environ["RECORD"], "a") as record:
    print(json.dumps(sys.argv[1:]), file=record)
function = "reports" if "reports" in sys.argv else "full-pipeline"
sys.exit(json.loads(os.environ["STATUSES"]).get(function, 0))
"""


@dataclass(frozen=True)
class Done:
    """How a script ended, and each `dagger` call that it made, without the options before the verb."""

    status: int
    calls: list[list[str]]
    output: str


def read(path: Path) -> dict[str, Any]:
    """A YAML file, with `on` as the text that CI hosts read (YAML 1.1 reads a truth value)."""
    table = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {"on" if key is True else key: value for key, value in table.items()}


def execute(
    script: str, shell: Sequence[str], folder: Path, env: Mapping[str, str], statuses: Mapping[str, int]
) -> Done:
    """Run a script with a recording `dagger` first on PATH, which ends with the status of its function."""
    program = folder / "bin" / "dagger"
    program.parent.mkdir()
    program.write_text(_RECORDER.format(python=sys.executable), encoding="utf-8")
    program.chmod(0o755)
    record = folder / "calls"
    record.touch()
    ended = subprocess.run(
        [*shell, script],
        cwd=folder,
        env={
            "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
            "RECORD": str(record),
            "STATUSES": json.dumps(statuses),
            **env,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    lines = record.read_text(encoding="utf-8").splitlines()
    return Done(
        ended.returncode, [_from_verb(json.loads(line)) for line in lines], ended.stdout + ended.stderr
    )


def _from_verb(arguments: list[str]) -> list[str]:
    return arguments[arguments.index("call") :]


def parameters() -> dict[str, set[str]]:
    """The flags of every function of the module by its name there; `create` is the constructor."""
    tree = ast.parse((ROOT / "src/ml_pipeline/main.py").read_text(encoding="utf-8"))
    module = next(node for node in tree.body if isinstance(node, ast.ClassDef))
    return {
        _dashed(node.name): {_dashed(each.arg) for each in node.args.args if each.arg not in {"self", "cls"}}
        for node in module.body
        if isinstance(node, ast.AsyncFunctionDef) and not node.name.startswith("_")
    }


def _dashed(name: str) -> str:
    return name.replace("_", "-")
