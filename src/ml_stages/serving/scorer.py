"""Ask the model for many requests at a time: one thread, one queue, natural batches.

While the model answers, requests queue up; as soon as it is free, all that wait (up to a number of
rows) are one call. Nothing ever waits for a batch to fill, so a lone request costs no delay.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from ml_stages.model.answers import Answers, spread
from ml_stages.serving.backend import Backend
from ml_stages.serving.fault import RequestFault
from ml_stages.serving.features import Columns
from ml_stages.serving.metrics import Metrics

_RETRY_SECONDS = b"1"


@dataclass(frozen=True, slots=True, eq=False)
class Work:
    """One request that waits for the model."""

    columns: Columns
    rows: int
    answers: asyncio.Future[Answers]


class Scorer:
    """The model's thread and the queue in front of it; used from one event loop."""

    def __init__(self, backend: Backend, metrics: Metrics, max_queue: int, batch_rows: int = 64) -> None:
        self._backend = backend
        self._metrics = metrics
        self._max_queue = max_queue
        self._batch_rows = batch_rows
        self._waiting: deque[Work] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._busy = False

    async def score(self, columns: Columns, rows: int) -> Answers:
        """Wait for the model's answers.

        Raises :class:`RequestFault` (503 with Retry-After) when too many requests wait already, and
        whatever the model raised.
        """
        if len(self._waiting) >= self._max_queue:
            raise RequestFault(
                503,
                "overloaded",
                "too many requests wait for the model; try again later",
                headers=((b"retry-after", _RETRY_SECONDS),),
            )
        loop = asyncio.get_running_loop()
        work = Work(columns, rows, loop.create_future())
        self._waiting.append(work)
        if not self._busy:
            self._start(loop)
        return await work.answers

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        batch = self._next_batch()
        self._busy = bool(batch)
        if batch:
            running = self._thread.submit(self._answer, batch)
            running.add_done_callback(lambda done: loop.call_soon_threadsafe(self._finish, loop, batch, done))

    def _next_batch(self) -> list[Work]:
        batch: list[Work] = []
        rows = 0
        while self._waiting and (not batch or rows + self._waiting[0].rows <= self._batch_rows):
            work = self._waiting.popleft()
            if not work.answers.done():  # else nobody waits any more
                batch.append(work)
                rows += work.rows
        return batch

    def _finish(
        self, loop: asyncio.AbstractEventLoop, batch: Sequence[Work], done: Future[list[Answers | Exception]]
    ) -> None:
        # The model's thread goes on with the next batch while this one's answers are written.
        self._start(loop)
        for work, answers in zip(batch, done.result(), strict=True):
            if work.answers.done():
                continue
            if isinstance(answers, Exception):
                work.answers.set_exception(answers)
            else:
                work.answers.set_result(answers)

    def _answer(self, batch: Sequence[Work]) -> list[Answers | Exception]:
        """One call for all; when it fails, one call each, so that a bad request fails alone."""
        if len(batch) > 1:
            try:
                return self._answer_together(batch)
            except Exception:  # noqa: BLE001, S110 - each is asked alone below, and says it again
                pass
        return [self._answer_alone(work) for work in batch]

    def _answer_together(self, batch: Sequence[Work]) -> list[Answers | Exception]:
        sizes = [work.rows for work in batch]
        joined = {
            name: [value for work in batch for value in work.columns[name]] for name in batch[0].columns
        }
        answers = self._backend.answer(joined, sum(sizes))
        self._count(sum(sizes))
        return list(spread(answers, sizes))

    def _answer_alone(self, work: Work) -> Answers | Exception:
        try:
            answers = self._backend.answer(work.columns, work.rows)
        except Exception as error:  # noqa: BLE001 - whatever the project's code raises
            return error
        self._count(work.rows)
        return answers

    def _count(self, rows: int) -> None:
        self._metrics.add("batches")
        self._metrics.add("rows", rows)
