"""A future whose waiter goes on while it is given its result, and not a turn of the event loop later.

Between two turns the loop reads whatever came, in a storm hundreds of requests that are to be refused: an
answer that is there would lie for as long as all of them take.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context
from typing import Any, TypeVar

T = TypeVar("T")


class PromptFuture(asyncio.Future[T]):
    """To be awaited by one task; its result is to be set while no task runs, as in a callback of the loop."""

    _waiter: tuple[Callable[[Any], object], Context | None] | None = None

    def add_done_callback(self, fn: Callable[[Any], object], /, *, context: Context | None = None) -> None:
        """What is done when there is a result: here the task that awaits it goes on."""
        if self.done():
            super().add_done_callback(fn, context=context)
        else:
            self._waiter = fn, context

    def set_result(self, result: T, /) -> None:
        super().set_result(result)
        self._go_on()

    def set_exception(self, exception: type | BaseException, /) -> None:
        super().set_exception(exception)
        self._go_on()

    def cancel(self, msg: Any | None = None) -> bool:
        """Cancel as any future is: whoever cancels may be a task."""
        is_cancelled = super().cancel(msg)
        if is_cancelled and self._waiter is not None:
            fn, context = self._waiter
            self.get_loop().call_soon(fn, self, context=context)
        return is_cancelled

    def _go_on(self) -> None:
        if self._waiter is None:
            return
        fn, context = self._waiter
        if context is None:
            fn(self)
        else:
            context.run(fn, self)
