"""Evaluation of predictions out of files that no stage of ours wrote."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from ml_stages.config.data import DataConfig
from ml_stages.config.sections import EvaluationConfig
from ml_stages.errors import StageError, UsageError
from ml_stages.evaluation.evaluate import EvaluateConfig
from ml_stages.evaluation.files import evaluate_files

CONFIG = EvaluateConfig(
    task="classification",
    data=DataConfig(path="loans.csv", label="approved"),
    evaluation=EvaluationConfig(slices=["region"]),
)


def table(seed: int, rows: int = 300) -> pl.DataFrame:
    truth = (np.random.default_rng(5).random(rows) < 0.4).astype(int)
    score = 1 / (1 + np.exp(-2 * truth + 1 - np.random.default_rng(seed).normal(size=rows)))
    return pl.DataFrame(
        {
            "key": range(rows),
            "label": truth,
            "prediction": (score > 0.5).astype(int),
            "probability": score,
            "region": ["north", "south", "east"] * (rows // 3),
        }
    )


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_both_kinds_of_file_give_the_same_report(tmp_path: Path, suffix: str) -> None:
    """Saving the same predictions in another format would change the verdict."""
    one, other = table(1), table(2)
    for name, content in (("new", one), ("old", other.drop("label"))):
        getattr(content, f"write_{suffix}")(tmp_path / f"{name}.{suffix}")
    report = evaluate_files(tmp_path / f"new.{suffix}", tmp_path / f"old.{suffix}", CONFIG)
    f1, auc = report.metric("f1"), report.metric("roc_auc")
    assert f1 is not None
    assert auc is not None
    assert f1.value == pytest.approx(f1_score(one["label"], one["prediction"]))
    assert auc.value == pytest.approx(roc_auc_score(one["label"], one["probability"]))
    assert report.comparison("roc_auc") is not None
    assert [part.where["region"] for part in report.slices] == ["east", "north", "south"]


def test_a_baseline_on_other_labels_is_an_error(tmp_path: Path) -> None:
    """Two models would be compared on different truths."""
    table(1).write_csv(tmp_path / "new.csv")
    other = table(2).with_columns(label=1 - pl.col("label"))
    other.write_csv(tmp_path / "old.csv")
    with pytest.raises(StageError, match="300 rows have another label"):
        evaluate_files(tmp_path / "new.csv", tmp_path / "old.csv", CONFIG)


def test_one_probability_for_three_classes_is_an_error(tmp_path: Path) -> None:
    """A probability would be taken for that of some class."""
    wide = table(1).with_columns(label=pl.Series([0, 1, 2] * 100))
    wide.write_csv(tmp_path / "new.csv")
    with pytest.raises(StageError, match="positive class's of two"):
        evaluate_files(tmp_path / "new.csv", None, CONFIG)


def test_files_that_cannot_be_read_are_wrong_usage(tmp_path: Path) -> None:
    """A typing mistake in a path would look like a broken pipeline."""
    (tmp_path / "new.json").write_text("{}")
    (tmp_path / "broken.parquet").write_text("no parquet")
    for name in ("none.csv", "new.json", "broken.parquet"):
        with pytest.raises(UsageError, match=name):
            evaluate_files(tmp_path / name, None, CONFIG)


def test_a_file_without_labels_is_an_error(tmp_path: Path) -> None:
    """Nothing could be judged, and the reason would be a traceback."""
    table(1).drop("label").write_csv(tmp_path / "new.csv")
    with pytest.raises(StageError, match="'label' is missing"):
        evaluate_files(tmp_path / "new.csv", None, CONFIG)
