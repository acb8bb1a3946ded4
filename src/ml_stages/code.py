"""Which of our own files a stage runs: what its module imports, directly or not.

A stage's cached result is keyed by these files alone, and only they are handed to a container, so
that an edit of one stage does not run another again.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent
"""The folder of the package ``ml_stages``."""


@cache
def stage_files(*modules: str) -> tuple[Path, ...]:
    """The files of ``ml_stages`` that these modules are made of, sorted.

    Imports anywhere in a file count, also inside functions; ``__init__`` files of packages on the
    way belong to it. Raises :class:`ModuleNotFoundError` for a module that does not exist.
    """
    found: set[Path] = set()
    pending = [_file(module) for module in modules]
    while pending:
        file = pending.pop()
        if file not in found:
            found |= {file, *_package_files(file)}
            pending += _imports(file)
    return tuple(sorted(found | _locks_of(found)))


def _file(module: str) -> Path:
    path = ROOT.joinpath(*module.split(".")[1:])
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file() and module.split(".", maxsplit=1)[0] == ROOT.name:
            return candidate
    raise ModuleNotFoundError(f"no module {module!r} in {ROOT.name}")


def _locks_of(files: set[Path]) -> set[Path]:
    """The locks that stand beside these files: what they install (the root's is the environment's)."""
    folders = {file.parent for file in files} - {ROOT}
    return {lock for folder in folders for lock in folder.glob("*.lock")}


def _package_files(file: Path) -> list[Path]:
    between = [folder for folder in file.parents if folder.is_relative_to(ROOT)]
    return [folder / "__init__.py" for folder in between if (folder / "__init__.py").is_file()]


@cache
def _imports(file: Path) -> list[Path]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.append(node.module)
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    found = (_find(name) for name in names if name.split(".")[0] == ROOT.name)
    return [path for path in found if path is not None]


def _find(module: str) -> Path | None:
    try:
        return _file(module)
    except ModuleNotFoundError:
        return None
