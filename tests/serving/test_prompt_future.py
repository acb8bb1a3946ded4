"""A future whose waiter goes on at once: in a storm, a turn of the event loop is the reading of hundreds."""

from __future__ import annotations

import asyncio

import pytest

from ml_stages.serving.prompt_future import PromptFuture


async def _waiting(future: PromptFuture[int], seen: list[object]) -> int:
    try:
        seen.append(await future)
    except ValueError as error:
        seen.append(str(error))
    except asyncio.CancelledError:
        seen.append("cancelled")
        raise
    return 7


def _outcome(change: str, *, is_awaited_before: bool = True) -> tuple[list[object], list[object], object]:
    """What the waiter had seen when the change was made, what in the end, and what came of its task."""

    async def run() -> tuple[list[object], list[object], object]:
        future: PromptFuture[int] = PromptFuture()
        seen: list[object] = []
        at_once: list[object] = []

        def make() -> None:
            if change == "result":
                future.set_result(3)
            elif change == "exception":
                future.set_exception(ValueError("thirteen"))
            else:
                task.cancel()
            at_once.extend(seen)

        task = asyncio.get_running_loop().create_task(_waiting(future, seen))
        if is_awaited_before:
            await asyncio.sleep(0)
        asyncio.get_running_loop().call_soon(make)
        (outcome,) = await asyncio.gather(task, return_exceptions=True)
        return at_once, seen, outcome

    return asyncio.run(run())


@pytest.mark.parametrize(("change", "expected"), [("result", 3), ("exception", "thirteen")])
def test_who_waits_goes_on_while_the_answer_is_handed_over(change: str, expected: object) -> None:
    """If this fails, an answer that is there waits until hundreds of other requests were read and refused."""
    assert _outcome(change) == ([expected], [expected], 7)


@pytest.mark.parametrize(("change", "expected"), [("result", 3), ("exception", "thirteen")])
def test_an_answer_that_is_there_before_is_taken(change: str, expected: object) -> None:
    """If this fails, a request whose answer comes first waits for ever."""

    async def run() -> list[object]:
        future: PromptFuture[int] = PromptFuture()
        seen: list[object] = []
        if change == "result":
            future.set_result(3)
        else:
            future.set_exception(ValueError("thirteen"))
        await asyncio.wait_for(_waiting(future, seen), 5)
        return seen

    assert asyncio.run(run()) == [expected]


def test_a_waiter_can_be_cancelled() -> None:
    """If this fails, a server that must stop waits for requests that nobody will answer."""
    at_once, seen, outcome = _outcome("cancel")
    assert (at_once, seen) == ([], ["cancelled"])
    assert isinstance(outcome, asyncio.CancelledError)
