"""What is accepted and what is refused, as the model's calls become known."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

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


def _fill(admission: Admission) -> int:
    """Requests that are accepted until it is full."""
    accepted = 0
    while not admission.is_full():
        admission.enter()
        accepted += 1
    return accepted


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
    usual = _fill(admission)
    # Before it is an overload, a burst may wait for two calls too, or for what is answered at a glance.
    call = fixed + (each + 150e-6) * admission.batch
    assert usual * call / admission.batch <= max(0.02, 2.1 * call)
    for _ in range(usual):
        admission.leave()
        admission.refuse()
    assert admission.is_overloaded
    assert _fill(admission) <= 2 * admission.batch
    assert 2 * (fixed + each * admission.batch) <= 3 * (fixed + each) + 0.002


def test_a_storm_after_a_busy_time_is_seen_at_once() -> None:
    """If this fails, the calm before a storm hides it for as long, and all that time everybody waits."""
    admission = _admission(0.0001, 0.00001)
    for _ in range(900):
        admission.enter()
        admission.leave()
    _fill(admission)
    for _ in range(25):
        admission.refuse()
    assert admission.is_overloaded


def test_a_refusal_now_and_then_is_no_storm() -> None:
    """If this fails, a crowded server takes every crowd for a storm, and refuses far more than it must."""
    admission = _admission(0.0001, 0.00001)
    for _ in range(300):
        for _ in range(3):
            admission.enter()
            admission.leave()
        admission.refuse()
    assert not admission.is_overloaded


def test_a_handful_that_asks_again_at_once_ends_a_storm() -> None:
    """If this fails, two clients that do not wait when they are refused stay refused after a storm."""
    admission = _admission(0.0, 0.02)
    admission.connections = range(300)
    for _ in range(25):
        admission.refuse()
    assert admission.is_overloaded
    assert _fill(admission) < 4
    admission.connections = range(16)
    assert not admission.is_full()
    assert not admission.is_overloaded
    assert _fill(admission) > 12


def test_what_was_read_in_this_turn_counts() -> None:
    """If this fails, hundreds are read in one turn of the event loop while there is room for two."""
    admission = _admission(0.0001, 0.00001)
    usual = _fill(admission)
    for _ in range(usual):
        admission.leave()
    admission.expected = usual
    assert admission.is_full()
    admission.forget_expected()
    assert not admission.is_full()


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


@dataclass
class Queue:
    """One model behind an admission, in a time of its own: what the scorer does, without threads."""

    fixed: float
    each: float
    hidden: float = 0.0
    """Seconds a request that the model's calls do not show: a machine that is busy with other things."""
    now: float = 0.0
    free_at: float = 0.0
    waiting: list[float] = field(default_factory=list)
    running: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)
    refused: int = 0

    def __post_init__(self) -> None:
        self.admission = Admission(Cost(), MetricsMemory(1).worker(0), clock=lambda: self.now)
        self.draw = random.Random(3)

    def arrive(self, now: float) -> bool:
        self.advance(now)
        if self.admission.is_full():
            self._refuse()
            return False
        self.admission.enter()
        self.waiting.append(now)
        self._start()
        return True

    def advance(self, now: float) -> None:
        """Let calls end and begin until then."""
        while self.running and self.free_at <= now:
            self.now = self.free_at
            self.answered += [self.now - since for since in self.running]
            count = len(self.running)
            self.running = []
            self.admission.saw(count, count, self.seconds)
            for since in self.answered[-count:]:
                self.admission.leave(since)
            self._start()
        self.now = now

    def _start(self) -> None:
        admission = self.admission
        while self.waiting and not self.running:
            part, self.waiting = self.waiting[: admission.batch], self.waiting[admission.batch :]
            latest = self.now - admission.patience if admission.is_overloaded else 0.0
            self.running = [since for since in part if since >= latest]
            for _ in range(len(part) - len(self.running)):
                self._refuse()
                admission.leave()
        if self.running and self.free_at <= self.now:
            noise = self.draw.lognormvariate(0, 0.15)
            self.seconds = (self.fixed + self.each * len(self.running)) * noise
            self.free_at = self.now + self.seconds + self.hidden * len(self.running)

    def _refuse(self) -> None:
        self.refused += 1
        self.admission.refuse()


