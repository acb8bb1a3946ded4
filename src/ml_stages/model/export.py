"""Call the project's export function: ``python -m ml_stages.model.export ENTRY MODEL FILE``.

A process of its own in the project's interpreter, since exporters bring libraries of their own.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path


def main(entry_point: str, model_dir: str, target: str) -> None:
    name, _, function = entry_point.partition(":")
    getattr(importlib.import_module(name), function)(model_dir, target)
    if not Path(target).is_file():
        raise SystemExit(f"{entry_point} wrote no file {target}")


if __name__ == "__main__":
    main(*sys.argv[1:])
