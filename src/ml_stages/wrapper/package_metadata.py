"""What installing a project would leave besides its modules: name and version, entry points, programs.

A project's modules are found by ``PYTHONPATH`` and never installed, so that an edit reinstalls nothing and no
build backend is needed. Here is what ``importlib.metadata`` and the shell look for beside them, written from
the fields of :class:`ml_stages.config.package.PackageConfig`. The standard library alone, from Python 3.9.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_PROGRAM = """#!/bin/sh
'''exec' "{python}" "$0" "$@"
' '''
import sys
from {module} import {name}
sys.exit({call}())
"""
"""As pip writes it: the shell's own line may be too short for the interpreter's path."""


def write_metadata(package: Mapping[str, Any] | None, folder: Path) -> None:
    """Write ``NAME-VERSION.dist-info`` into ``folder``; nothing where the project is no package."""
    if package is None:
        return
    stem = re.sub(r"[-_.]+", "_", package["name"])
    written = folder / f"{stem}-{package['version']}.dist-info"
    written.mkdir(parents=True)
    head = f"Metadata-Version: 2.1\nName: {package['name']}\nVersion: {package['version']}\n"
    (written / "METADATA").write_text(head, encoding="utf-8")
    if package["entry_points"]:
        (written / "entry_points.txt").write_text(_as_ini(package["entry_points"]), encoding="utf-8")


def write_programs(package: Mapping[str, Any] | None, folder: Path) -> None:
    """Write the package's programs into ``folder``, to be run by this interpreter."""
    points = package["entry_points"] if package else {}
    folder.mkdir(parents=True)
    for program, target in points.get("console_scripts", {}).items():
        module, _, call = target.partition("[")[0].strip().partition(":")
        text = _PROGRAM.format(python=sys.executable, module=module, name=call.partition(".")[0], call=call)
        (folder / program).write_text(text, encoding="utf-8")
        (folder / program).chmod(0o755)


def _as_ini(groups: Mapping[str, Mapping[str, str]]) -> str:
    return "\n".join(
        "\n".join([f"[{group}]", *(f"{name} = {target}" for name, target in points.items()), ""])
        for group, points in groups.items()
    )
