"""What a project's source says about how it trains and predicts, read without running it."""

from __future__ import annotations

import ast
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ml_stages.config.load import read_toml
from ml_stages.lock import LOCK_NAMES

_SKIPPED = {"tests", "test", "docs", "build", "dist", "node_modules", "site-packages", "benchmarks"}
_DATA_FLAGS = (
    "--train",
    "--train-data",
    "--train_data",
    "--train-file",
    "--train_file",
    "--train-path",
    "--train_path",
    "--training-data",
    "--data",
    "--data-path",
    "--data_path",
    "--data-file",
    "--data_file",
    "--input",
    "--dataset",
)
_MODEL_FLAGS = (
    "--model",
    "--model-dir",
    "--model_dir",
    "--output",
    "--output-dir",
    "--output_dir",
    "--out",
    "--artifacts",
)
_SEED_FLAGS = ("--seed", "--random-seed", "--random-state", "--random_state")
_LOADERS = ("load", "load_model", "load_predictor")


@dataclass(frozen=True)
class Suggestion:
    """A value for the configuration; ``sure`` unless somebody must look at it."""

    value: str
    why: str
    sure: bool = True


def project_name(project: Path) -> str:
    """The name in ``pyproject.toml``, else the folder's, in the letters that a model's name may have."""
    file = project / "pyproject.toml"
    table = read_toml(file) if file.is_file() else {}
    name = table.get("project", {}).get("name") or project.resolve().name
    # Letters with accents lose those rather than themselves.
    letters = unicodedata.normalize("NFKD", str(name)).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^a-z0-9._-]+", "-", letters.lower()).strip("-._")
    return plain or "model"


def train_command(project: Path) -> Suggestion:
    """The command that trains, with its placeholders, from the script's own options."""
    sources = _sources(project)
    scripts = [file for file in sources if re.fullmatch(r"(train|fit)\w*", file.stem)]
    scripts = scripts or [file for file in sources if _trains(file)]
    if not scripts:
        return Suggestion(
            "python train.py --data {train} --model {model} --seed {seed}",
            "no script that trains was found",
            sure=False,
        )
    script = min(scripts, key=lambda file: (len(file.parts), file.stem != "train", file))
    text = script.read_text(encoding="utf-8", errors="replace")
    flags = set(re.findall(r"""["'](--[A-Za-z][\w-]*)["']""", text))
    start = f"python {_run_as(script.relative_to(project))}"
    wanted = ((_DATA_FLAGS, "{train}"), (_MODEL_FLAGS, "{model}"), (_SEED_FLAGS, "{seed}"))
    options = [(next((flag for flag in names if flag in flags), None), place) for names, place in wanted]
    if options[0][0] and options[1][0]:
        given = " ".join(f"{flag} {place}" for flag, place in options if flag)
        return Suggestion(f"{start} {given}", f"the options of {script.name}")
    if "argv" in text and not flags:
        return Suggestion(
            f"{start} {{train}} {{model}} {{seed}}", f"{script.name} reads its arguments", sure=False
        )
    found = options[0][0] or "--data", options[1][0] or "--model"
    has = f"; it has {', '.join(sorted(flags))}" if flags else ""
    return Suggestion(
        f"{start} {found[0]} {{train}} {found[1]} {{model}}",
        f"say which options of {script.name} name the train set and the model's folder{has}",
        sure=False,
    )


def _trains(file: Path) -> bool:
    """Whether a file is a program that fits something, as far as its text tells."""
    text = file.read_text(encoding="utf-8", errors="replace")
    is_program = file.name == "__main__.py" or re.search(
        r"""^if __name__ == ["']__main__["']""", text, re.MULTILINE
    )
    return bool(is_program and re.search(r"\.fit\(|\btrain\w*\(|\.backward\(", text))


def _run_as(script: Path) -> str:
    """A path, or the module of a package that is a program."""
    if script.name != "__main__.py" or len(script.parts) == 1:
        return script.as_posix()
    folders = script.parent.parts[1:] if script.parts[0] == "src" else script.parent.parts
    return f"-m {'.'.join(folders)}"


def predictor_loader(project: Path) -> Suggestion:
    """``module:function`` of the function that loads the predictor."""
    found = [
        (_LOADERS.index(name), "predict" not in module, module, name)
        for module, name in _functions(project)
        if name in _LOADERS
    ]
    if not found:
        return Suggestion(
            "predictor:load",
            "write load(model_dir): an object with predict(DataFrame), and predict_proba and classes_",
            sure=False,
        )
    _, _, module, name = min(found)
    return Suggestion(f"{module}:{name}", f"found in {module}")


def _functions(project: Path) -> Iterator[tuple[str, str]]:
    for file in _sources(project):
        try:
            tree = ast.parse(file.read_text(encoding="utf-8", errors="replace"))
        except (SyntaxError, ValueError):
            continue
        parts = list(file.relative_to(project).with_suffix("").parts)
        parts = parts[1:] if parts[0] == "src" else parts
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and len(node.args.args) >= 1 and module:
                yield module, node.name


def _sources(project: Path) -> list[Path]:
    """The project's Python files, tests and environments left out; at most four folders deep."""
    files: list[Path] = []
    folders = [project]
    for _ in range(4):
        deeper = [path for folder in folders for path in sorted(folder.iterdir()) if path.is_dir()]
        files += [path for folder in folders for path in sorted(folder.glob("*.py")) if path.is_file()]
        folders = [path for path in deeper if path.name not in _SKIPPED and not _is_apart(path)]
    return files


def _is_apart(folder: Path) -> bool:
    return folder.name.startswith((".", "__")) or (folder / "pyvenv.cfg").is_file()


def has_lock(project: Path) -> bool:
    """Whether there is a file that says what the project needs to run."""
    return any((project / name).is_file() for name in LOCK_NAMES)
