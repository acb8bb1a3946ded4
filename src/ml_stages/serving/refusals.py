"""Refuse a few at a time: whoever is accepted waits for no crowd of others to be told no.

Reading a request is cheap beside answering it, even where the answer is a refusal. In a storm, hundreds are
read in one turn of the event loop. Were each refused as it is read, those accepted among them would wait for
all of that; so the refused wait in a queue, of which every turn sends a few.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

_A_TURN = 16
_SHARE = 32
"""Of a very long queue, one in so many is sent in a turn."""
_OF_A_CALL, _REFUSAL_SECONDS = 1 / 3, 35e-6
"""Of the time that a call holds the event loop, what refusing may take; and what one refusal takes."""
_MANY = 64
_RARELY = 4
"""While more than so many wait, one request is accepted in so many turns."""


class Refusable(Protocol):
    """A connection whose request is refused."""

    def send_refusal(self) -> None:
        """Send it now, unless that has been done or nobody is there any more."""


class Refusals:
    """The connections that wait for their refusal; used from one event loop."""

    def __init__(self, turn_seconds: Callable[[], float] = lambda: 0.0) -> None:
        """``turn_seconds`` gives how long a call of the model holds the event loop."""
        self._turn_seconds = turn_seconds
        self._waiting: deque[Refusable] = deque()
        self._turns = 0

    def add(self, connection: Refusable) -> None:
        """Refuse its request soon."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._send)
        self._waiting.append(connection)

    def lets_in(self) -> bool:
        """Whether to accept one more: what time is left is that of the refused, where there are ever more."""
        if len(self._waiting) <= _MANY:
            return True
        if self._turns < _RARELY:
            return False
        self._turns = 0
        return True

    def _send(self) -> None:
        self._turns += 1
        waiting = self._waiting
        beside_a_call = int(_OF_A_CALL * self._turn_seconds() / _REFUSAL_SECONDS)
        for _ in range(min(len(waiting), max(_A_TURN, len(waiting) // _SHARE, beside_a_call))):
            waiting.popleft().send_refusal()
        if waiting:
            asyncio.get_running_loop().call_soon(self._send)
