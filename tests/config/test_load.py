"""Reading a project's configuration."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from ml_stages.config.faults import nearest
from ml_stages.config.load import load_config
from ml_stages.config.show import config_text
from ml_stages.errors import ConfigurationError, ExitStatus, UsageError
from ml_stages.gates.registry import GATES, Gate
from ml_stages.report.gate_pages import page
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
    project.write("pyproject.toml", '[project]\nname = "apples"\nversion = "1"\n')
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
    assert (
        "task: input should be 'classification', 'regression', 'multilabel' or 'ranking', got 'classify'"
        in faults
    )


def test_a_missing_choice_names_what_may_be_chosen(project: TinyProject) -> None:
    """Who forgets `moves` would be told that it says where the prediction may go, and not how."""
    gate = '\n[[tool.ml-pipeline.gates]]\nkind = "directional"\ncolumn = "weight"\nadd = 1\n'
    project.write("pyproject.toml", project.read("pyproject.toml") + gate)
    (fault,) = _faults(project)
    assert fault.endswith("moves: missing; it says: Where the prediction may go. Expected 'up', 'down'.")


def test_a_key_is_known_by_its_beginning() -> None:
    """If this fails, `evaluation.own` is unknown without a word about `own_metrics`."""
    known = ["metrics", "own_metrics"]
    assert nearest("own", known) == "; did you mean 'own_metrics'?"
    assert nearest("size", known) == ""


def test_a_metric_that_is_defined_is_told_where(project: TinyProject) -> None:
    """If this fails, who writes a metric of their own reads `input should be a valid string`."""
    own = '\n[[tool.ml-pipeline.evaluation.metrics]]\nname = "cost"\ncall = "costs:cost"\n'
    project.write("pyproject.toml", project.read("pyproject.toml") + own)
    (fault,) = _faults(project)
    assert fault == "evaluation.metrics: holds names; a table that defines a metric belongs into own_metrics"


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
    assert "gates[0]: metric 'acuracy' is no metric of this task; did you mean 'accuracy'?" in "\n".join(
        _faults(project)
    )
    project.edit("pyproject.toml", 'metric = "acuracy"\nmin', 'metric = "rmse"\nmin')
    told = "\n".join(_faults(project))
    assert "metric 'rmse' is no metric of this task, but one of regression; known: accuracy," in told


def test_what_a_gate_names_is_measured(project: TinyProject) -> None:
    """If this fails, a gate on one class needs the metric's name in two places."""
    project.edit("pyproject.toml", 'metric = "accuracy"\nmin', 'metric = "recall[yes]"\nmin')
    assert load_config(project.root).config.evaluation.more_metrics == ["recall[yes]"]


@pytest.mark.parametrize(
    ("gate", "fault"),
    [
        (
            'kind = "no-regression"\nmetric = "f1"\nmargin = 2',
            "margin = 2 is no less than the whole range of f1, 0 to 1; did you mean 0.02?",
        ),
        ('kind = "no-significant-change"\nmetric = "f1"\nmargin = 1', "margin = 1 is no less than"),
        ('kind = "improvement"\nmetric = "mcc"\nby = 2', "by = 2 is no less than the whole range of mcc"),
        ('kind = "overfit-gap"\nmetric = "f1"\nmax = 5', "max = 5 is no less than the whole range of f1"),
        ('kind = "slice"\nmetric = "f1"\nmargin = 5', "margin = 5 is no less than the whole range of f1"),
        ('kind = "slice"\nmetric = "f1"\nmax = 80', "max = 80 lies outside the range of f1, 0 to 1"),
        ('kind = "slice"\nmetric = "f1"\nmin = 0.9\nmax = 0.8', "min (0.9) is greater than max (0.8)"),
        ('kind = "threshold"\nmetric = "f1"\nmin = 80', "min = 80 lies outside the range of f1, 0 to 1"),
        ('kind = "threshold"\nmetric = "mcc"\nmin = -2', "min = -2 lies outside the range of mcc, -1 to 1"),
        ('kind = "threshold"\nmetric = "f1"\nmin = nan', "gates[2].min: input should be a finite number"),
        ('kind = "no-regression"\nmetric = "f1"\nmargin = inf', "input should be a finite number, got inf"),
        (
            'kind = "any"\ngates = [{ kind = "no-regression", metric = "f1", margin = 2 }]',
            "margin = 2 is no less than the whole range",
        ),
        ('kind = "directional"\ncolumn = "weight"\nadd = 0\nmoves = "up"', "weight +0 changes nothing"),
        ('kind = "robustness"\nnoise = 0\nmissing = 0\noutside = 0', "nothing is changed: set `noise`"),
        ('kind = "output-schema"\nmin = 0', "min says nothing about predictions of classification"),
        ('kind = "output-schema"\nmin = 2\nmax = 1', "min (2) is greater than max (1)"),
        ('kind = "drift"\nparts = []', "gates[2].parts: list should have at least 1 item"),
        ('kind = "lint"\nmax_findings = -1', "gates[2].max_findings: input should be greater than or equal"),
        ('name = "x"', "gates[2].kind: missing"),
        (
            'kind = "invariance"\ncolumn = "ripe"\nvalues = ["yes"]',
            "the predictor does not see 'ripe'",
        ),
        (
            'kind = "all"\ngates = [{ kind = "directional", column = "id", add = 1, moves = "up" }]',
            "the predictor does not see 'id'",
        ),
    ],
)
def test_a_gate_that_every_model_passes_or_fails_is_refused(
    project: TinyProject, gate: str, fault: str
) -> None:
    """If this fails, a percentage for a share makes a gate that lets every model through, unseen."""
    columns = '[tool.ml-pipeline.evaluation]\nslices = ["colour"]\n'
    project.write("pyproject.toml", f"{CONFIG}\n[[tool.ml-pipeline.gates]]\n{gate}\n{columns}")
    assert fault in "\n".join(_faults(project))


