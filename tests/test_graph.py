"""The order of stages follows from what they read and write."""

from __future__ import annotations

import itertools

import pytest

from ml_stages.cli import main
from ml_stages.config.config import Config
from ml_stages.config.load import load_config
from ml_stages.config.timeouts import Timeouts
from ml_stages.graph import dependencies, needed_for, order
from ml_stages.plan import plan_text
from ml_stages.stages import GIVEN, STAGES, Environment, Stage
from tests.projects import TinyProject


def _stage(name: str, reads: tuple[str, ...] = (), writes: tuple[str, ...] = ()) -> Stage:
    return Stage(name=name, environment=Environment.PIPELINE, module="m", reads=reads, writes=writes)


def test_every_stage_comes_after_what_it_needs() -> None:
    """If this fails, a stage runs before its inputs exist."""
    position = {stage.name: index for index, stage in enumerate(order())}
    for name, waits in dependencies().items():
        assert all(position[earlier] < position[name] for earlier in waits)


def test_order_does_not_depend_on_the_order_of_rows() -> None:
    """If this fails, a new row must be put at the right place in the table."""
    rows = [_stage("a", writes=("x",)), _stage("b", ("x",), ("y",)), _stage("c", ("y",))]
    for shuffled in itertools.permutations(rows):
        assert [stage.name for stage in order(shuffled)] == ["a", "b", "c"]


def test_training_never_sees_the_holdout() -> None:
    """If this fails, a model can be trained on the rows that judge it."""
    train = next(stage for stage in STAGES if stage.name == "train")
    assert set(train.reads) | set(train.optional) == {"code", "train-set"}


def test_training_does_not_depend_on_gates() -> None:
    """If this fails, an edited threshold retrains."""
    train = next(stage for stage in STAGES if stage.name == "train")
    assert "gates" not in train.config


def test_needed_for_is_transitive() -> None:
    """If this fails, `--until predict` lacks the training."""
    assert needed_for("predict") == {"fetch-data", "split", "data-validate", "train", "predict"}


def test_an_artifact_without_a_maker_is_refused() -> None:
    """If this fails, a row with a typing error waits forever."""
    with pytest.raises(ValueError, match="nothing writes"):
        dependencies([_stage("a", reads=("nowhere",))])


def test_an_artifact_with_two_makers_is_refused() -> None:
    """If this fails, one of two results is silently lost."""
    with pytest.raises(ValueError, match="more than one"):
        dependencies([_stage("a", writes=("x",)), _stage("b", writes=("x",))])


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_rows_name_what_exists(stage: Stage) -> None:
    """If this fails, a stage is handed nothing where its row names a section or a time-out."""
    for section, _, key in (name.partition(".") for name in stage.config):
        model = Config.model_fields[section].annotation
        assert not key or (isinstance(model, type) and key in getattr(model, "model_fields", {}))
    assert stage.environment is Environment.CORE or Timeouts().of(stage.name)
    assert not set(stage.writes) & set(GIVEN)


def test_every_stage_says_what_it_is_for(capsys: pytest.CaptureFixture[str]) -> None:
    """`run perturb and what it needs` tells nobody what the command is good for."""
    assert all(stage.does for stage in STAGES)
    assert len({stage.does for stage in STAGES}) == len(STAGES)
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "or test a server that runs already (probe URL)" in shown


def test_a_plan_names_what_a_stage_waits_for_last(project: TinyProject) -> None:
    """If this fails, the plan is wider than any terminal, or names no reason to wait."""
    lines = {line.split()[1]: line for line in plan_text(load_config(project.root).config).splitlines()}
    assert max(map(len, lines.values())) < 140
    assert lines["verdict"].endswith("  evaluate-gate, probe")
    assert lines["train"].endswith(" split")
