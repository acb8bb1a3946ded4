"""Whether a published model may have been trained on rows of today's holdout."""

from __future__ import annotations

from typing import Any

import pytest

from ml_stages.config.config import Config
from ml_stages.config.data import split_digest
from ml_stages.stages import SPLIT_KEYS

BY_TIME = {"method": "time", "column": "day"}


def _config(since: str | None, cluster: str | None = None, **data: Any) -> Config:
    split = BY_TIME if since is None else {**BY_TIME, "since": since}
    return Config.model_validate(
        {
            "name": "sales",
            "task": "regression",
            "data": {"path": "sales.csv", "label": "sold", "split": split, **data},
            "evaluation": {"cluster": cluster},
            "train": {"command": "python train.py {train} {model}"},
        }
    )


@pytest.mark.parametrize(
    ("today", "then", "apart"),
    [
        (_config("2026-06-01"), _config("2026-06-01"), True),
        (_config("2026-07-01"), _config("2026-06-01"), True),
        (_config("2026-07-01T06:00:00+02:00"), _config("2026-06-30T06:00:00+00:00"), True),
        (_config("2026-05-01"), _config("2026-06-01"), False),
        (_config("2026-07-01"), _config(None), False),
        (_config(None), _config("2026-06-01"), False),
        (_config("2026-07-01", key=["shop"]), _config("2026-06-01"), False),
        (_config("2026-07-01", cluster="shop"), _config("2026-06-01", cluster="shop"), False),
        (_config("2026-07-01T06:00:00"), _config("2026-06-30T06:00:00+00:00"), False),
    ],
    ids=[
        "same",
        "later",
        "later-with-offset",
        "earlier",
        "from-a-share",
        "to-a-share",
        "another-key",
        "groups",
        "unlike",
    ],
)
def test_a_holdout_that_begins_later_was_in_no_earlier_train_set(
    today: Config, then: Config, apart: bool
) -> None:
    """If this fails, who moves the holdout on each month is told each time that the baseline knows it."""
    published = split_digest(**then.slice(SPLIT_KEYS))
    assert today.holds_out_after(published, then.data.split.since or "") == apart
