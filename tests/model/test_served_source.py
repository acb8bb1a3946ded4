"""Which of a project's files are served: nothing that training alone needs, and all that may be needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_stages.config.sections import PredictorConfig
from ml_stages.model.served_source import served_files

FILES = {
    "train.py": "from loans.fit import fit\nimport beside\n",
    "beside.py": "",
    "notes.txt": "words",
    "loans/__init__.py": "",
    "loans/__main__.py": "from loans import fit\n",
    "loans/fit.py": "from . import features, search\nfrom loans.model import Model\n",
    "loans/search.py": "import optuna\n",
    "loans/features.py": "",
    "loans/model.py": "def load(folder):\n    from .features import scaled\n",
    "loans/unknown.py": "",
}
LOAD = PredictorConfig(load="loans.model:load")


def _left_out(
    root: Path, changed: dict[str, str], command: str = "python train.py", predictor: PredictorConfig = LOAD
) -> list[str]:
    for name, text in {**FILES, **changed}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    files, left_out = served_files(root, command, predictor)
    kept = {file.relative_to(root).as_posix() for file in files}
    assert kept.isdisjoint(left_out)
    assert kept | set(left_out) == {*FILES, *changed}
    return left_out


def test_what_training_alone_imports_is_left_out(tmp_path: Path) -> None:
    """If this fails, an image carries code that nothing runs there, and changes with it."""
    assert _left_out(tmp_path, {}) == ["beside.py", "loans/fit.py", "loans/search.py", "train.py"]


def test_a_module_is_named_as_python_names_it(tmp_path: Path) -> None:
    """If this fails, a project that trains with `python -m` ships its training."""
    expected = ["loans/__main__.py", "loans/fit.py", "loans/search.py"]
    assert _left_out(tmp_path, {}, "python -m loans --data {train}") == expected
    assert _left_out(tmp_path, {}, "python -m loans.fit") == ["loans/fit.py", "loans/search.py"]


def test_sources_in_a_src_folder_are_found(tmp_path: Path) -> None:
    """If this fails, a project with a src folder ships its training, or a bundle that cannot be loaded."""
    changed = {
        "src/houses/__init__.py": "from .price import load\n",
        "src/houses/price.py": "",
        "src/houses/tuning.py": "",
        "scripts/fit.py": "from houses.tuning import best\nfrom houses import load\n",
    }
    predictor = PredictorConfig(load="houses:load")
    left_out = _left_out(tmp_path, changed, "python scripts/fit.py", predictor)
    assert left_out == ["scripts/fit.py", "src/houses/tuning.py"]


@pytest.mark.parametrize(
    "model",
    [
        "import importlib\nimportlib.import_module('loans.search')\n",
        "from pkgutil import iter_modules\n",
        "__import__('loans.search')\n",
        "this is no Python\n",
    ],
)
def test_who_imports_by_name_is_given_everything(tmp_path: Path, model: str) -> None:
    """If this fails, a predictor that finds its parts by name cannot be served."""
    assert _left_out(tmp_path, {"loans/model.py": model}) == []


def test_resources_of_a_package_are_no_import_by_name(tmp_path: Path) -> None:
    """If this fails, reading a file of one's own package ships the training."""
    model = "from importlib.resources import files\nfrom importlib import metadata\n"
    assert "loans/fit.py" in _left_out(tmp_path, {"loans/model.py": model})


def test_a_pickle_keeps_the_modules_of_its_classes(tmp_path: Path) -> None:
    """If this fails, a pickled model is served without the module that its class is in."""
    predictor = LOAD.model_copy(update={"allow_pickle": ["model.pkl"]})
    assert _left_out(tmp_path, {}, predictor=predictor) == ["train.py"]


def test_a_predictor_out_of_another_package_keeps_everything(tmp_path: Path) -> None:
    """If this fails, what an installed predictor wants of the project is not there."""
    assert _left_out(tmp_path, {}, predictor=PredictorConfig(load="elsewhere:load")) == []


def test_without_a_predictor_the_script_is_left_out(tmp_path: Path) -> None:
    """If this fails, a project of an ONNX file or an MLmodel ships its training."""
    assert _left_out(tmp_path, {}, predictor=PredictorConfig()) == ["train.py"]


def test_a_command_that_names_no_python_file_leaves_nothing_out(tmp_path: Path) -> None:
    """If this fails, a project that trains with make or a shell script ends with half a bundle."""
    assert _left_out(tmp_path, {}, "make train") == []
    assert _left_out(tmp_path, {}, "bash -c 'never closed") == []
