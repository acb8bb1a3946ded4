"""Scales weigh."""

import pandas as pd

from apples import Scale


def test_heavy_is_ripe() -> None:
    assert Scale(10).predict(pd.DataFrame({"weight": [9.0, 11.0]})) == ["no", "yes"]
