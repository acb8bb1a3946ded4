"""Holm's procedure, beside that of statsmodels."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from ml_stages.holm import holm, rejected


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_it_is_that_of_statsmodels(p_values: list[float]) -> None:
    """If this fails, of many equal slices or columns some is called worse, or moved, in most runs."""
    is_rejected, corrected, *_ = multipletests(p_values, 0.025, method="holm")
    assert holm(p_values) == pytest.approx(corrected)
    assert rejected(p_values, 0.025) == is_rejected.tolist()


def test_without_a_test_there_is_nothing_to_correct() -> None:
    """If this fails, a table without a column that can be compared ends in a traceback."""
    assert holm([]) == []
