"""What a sample cannot show, since none of it was drawn."""

from __future__ import annotations

import pytest

from ml_stages.evaluation.shares import clopper_pearson
from ml_stages.evaluation.unseen_share import beside, unseen_share


@pytest.mark.parametrize("drawn", [1, 5, 25, 1_000, 10**7])
def test_a_share_of_which_nothing_was_drawn_is_the_exact_interval_of_no_hits(drawn: int) -> None:
    """A kind of rows that one sample in five misses would be said not to exist."""
    assert unseen_share(drawn, 0.025) == pytest.approx(clopper_pearson(0, drawn, 0.95)[1])


@pytest.mark.parametrize("half", [0.0, 1e-200, 0.3, 1e200])
def test_a_half_width_stays_as_it_is_where_nothing_is_hidden(half: float) -> None:
    """Numbers of any size would come out changed, as nothing, or end in a traceback."""
    assert beside(half, 0.0) == half
    assert beside(0.0, half) == half
    assert half <= beside(half, half) <= 1.2 * half
