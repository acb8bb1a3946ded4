"""Which files of the project's code a bundle needs: all but the modules that training alone imports.

Left out is what the train command names and what that imports, unless the predictor imports it too. That is
read off the import statements, without running anything. Where they do not tell (a module that imports by
name, a model whose loading looks classes up), more is kept, never less; and what is left is what the probe
starts.
"""

from __future__ import annotations

import ast
import itertools
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ml_stages.config.sections import PredictorConfig
from ml_stages.model import formats
from ml_stages.model.copy import find_files

_BY_NAME = frozenset({"importlib", "pkgutil", "runpy"})
_CALLS = frozenset({"__import__", "exec", "eval"})
_HARMLESS = ("importlib.resources", "importlib.metadata")


def served_files(code: Path, command: str, predictor: PredictorConfig) -> tuple[list[Path], list[str]]:
    """The files that a bundle needs, and the names of those left out."""
    files = find_files(code)
    roots = (code / "src", code)
    scripts = _scripts(code, command)
    served = _reached(roots, [entry.partition(":")[0] for entry in (predictor.load, predictor.export or "")])
    finds_classes = bool(predictor.allow_pickle) or predictor.load == formats.LOAD
    if served.imports_by_name or not (served.files or finds_classes):
        return files, []
    # A pickle names classes of modules that the predictor need not import; of a script it can name none.
    trained = set(scripts) if finds_classes else _closure(roots, scripts).files
    left_out = trained - served.files
    return [file for file in files if file not in left_out], sorted(
        file.relative_to(code).as_posix() for file in left_out
    )


@dataclass(frozen=True)
class _Reached:
    files: frozenset[Path]
    imports_by_name: bool


def _scripts(code: Path, command: str) -> list[Path]:
    """The Python files that a command names: as a path, or as a module after ``-m``."""
    try:
        words = shlex.split(command)
    except ValueError:
        return []
    paths = [code / word for word in words if word.endswith(".py")]
    modules = [after for before, after in itertools.pairwise(words) if before == "-m"]
    named = [path for module in modules for path in _files_of((code / "src", code), module)[-1:]]
    mains = [path.with_name("__main__.py") for path in named if path.name == "__init__.py"]
    return [path for path in (*paths, *named, *mains) if path.is_file()]


def _reached(roots: Sequence[Path], modules: Iterable[str]) -> _Reached:
    return _closure(roots, [path for module in modules for path in _files_of(roots, module)])


def _closure(roots: Sequence[Path], files: Iterable[Path]) -> _Reached:
    """These files and all that they import, directly or not, below the roots."""
    found: set[Path] = set()
    by_name = False
    pending = list(files)
    while pending:
        file = pending.pop()
        if file in found:
            continue
        found.add(file)
        imports, dynamic = _imports(file)
        by_name = by_name or dynamic
        # A script finds what lies beside it, too.
        places = (*roots, file.parent)
        pending += [path for place, name in imports for path in _files_of(place or places, name)]
    return _Reached(frozenset(found), by_name)


def _files_of(roots: Sequence[Path], module: str) -> list[Path]:
    """The files that importing a module runs: of its packages, then its own; empty for one of others."""
    for root in roots:
        files: list[Path] = []
        place = root
        for part in module.split(".") if module else ():
            package, single = place / part / "__init__.py", place / f"{part}.py"
            place /= part
            if package.is_file():
                files.append(package)
            elif single.is_file():
                files.append(single)
                break
            elif not place.is_dir():
                break
        if files:
            return files
    return []


def _imports(file: Path) -> tuple[list[tuple[tuple[Path, ...], str]], bool]:
    """What a file imports, each with the folder that a relative name starts from; whether more by name."""
    try:
        nodes = list(ast.walk(ast.parse(file.read_bytes())))
    except (SyntaxError, ValueError):
        return [], True
    named = [pair for node in nodes for pair in _named(node, file)]
    used = {node.id for node in nodes if isinstance(node, ast.Name)}
    by_name = any(name.partition(".")[0] in _BY_NAME and not name.startswith(_HARMLESS) for _, name in named)
    return named, by_name or bool(used & _CALLS)


def _named(node: ast.AST, file: Path) -> Iterator[tuple[tuple[Path, ...], str]]:
    if isinstance(node, ast.Import):
        yield from (((), alias.name) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        start = (file.parents[node.level - 1],) if 0 < node.level <= len(file.parents) else ()
        for alias in node.names:
            yield start, f"{base}.{alias.name}".strip(".")
