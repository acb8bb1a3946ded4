"""Reading a project's configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_stages.config.load import load_config
from ml_stages.config.show import config_text
from ml_stages.errors import ConfigurationError, ExitStatus, UsageError
from tests.projects import CONFIG, TinyProject


def _faults(project: TinyProject) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load_config(project.root)
    assert caught.value.status is ExitStatus.USAGE
    return caught.value.faults


def test_pyproject_is_read(project: TinyProject) -> None:
    """If this fails, no project's configuration is found."""
    loaded = load_config(project.root)
    assert loaded.config.name == "apples"
    assert loaded.config.data.columns["weight"].max_null == 0.01
    assert [gate.label for gate in loaded.config.gates] == ["threshold-accuracy", "no-regression-accuracy"]


def test_own_file_is_read_like_the_table(project: TinyProject) -> None:
    """If this fails, a project without pyproject.toml cannot be configured."""
    in_pyproject = load_config(project.root).config
    own = CONFIG.split("[tool.ml-pipeline]", 1)[1].replace("[tool.ml-pipeline.", "[")
    project.write("ml-pipeline.toml", own.replace("[[tool.ml-pipeline.", "[["))
    project.write("pyproject.toml", '[project]\nname = "apples"\n')
    assert load_config(project.root).config == in_pyproject


def test_two_configurations_are_refused(project: TinyProject) -> None:
    """If this fails, a project has two configurations and nobody knows which one counts."""
    project.write("ml-pipeline.toml", 'name = "other"\n')
    with pytest.raises(UsageError, match="both exist"):
        load_config(project.root)


def test_no_configuration_says_what_was_expected(tmp_path: Path) -> None:
    """If this fails, a newcomer does not learn where the configuration goes."""
    with pytest.raises(UsageError, match=r"\[tool\.ml-pipeline\]"):
        load_config(tmp_path)


def test_every_fault_is_listed_with_its_key_path(project: TinyProject) -> None:
    """If this fails, a user mends one fault a run instead of all at once."""
    project.edit("pyproject.toml", 'label = "ripe"', 'lable = "ripe"\nholdout = 2')
    project.edit("pyproject.toml", 'task = "classification"', 'task = "classify"\nsede = 3')
    project.edit("pyproject.toml", "max_null = 0.01", "max_nulls = 0.01")
    project.edit("pyproject.toml", "margin = 0.05", "margn = 0.05")
    faults = "\n".join(_faults(project))
    assert "data.lable: unknown key; did you mean 'label'?" in faults
    assert "data.label: missing; it says: The column to predict." in faults
    assert "data.holdout: input should be less than 1, got 2" in faults
    assert "sede: unknown key; did you mean 'seed'?" in faults
    assert "data.columns.weight.max_nulls: unknown key; did you mean 'max_null'?" in faults
    assert "gates[1].margn: unknown key; did you mean 'margin'?" in faults
    assert "task: input should be 'classification' or 'regression', got 'classify'" in faults


def test_unknown_gate_kind_names_the_nearest(project: TinyProject) -> None:
    """If this fails, a mistyped gate is reported without saying which gates there are."""
    project.edit("pyproject.toml", 'kind = "threshold"', 'kind = "treshold"')
    (fault,) = _faults(project)
    assert fault.startswith("gates[0]: unknown kind 'treshold'; did you mean 'threshold'?")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("python train.py {train} {model} {sed}", "unknown placeholder {sed}"),
        ("python train.py {train}", "lacks the placeholder {model}"),
        ("python 'train.py {train} {model}", "no command line"),
        ("", "the command is empty"),
    ],
)
def test_commands_are_checked_before_anything_runs(project: TinyProject, command: str, expected: str) -> None:
    """If this fails, a mistyped placeholder is found after an hour of training."""
    project.edit("pyproject.toml", '"python train.py {train} {model} {seed}"', f'"{command}"')
    (fault,) = _faults(project)
    assert fault.startswith("train.command: ")
    assert expected in fault


def test_broken_toml_is_one_readable_line(project: TinyProject) -> None:
    """If this fails, a missing quote ends in a traceback."""
    project.write("pyproject.toml", "[tool.ml-pipeline\n")
    (fault,) = _faults(project)
    assert fault.startswith("not valid TOML: ")


def test_profile_overlays_key_by_key(project: TinyProject) -> None:
    """If this fails, a profile loses what it does not mention, or does not replace what it does."""
    project.write(
        "pyproject.toml", CONFIG + "\n[tool.ml-pipeline.profiles.quick]\nseed = 5\ndata.holdout = 0.5\n"
    )
    plain, quick = load_config(project.root), load_config(project.root, "quick")
    assert (plain.config.seed, plain.config.data.holdout) == (0, 0.25)
    assert (quick.config.seed, quick.config.data.holdout) == (5, 0.5)
    assert quick.config.data.label == "ripe"
    assert quick.origin(("data", "holdout")) == "profile quick"
    assert quick.origin(("data", "label")) == "pyproject.toml [tool.ml-pipeline]"
    assert quick.origin(("data", "min_rows")) == "default"


def test_unknown_profile_names_those_there(project: TinyProject) -> None:
    """If this fails, a mistyped profile silently runs the whole pipeline."""
    project.write("pyproject.toml", CONFIG + "\n[tool.ml-pipeline.profiles.quick]\nseed = 5\n")
    with pytest.raises(UsageError, match="did you mean 'quick'"):
        load_config(project.root, "quik")


def test_two_gates_with_one_name_are_refused(project: TinyProject) -> None:
    """If this fails, two gates share a line in every report."""
    project.write(
        "pyproject.toml",
        CONFIG + '\n[[tool.ml-pipeline.gates]]\nkind = "threshold"\nmetric = "accuracy"\nmin = 0.1\n',
    )
    (fault,) = _faults(project)
    assert "two gates are called 'threshold-accuracy'" in fault


def test_config_text_says_where_each_value_came_from(project: TinyProject) -> None:
    """If this fails, nobody can see which value of a configuration is in force."""
    text = config_text(load_config(project.root))
    lines = {line.split(" = ")[0]: line for line in text.splitlines()[1:]}
    assert lines["data.holdout"].endswith("# default")
    assert lines["data.label"].endswith("# pyproject.toml [tool.ml-pipeline]")
    assert lines["gates[0].metric"].split("#")[0].strip() == 'gates[0].metric = "accuracy"'
    assert lines["timeouts.data-validate"].endswith("# default")


def test_a_misspelt_metric_is_a_fault_before_anything_runs(project: TinyProject) -> None:
    """If this fails, a spelling mistake is found after hours of training."""
    project.edit("pyproject.toml", 'metric = "accuracy"\nmin', 'metric = "acuracy"\nmin')
    assert "metric 'acuracy' is no metric of this task; did you mean 'accuracy'?" in "\n".join(
        _faults(project)
    )


def test_what_a_gate_names_is_measured(project: TinyProject) -> None:
    """If this fails, a gate on one class needs the metric's name in two places."""
    project.edit("pyproject.toml", 'metric = "accuracy"\nmin', 'metric = "recall[yes]"\nmin')
    assert load_config(project.root).config.evaluation.more_metrics == ["recall[yes]"]
