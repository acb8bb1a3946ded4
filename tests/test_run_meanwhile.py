"""What happens while the pipeline runs: people go on with their work, stages write where they should not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.projects import TinyProject


def _edit_during_training(project: TinyProject, file: Path, text: str) -> None:
    """Let the training itself do what a colleague does at that moment."""
    project.edit("train.py", 'print("training', f'Path({str(file)!r}).write_text({text!r})\nprint("training')


def test_the_source_is_the_one_that_the_run_began_with(project: TinyProject) -> None:
    """If this fails, code goes out that no test has seen, under the digest of the code that was tested."""
    _edit_during_training(project, project.root / "apples.py", "broken since =\n")
    ran = project.run("--until", "predict")
    assert ran.exit_status == 0, ran.output
    assert project.read("apples.py") == "broken since =\n"
    digest = ran.verdict["lineage"]["source_digest"]
    again = project.run("--until", "predict")
    assert again.exit_status == 3
    assert again.verdict["lineage"]["source_digest"] != digest
    assert not list((project.root.parent).rglob("scratch/source-*")), "the copy is not left behind"


def test_a_training_that_changes_its_train_set_spoils_no_other(project: TinyProject) -> None:
    """If this fails, the next training gets what this one left, from the cache, and nobody is told."""
    right = project.read("train.py")
    project.edit("train.py", 'Path(model, "model', 'table.head(30).to_csv(train)\nPath(model, "model')
    ran = project.run("--until", "train")
    assert ran.exit_status == 1, ran.output
    assert "the train set changed while train ran" in ran.stage("train")["reason"]
    project.write("train.py", right)
    ran = project.run("--until", "train")
    assert ran.exit_status == 0, ran.output
    assert ran.stage("split")["cached"]["reason"] == "the earlier result is damaged"
    assert "training on 619 rows" in (ran.folder / "logs" / "train.log").read_text()


def test_data_that_changes_during_the_run_is_nobodys_result(project: TinyProject) -> None:
    """If this fails, what was made of the new data is kept, and found again, as if it were the old one's."""
    data = project.root / "data" / "apples.csv"
    before = data.read_text()
    less = "".join(before.splitlines(keepends=True)[:600])
    (project.root / "less.csv").write_text(less)
    project.edit(
        "tests/test_apples.py", "import pandas as pd\n", "from pathlib import Path\n\nimport pandas as pd\n"
    )
    delivery = f'Path("{data}").write_text(Path("less.csv").read_text())'
    project.edit("tests/test_apples.py", "    assert", f"    {delivery}\n    assert")
    project.edit("pyproject.toml", "line-length = 100", "line-length = 300")
    ran = project.run("--until", "evaluate-gate", "--jobs", "1")
    assert ran.exit_status == 1, ran.output
    for name in ("data-validate", "split"):
        assert f"the data changed while {name} ran" in ran.stage(name)["reason"]
    data.write_text(before)
    assert project.run("--until", "split").stage("split")["cached"]["hit"] is False


def test_a_lock_that_changes_during_the_run_ends_it(project: TinyProject) -> None:
    """If this fails, a model is served with other packages than it was tested with."""
    project.edit("pyproject.toml", 'interpreter = "current"', 'lock = "pins.lock"')
    project.write("pins.lock", "")
    project.write(
        "train.py",
        f"import sys\nfrom pathlib import Path\n\nPath(sys.argv[2], 'weights').write_text('')\n"
        f"Path({str(project.root / 'pins.lock')!r}).write_text('# pinned anew\\n')\n",
    )
    ran = project.run("--until", "predict")
    assert ran.exit_status == 1, ran.output
    assert ran.stage("train")["status"] == "passed"
    assert "pins.lock changed since the run began" in ran.stage("predict")["reason"]


@pytest.mark.parametrize("name", ["ml_stages/wrapper/lint.py", "re.py"])
def test_the_runners_own_code_in_the_cache_is_what_was_put_there(project: TinyProject, name: str) -> None:
    """If this fails, what wrote into the cache by a slip decides what this and every later run finds."""
    project.write("ugly.py", "import os\n")
    assert project.run("--until", "lint").exit_status == 3
    (wrapper,) = Path(os.environ["ML_PIPELINE_CACHE"]).glob("shared/wrapper-*")
    (wrapper / name).write_text("def run(job):\n    return {'tools': [], 'findings': []}\n")
    project.write("ugly.py", "import sys\n")
    ran = project.run("--until", "lint")
    assert ran.exit_status == 3, ran.output
    assert "F401" in ran.output


def test_a_variable_that_the_project_asked_for_counts(
    project: TinyProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If this fails, `SIZE=large` gets the small model from the cache; or every new token trains again."""
    project.edit(
        "pyproject.toml",
        'interpreter = "current"',
        'interpreter = "current"\npass_variables = ["SIZE", "HF_TOKEN"]',
    )
    hits = []
    for size, token in (("small", "1"), ("small", "2"), ("large", "2")):
        monkeypatch.setenv("SIZE", size)
        monkeypatch.setenv("HF_TOKEN", token)
        cached = project.run("--until", "train").stage("train")["cached"]
        hits.append((cached["hit"], cached["reason"]))
    assert hits == [(False, "first run"), (True, "nothing changed"), (False, "$SIZE changed")]


def test_what_a_training_installs_is_told(project: TinyProject) -> None:
    """If this fails, a model passes that works on this machine alone: no lock says what it needs."""
    project.write("pins.lock", "")
    project.edit("pyproject.toml", 'interpreter = "current"', 'lock = "pins.lock"')
    installing = "Path(sysconfig.get_path('purelib'), 'words.py').touch()"
    making = "from pathlib import Path\n\nPath(sys.argv[2], 'model').touch()\n"
    project.write("train.py", f"import sys, sysconfig\n{making}{installing}\n")
    ran = project.run("--until", "train")
    assert ran.exit_status == 1, ran.output
    assert "the environment of pins.lock changed while train ran" in ran.stage("train")["reason"]
    project.write("train.py", f"import sys, words\n{making}")
    ran = project.run("--until", "train")
    assert "No module named 'words'" in ran.stage("train")["reason"]
    project.write("train.py", f"import sys\n{making}")
    assert project.run("--until", "train").exit_status == 0
