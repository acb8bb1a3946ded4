"""Which of our own files a stage runs: what its module imports, directly or not.

A stage's cached result is keyed by these files alone, and only they are handed to a container, so
that an edit of one stage does not run another again.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent
"""The folder of the package ``ml_stages``."""

_IMPORT = re.compile(
    r"""^[ \t]*(?:
        from\ (?P<package>[\w.]+)\ import\ (?:\((?P<lines>[^)]*)\)|(?P<line>[^\n#(]+))
        |import\ (?P<modules>[^\n#]+)
    )""",
    re.MULTILINE | re.VERBOSE,
)
_COMMENT = re.compile(r"#.*")


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
    found = (_find(name) for name in imported(file.read_text(encoding="utf-8")))
    return [path for path in found if path is not None]


def imported(source: str) -> set[str]:
    """What the import statements of our code may name: modules of ``ml_stages``, or names in them.

    Statements as ruff formats them, found by a pattern: a syntax tree of every file takes 50 times as long,
    at every start of a run.
    """
    names: set[str] = set()
    for statement in _IMPORT.finditer(source):
        if package := statement["package"]:
            inside = _COMMENT.sub("", statement["lines"] or statement["line"])
            names |= {
                package,
                *(f"{package}.{name.split()[0]}" for name in inside.split(",") if name.strip()),
            }
        else:
            names |= {name.split()[0] for name in statement["modules"].split(",")}
    return {name for name in names if name.split(".")[0] == ROOT.name}


def _find(module: str) -> Path | None:
    try:
        return _file(module)
    except ModuleNotFoundError:
        return None
