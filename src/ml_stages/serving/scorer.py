"""Ask the model for many requests at a time: one queue, natural batches.

While the model answers, requests queue up; as soon as it is free, all that wait (up to a number that
keeps the call short) are one call. Nothing ever waits for a batch to fill, so a lone request costs no
delay. A model that answers in a few milliseconds is called on the event loop itself, between reading
requests and writing answers, and at once for a request that is alone in the server; a slower one in a thread
of its own.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from ml_stages.model.answers import Answers, spread
from ml_stages.serving.admission import Admission, overload_fault
from ml_stages.serving.backend import Backend
from ml_stages.serving.features import Columns
from ml_stages.serving.metrics import Metrics
from ml_stages.serving.prompt_future import PromptFuture

_Outcome = Answers | Exception


@dataclass(frozen=True, slots=True, eq=False)
class Work:
    """One request that waits for the model."""

    columns: Columns
    rows: int
    answers: PromptFuture[Answers]
    since: float
    """When it began to wait, by the monotonic clock: the event loop's own stands still for a whole turn."""

    def finish(self, outcome: _Outcome) -> None:
        """Hand over the outcome, unless nobody waits for it any more."""
        if self.answers.done():
            return
        if isinstance(outcome, Exception):
            self.answers.set_exception(outcome)
        else:
            self.answers.set_result(outcome)


class Scorer:
    """The queue in front of the model; used from one event loop."""

    def __init__(self, backend: Backend, metrics: Metrics, admission: Admission) -> None:
        self._backend = backend
        self._metrics = metrics
        self._admission = admission
        self._waiting: deque[Work] = deque()
        self._thread = ThreadPoolExecutor(1, "model", backend.enter_thread)
        self._is_busy = False

    async def score(self, columns: Columns, rows: int, *, is_alone: bool = False) -> Answers:
        """Wait for the model's answers; raises whatever the model raised.

        ``is_alone`` says that there is no other request in the server that could share the call. It is called
        at once then, and also under overload where calls are not shared.
        """
        admission = self._admission
        shares_nothing = is_alone or (admission.is_overloaded and admission.batch == 1)
        if shares_nothing and not self._is_busy and admission.is_inline(rows):
            return self._score_now(columns, rows)
        loop = asyncio.get_running_loop()
        work = Work(columns, rows, PromptFuture(loop=loop), time.monotonic())
        self._waiting.append(work)
        if not self._is_busy:
            self._is_busy = True
            # After what else is ready now: requests that came together share the call.
            loop.call_soon(self._start, loop)
        return await work.answers

    def _score_now(self, columns: Columns, rows: int) -> Answers:
        """The call without the queue: two turns of the event loop less."""
        started = time.perf_counter()
        try:
            return self._backend.answer(columns, rows)
        finally:
            self._count(1, rows, time.perf_counter() - started)

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        batch = self._next_batch()
        self._is_busy = bool(batch)
        if not batch:
            return
        if self._admission.is_inline(sum(work.rows for work in batch)):
            self._hand_out(batch, self._answer(batch))
            self._is_busy = bool(self._waiting)
            if self._is_busy:
                loop.call_soon(self._start, loop)
        else:
            running = self._thread.submit(self._answer, batch)
            running.add_done_callback(lambda done: loop.call_soon_threadsafe(self._finish, loop, batch, done))

    def _next_batch(self) -> list[Work]:
        batch: list[Work] = []
        admission = self._admission
        latest = time.monotonic() - admission.patience if admission.is_overloaded else 0.0
        while self._waiting and len(batch) < admission.batch:
            work = self._waiting.popleft()
            if work.answers.done():
                continue  # nobody waits any more
            if work.since < latest:
                admission.refuse()
                work.finish(overload_fault())
            else:
                batch.append(work)
        return batch

    def _finish(
        self,
        loop: asyncio.AbstractEventLoop,
        batch: Sequence[Work],
        done: Future[tuple[list[_Outcome], float]],
    ) -> None:
        # The model's thread goes on with the next batch while this one's answers are written.
        self._start(loop)
        self._hand_out(batch, done.result())

    def _hand_out(self, batch: Sequence[Work], answered: tuple[list[_Outcome], float]) -> None:
        outcomes, seconds = answered
        self._count(len(batch), sum(work.rows for work in batch), seconds)
        for work, outcome in zip(batch, outcomes, strict=True):
            work.finish(outcome)

    def _count(self, requests: int, rows: int, seconds: float) -> None:
        self._metrics.add("batches")
        self._metrics.add("rows", rows)
        self._admission.saw(requests, rows, seconds)

    def _answer(self, batch: Sequence[Work]) -> tuple[list[_Outcome], float]:
        """One call for all; when it fails, one call each, so that a bad request fails alone."""
        started = time.perf_counter()
        if len(batch) > 1:
            try:
                return self._answer_together(batch), time.perf_counter() - started
            except Exception:  # noqa: BLE001, S110 - each is asked alone below, and says it again
                pass
        return [self._answer_alone(work) for work in batch], time.perf_counter() - started

    def _answer_together(self, batch: Sequence[Work]) -> list[_Outcome]:
        sizes = [work.rows for work in batch]
        joined = {
            name: [value for work in batch for value in work.columns[name]] for name in batch[0].columns
        }
        return list(spread(self._backend.answer(joined, sum(sizes)), sizes))

    def _answer_alone(self, work: Work) -> _Outcome:
        try:
            return self._backend.answer(work.columns, work.rows)
        except Exception as error:  # noqa: BLE001 - whatever the project's code raises
            return error
