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
from ml_stages.model.formats import LOAD

_SKIPPED = {"tests", "test", "docs", "build", "dist", "node_modules", "site-packages", "benchmarks"}
_DATA_FLAGS = (
    "--train",
    *(f"--{first}-{last}" for first in ("train", "training") for last in ("data", "file", "path", "csv")),
    "--data",
    *(f"--{first}-{last}" for first in ("data", "input", "dataset") for last in ("file", "path", "csv")),
    "--input",
    "--input-data",
    "--dataset",
    "--csv",
)
_MODEL_FLAGS = (
    "--model",
    *(f"--{first}-{last}" for first in ("model", "output", "out") for last in ("dir", "folder")),
    "--output",
    "--out",
    "--artifacts",
    *(f"--{first}-dir" for first in ("artifacts", "artifact", "save", "export")),
)
_SEED_FLAGS = ("--seed", "--random-seed", "--random-state")
"""Options in the order in which they are taken; those with `_` for `-` count, too."""
_LOADERS = ("load", "load_model", "load_predictor")
_FILE = re.compile(r"(^|_)(path|file|filename|filepath|csv)$")
"""Names of parameters that may stand for a file, where a loader is given a folder."""
_TOLD_OF_PICKLES = (
    "predictor.allow_pickle: {} calls {}, and a pickle runs code when it is loaded: name the file in the"
    ' folder of the model, allow_pickle = ["..."], or store it otherwise (ONNX, skops, safetensors, JSON);'
    " else the run is refused after the training"
)
_FORMATS = re.compile(r"""["'][^"'\n]*(\.onnx|\.skops)["']|\bmlflow\.\w+\.save_model\(""")
"""Where a program writes a model in a form that says itself how it is loaded."""
_PICKLES = re.compile(r"\b((?:joblib|pickle|cloudpickle|dill)\.dump|torch\.save)\(")


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
    start = f"python {_run_as(project, script)}"
    wanted = ((_DATA_FLAGS, "{train}"), (_MODEL_FLAGS, "{model}"), (_SEED_FLAGS, "{seed}"))
    written = {flag.replace("_", "-"): flag for flag in sorted(flags)}
    options = [
        (next((written[flag] for flag in names if flag in written), None), place) for names, place in wanted
    ]
    if options[0][0] and options[1][0]:
        given = " ".join(f"{flag} {place}" for flag, place in options if flag)
        return Suggestion(f"{start} {given}", f"the options of {script.name}")
    if "argv" in text and not flags:
        why = (
            f"{script.name} reads its arguments by their place; leave out and order them as it does, and see"
            " that it takes {model} for a folder to write files into"
        )
        read = 3 if "argv[1:" in text else max(map(int, re.findall(r"argv\[(\d)\]", text)), default=3)
        given = " ".join(("{train}", "{model}", "{seed}")[: max(2, read)])
        return Suggestion(f"{start} {given}", why, sure=False)
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


def _run_as(project: Path, script: Path) -> str:
    """A path, or the module of a package that is a program."""
    if script.name != "__main__.py" or script.parent == project:
        return script.relative_to(project).as_posix()
    return f"-m {_module(project, script.parent)}"


def _module(project: Path, path: Path) -> str:
    """What a package or a file without its suffix is imported as; `src` is none, unless it is a package."""
    parts = path.relative_to(project).parts
    is_layout = parts[:1] == ("src",) and not (project / "src" / "__init__.py").is_file()
    return ".".join(parts[1:] if is_layout else parts)


def predictor_loader(project: Path) -> Suggestion:
    """``module:function`` of the function that loads the predictor."""
    found = [
        (bool(_FILE.search(given)), _LOADERS.index(name), "predict" not in module, module, name, given)
        for module, name, given in _functions(project)
        if name in _LOADERS
    ]
    if not found:
        return _loaded_by_its_format(project) or Suggestion(
            "predictor:load",
            "write load(model_dir): an object with predict(DataFrame); of classes predict_proba, classes_",
            sure=False,
        )
    takes_file, _, _, module, name, given = min(found)
    why = f"found in {module}"
    if takes_file:
        why += f"; it is called with the model's folder: see that its {given} is no file in it"
    return Suggestion(f"{module}:{name}", why, sure=not takes_file)


def _loaded_by_its_format(project: Path) -> Suggestion | None:
    if (match := _first_match(project, _FORMATS)) is None:
        return None
    file, found = match
    what = f"a {found[1]} file" if found[1] else "MLflow's format"
    why = (
        f"{file} writes {what}, which this loads where the model's folder holds one; see that it takes the"
        " feature columns as they are"
    )
    return Suggestion(LOAD, why, sure=False)


def told_of_pickles(project: Path) -> list[str]:
    """What to say where the project stores models in a form that is refused unless it is named."""
    if (match := _first_match(project, _PICKLES)) is None:
        return []
    file, found = match
    return [_TOLD_OF_PICKLES.format(file, found[1])]


def _first_match(project: Path, pattern: re.Pattern[str]) -> tuple[str, re.Match[str]] | None:
    """The first source in which a pattern is found, by its name, and what was found."""
    for file in _sources(project):
        if found := pattern.search(file.read_text(encoding="utf-8", errors="replace")):
            return file.name, found
    return None


def _functions(project: Path) -> Iterator[tuple[str, str, str]]:
    """Module, name and parameter of each function that can be called with one argument."""
    for file in _sources(project):
        try:
            tree = ast.parse(file.read_text(encoding="utf-8", errors="replace"))
        except (SyntaxError, ValueError):
            continue
        module = _module(project, file.parent if file.name == "__init__.py" else file.with_suffix(""))
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and module and (given := _only_argument(node.args)):
                yield module, node.name, given


def _only_argument(arguments: ast.arguments) -> str:
    """The parameter of a function that needs no other; empty where it takes none or needs more."""
    positional = [*arguments.posonlyargs, *arguments.args]
    needed = len(positional) - len(arguments.defaults)
    by_name = any(default is None for default in arguments.kw_defaults)
    return positional[0].arg if positional and needed <= 1 and not by_name else ""


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


def lock_file(project: Path) -> Path | None:
    """The file that says what the project needs to run, where there is one."""
    return next((project / name for name in LOCK_NAMES if (project / name).is_file()), None)
