"""What is accepted and what is refused, as the model's calls become known."""

from __future__ import annotations

import numpy as np
import pytest

from ml_stages.serving.admission import Admission
from ml_stages.serving.cost import Cost
from ml_stages.serving.metrics import MetricsMemory


def _admission(fixed: float, each: float, max_wait: float | None = None) -> Admission:
    """After a hundred calls of a model that costs ``fixed + each * rows``."""
    admission = Admission(Cost(), MetricsMemory(1).worker(0), max_wait)
    for call in range(100):
        requests = 1 + call % max(1, min(4, admission.batch))
        admission.saw(requests, requests, fixed + each * requests)
    return admission


def test_cost_finds_the_line() -> None:
    """If this fails, the server does not know how long a batch will take."""
    cost = Cost()
    calls = [(rows, 0.002 + 0.0001 * rows) for rows in [1, 5, 2, 40, 3, 8, 1, 1, 17, 4]]
    for call in calls:
        cost.learn(*call)
    rows, seconds = np.array(calls[3:]).T
    slope, fixed = np.polyfit(rows, seconds, 1)
    assert cost.of(10) == pytest.approx(fixed + slope * 10)


def test_cost_is_not_misled_by_one_slow_call() -> None:
    """If this fails, one pause of the machine makes the server refuse everybody."""
    cost = Cost()
    for _ in range(50):
        cost.learn(1, 0.001)
    cost.learn(1, 3.0)
    assert cost.of(1) < 0.0015


@pytest.mark.parametrize(("fixed", "each"), [(0.0, 0.0), (0.001, 0.00002), (0.0, 0.002), (0.0, 0.3)])
def test_sixteen_clients_are_never_too_many(fixed: float, each: float) -> None:
    """If this fails, ordinary concurrency is refused."""
    admission = _admission(fixed, each)
    for _ in range(16):
        admission.enter()
    assert not admission.is_full()


@pytest.mark.parametrize(("fixed", "each"), [(0.02, 0.0001), (0.05, 0.0001), (0.1, 0.001), (0.004, 0.0)])
def test_accepted_requests_take_about_three_times_the_time_of_one(fixed: float, each: float) -> None:
    """If this fails, requests queue up under overload until nobody is answered in time."""
    admission = _admission(fixed, each)
    accepted = 0
    while not admission.is_full():
        admission.enter()
        accepted += 1
    assert accepted <= 2 * admission.batch
    assert 2 * (fixed + each * admission.batch) <= 3 * (fixed + each) + 0.002


def test_a_model_that_gains_nothing_from_batches_gets_small_ones() -> None:
    """If this fails, a request waits for others that it shares nothing with."""
    assert _admission(0.0, 0.02).batch == 1
    assert _admission(0.02, 0.0001).batch >= 16


def test_a_longer_wait_can_be_chosen() -> None:
    """If this fails, whoever would rather wait than be refused has no way to say so."""
    admission = _admission(0.0, 0.02, max_wait=1.0)
    for _ in range(30):
        admission.enter()
    assert not admission.is_full()


def test_who_leaves_makes_room() -> None:
    """If this fails, a server that was full once refuses for ever."""
    admission = _admission(0.0, 0.2)
    while not admission.is_full():
        admission.enter()
    admission.leave()
    assert not admission.is_full()
