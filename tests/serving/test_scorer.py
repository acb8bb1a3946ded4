"""Batches that form by themselves, and the answers that come out of them."""

from __future__ import annotations

import asyncio
import time

import pytest

from ml_stages.model.answers import Answers, make_answers
from ml_stages.serving.admission import Admission
from ml_stages.serving.cost import Cost
from ml_stages.serving.features import Columns
from ml_stages.serving.metrics import MetricsMemory
from ml_stages.serving.scorer import Scorer


class Doubling:
    """A backend that remembers its calls; refuses 13."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.calls: list[int] = []

    def enter_thread(self) -> None:
        pass

    def answer(self, columns: Columns, rows: int) -> Answers:
        self.calls.append(rows)
        time.sleep(self.seconds)
        if 13 in columns["x"]:
            raise ValueError("thirteen")
        return make_answers(rows, [2 * value for value in columns["x"]])


def _scorer(backend: Doubling, cost: Cost | None = None) -> tuple[Scorer, MetricsMemory]:
    memory = MetricsMemory(1)
    metrics = memory.worker(0)
    return Scorer(backend, metrics, Admission(cost or Cost(), metrics)), memory


def _known(seconds: float) -> Cost:
    """What calls of one row cost, by no clock: a pause of the machine would count as theirs."""
    cost = Cost()
    for _ in range(10):
        cost.learn(1, seconds)
    return cost


def _ask(scorer: Scorer, *tables: list[int]) -> list[list[object] | str]:
    async def one(table: list[int]) -> list[object] | str:
        try:
            return list((await scorer.score({"x": table}, len(table))).predictions)
        except ValueError as error:
            return str(error)

    async def everyone() -> list[list[object] | str]:
        return await asyncio.gather(*map(one, tables))

    return asyncio.run(everyone())


@pytest.mark.parametrize("seconds", [0.0, 0.02])
def test_requests_that_come_together_are_one_call(seconds: float) -> None:
    """If this fails, a model is asked once a request although requests could share a call."""
    backend = Doubling(seconds)
    scorer, memory = _scorer(backend, _known(seconds))
    tables = [[number] * (1 + number % 3) for number in range(10)]
    assert _ask(scorer, *tables) == [[2 * value for value in table] for table in tables]
    assert len(backend.calls) < 10 if seconds else backend.calls == [sum(map(len, tables))]
    assert memory.totals()["rows"] == sum(map(len, tables))


def test_a_bad_request_fails_alone() -> None:
    """If this fails, one client's bad value fails the requests of all that came with it."""
    scorer, _ = _scorer(Doubling(0))
    assert _ask(scorer, [1], [13], [3, 4]) == [[2], "thirteen", [6, 8]]