def test_a_part_that_asks_the_predictor_has_a_name_of_its_own(project: TinyProject) -> None:
    """If this fails, a gate is judged by the changed rows of another one inside `any`."""
    gate = 'kind = "invariance", column = "weight", values = '
    listed = f"gates = [{{ {gate}[1.0] }}]"
    project.write(
        "pyproject.toml",
        f'{CONFIG}\n[[tool.ml-pipeline.gates]]\nkind = "all"\n{listed}\n'
        f'[[tool.ml-pipeline.gates]]\nkind = "any"\n{listed}\n',
    )
    (fault,) = _faults(project)
    assert "two gates are called 'invariance-weight'" in fault


def test_every_gate_that_cannot_be_judged_is_named_at_once(project: TinyProject) -> None:
    """If this fails, a user mends one gate a run instead of all at once."""
    project.edit("pyproject.toml", "min = 0.7", "min = 70")
    project.edit("pyproject.toml", "margin = 0.05", "margin = 5")
    assert [fault.split(" ")[0] for fault in _faults(project)] == ["gates[0]", "gates[1]"]


def test_a_sealed_holdout_of_numbers_is_told_as_that(project: TinyProject) -> None:
    """If this fails, somebody mends the metric of a section that cannot be there at all."""
    sealed = '[tool.ml-pipeline.sealed]\nmetric = "mae"\nmin = 5.0\n'
    number = CONFIG.replace('task = "classification"', 'task = "regression"')
    project.write("pyproject.toml", f"{number}\n{sealed}")
    assert [fault for fault in _faults(project) if "sealed" in fault] == [
        "sealed: a sealed holdout judges classes: the task is regression"
    ]


@pytest.mark.parametrize("alias", ["team/production", "..", ".production", "", "two words"])
def test_an_alias_is_one_name(project: TinyProject, alias: str) -> None:
    """If this fails, publishing breaks after everything has passed, or leads out of the registry."""
    project.edit("pyproject.toml", 'registry = "registry"', f'registry = "registry"\nalias = "{alias}"')
    (fault,) = _faults(project)
    assert fault.startswith("publish.alias: ")


@pytest.mark.parametrize("kind", sorted(GATES))
def test_what_a_stage_is_handed_of_a_gate_makes_that_gate(project: TinyProject, kind: str) -> None:
    """If this fails, a gate on fairness ends the run of every project that has one on behaviour, too."""
    table = tomllib.loads(page(kind).split("```toml\n")[1].split("```")[0])["tool"]["ml-pipeline"]
    gates = TypeAdapter(list[Gate]).validate_python(table["gates"])
    config = load_config(project.root).config.model_copy(update={"gates": gates})
    handed = json.loads(json.dumps(config.slice(("gates",))))
    assert TypeAdapter(list[Gate]).validate_python(handed["gates"]) == gates