def _p99(values: list[float]) -> float:
    return sorted(values)[int(0.99 * len(values))]


def _storm(queue: Queue, rate: float, seconds: float) -> None:
    until = queue.now + seconds
    due = queue.now
    while due < until:
        queue.arrive(due)
        due += queue.draw.expovariate(rate)
    queue.advance(until + 10)


@pytest.mark.parametrize(("fixed", "each"), [(0.001, 0.009), (0.02, 0.0005), (0.0, 0.05), (0.05, 0.01)])
def test_five_times_the_capacity_keeps_the_accepted_quick(fixed: float, each: float) -> None:
    """If this fails, an overloaded server answers late whatever it answers, or next to nothing."""
    queue = Queue(fixed, each)
    _storm(queue, 0.1 / (fixed + each), 3000 * (fixed + each))
    assert queue.refused == 0
    calm, queue.answered = _p99(queue.answered), []
    # The capacity is that of the largest batches that keep the time: what more would be gained costs latency.
    request = each + 150e-6  # what HTTP costs counts too
    batch = max(1, int((0.5 * fixed + 1.5 * request) / request))
    capacity = batch / (fixed + each * batch)
    _storm(queue, 5 * capacity, 3000 / capacity)
    assert _p99(queue.answered) <= 3 * calm
    assert len(queue.answered) >= 0.7 * 3000
    assert queue.refused > 3 * len(queue.answered)


def test_what_answering_costs_besides_the_model_is_found_out() -> None:
    """If this fails, a busy machine makes the server accept far more than it can answer in time."""
    queue = Queue(0.02, 0.0001, hidden=0.004)
    _storm(queue, 5, 60)
    calm = _p99(queue.answered)
    _storm(queue, 1500, 10)
    queue.answered = []
    _storm(queue, 1500, 20)
    assert queue.admission.is_overloaded
    assert _p99(queue.answered) <= 4 * calm
    assert len(queue.answered) > 20 * 80


def test_sixteen_patient_clients_are_never_refused() -> None:
    """If this fails, clients that wait for their answers are taken for a storm."""
    queue = Queue(0.001, 0.02)
    for round_ in range(200):
        for _ in range(16):
            assert queue.arrive(round_ * 1.0)
        queue.advance((round_ + 1) * 1.0)
    assert queue.refused == 0


def test_a_pause_of_the_machine_is_no_overload() -> None:
    """If this fails, a server of a quick model refuses what came while something else had the processor."""
    queue = Queue(0.0001, 0.00005)
    _storm(queue, 500, 2)
    queue.advance(queue.now + 1)
    assert all(queue.arrive(queue.now) for _ in range(40))
    assert not queue.admission.is_overloaded


def test_a_storm_that_is_over_is_forgotten() -> None:
    """If this fails, a server that was overloaded once refuses ordinary concurrency ever after."""
    queue = Queue(0.0, 0.01)
    _storm(queue, 500, 3)
    assert queue.admission.is_overloaded
    _storm(queue, 20, 5)
    assert not queue.admission.is_overloaded
    refused = queue.refused
    assert all(queue.arrive(queue.now) for _ in range(16))
    assert queue.refused == refused


@pytest.mark.parametrize(
    ("fixed", "refused_a_second", "is_inline"),
    [(0.002, 5000, True), (0.008, 5000, True), (0.05, 5000, False), (0.002, 200, True), (0.008, 200, False)],
)
def test_calls_of_some_milliseconds_hold_the_loop_where_it_is_busy_refusing(
    fixed: float, refused_a_second: float, is_inline: bool
) -> None:
    """If this fails, a storm slows each call to a crawl, or the refused wait for calls without any need."""
    now = [0.0]
    admission = Admission(Cost(), MetricsMemory(1).worker(0), clock=lambda: now[0])
    for call in range(100):
        requests = 1 + call % 4
        admission.saw(requests, requests, fixed + 0.00002 * requests)
    assert admission.is_inline(1) == (fixed < 0.005)
    now[0] += 60
    while not admission.is_overloaded:
        now[0] += 1 / refused_a_second
        admission.refuse()
    assert admission.is_inline(1) == is_inline
    assert (admission.turn_seconds > 0) == is_inline
    # A call that runs on the loop lets nobody in meanwhile: there is room for the next one alone.
    assert _fill(admission) == admission.batch * (1 if is_inline else 2)
