"""Training learns what there is to learn, and gives the same model again."""

import sys
from pathlib import Path

import pandas as pd
import pytest
import torch

from loans.features import labels
from loans.model import Network, Settings, evaluate, fit
from loans.predictor import DESCRIPTION, WEIGHTS, load
from train import folds, main, train

FAST = Settings(epochs=10, learning_rate=0.02, batch=64)


def test_the_folds_leave_each_row_out_once_a_repeat() -> None:
    targets = torch.tensor([0.0] * 10 + [1.0] * 90)
    masks = torch.stack(list(folds(targets, repeats=2)))
    assert masks[:5].sum(dim=0).eq(1).all()
    assert masks[5:].sum(dim=0).eq(1).all()
    assert masks[:, targets == 0].sum(dim=1).eq(2).all()


def test_training_finds_the_denied(applications: pd.DataFrame) -> None:
    predictor = train(applications, repeats=1, seed=0, settings=FAST)
    approved = predictor.predict_proba(applications)[:, 1]
    truth = labels(applications) == 1
    assert approved[truth].mean() > approved[~truth].mean() + 0.1


def test_the_best_weights_are_kept() -> None:
    torch.manual_seed(0)
    rows = torch.randn(200, 4, dtype=torch.float64)
    noise = torch.randint(2, (200,)).double()
    network = Network(4, FAST)
    settings = Settings(dropout=0, weight_decay=0, patience=5)
    result = fit(network, (rows[:100], noise[:100]), (rows[100:], noise[100:]), settings)
    assert result.epochs == result.best_epoch + settings.patience
    assert evaluate(network, rows[100:], noise[100:]) == result.validation_loss


def test_the_same_seed_gives_the_same_model(applications: pd.DataFrame, tmp_path: Path) -> None:
    stored = []
    for name, seed in (("first", 3), ("again", 3), ("other", 4)):
        train(applications, repeats=1, seed=seed, settings=FAST).save(tmp_path / name)
        stored.append([(tmp_path / name / file).read_bytes() for file in (WEIGHTS, DESCRIPTION)])
    assert stored[0] == stored[1]
    assert stored[0][0] != stored[2][0]


def test_the_command_stores_a_model_that_answers(
    applications: pd.DataFrame,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data, folder = tmp_path / "train.csv", tmp_path / "model"
    applications.head(60).to_csv(data, index=False)
    monkeypatch.setattr(
        sys, "argv", ["train.py", "--data", str(data), "--model", str(folder), "--repeats", "1"]
    )
    main()
    assert "60 applications" in capsys.readouterr().out
    assert set(load(folder).predict(applications)) <= {"no", "yes"}
