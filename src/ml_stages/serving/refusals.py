"""Refuse a few at a time: whoever is accepted waits for no crowd of others to be told no.

Reading a request is cheap beside answering it, even where the answer is a refusal. In a storm, hundreds are
read in one turn of the event loop. Were each refused as it is read, those accepted among them would wait for
all of that; so the refused wait in a queue, of which every turn sends a few.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from ml_stages.serving.admission import Admission
from ml_stages.serving.arrival import seconds_since_arrival
from ml_stages.serving.metrics import Metrics
from ml_stages.serving.whole_request import head_of_whole_request

_A_TURN = 16
_SHARE = 32
"""Of a very long queue, one in so many is sent in a turn."""
_OF_A_CALL, _REFUSAL_SECONDS = 1 / 3, 35e-6
"""Of the time that a call holds the event loop, what refusing may take; and what one refusal takes."""
_MANY = 64
_A_TURN_APART, _MOST_APART = 8, 64
"""While more than `_MANY` wait, one request is accepted in some turns: in one more for so many that wait, up
to so many. One that is accepted takes as long as ten refusals, and after a pause those must catch up."""


class Refusals:
    """The connections that wait for their refusal; used from one event loop."""

    def __init__(
        self,
        admission: Admission,
        metrics: Metrics,
        beginnings: tuple[bytes, ...],
        answers: Callable[[], Sequence[bytes]],
    ) -> None:
        """``beginnings`` are those of scoring requests; ``answers`` gives what to send to each kind."""
        self._admission = admission
        self._metrics = metrics
        self._beginnings = beginnings
        self._answers = answers
        self._waiting: deque[Refused] = deque()
        self._left = 0
        """How many of those that wait were counted as refused."""
        self._turns = 0
        self._is_shut = False
        """Whether this turn of the event loop is none in which somebody is let in."""

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def add(self, connection: Refused) -> None:
        """Refuse its request soon."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._send)
        connection.waits = True
        self._waiting.append(connection)

    def kind_of(self, head: bytes) -> int:
        """Which kind of scoring request this is the head of; -1 for none."""
        found = (kind for kind, beginning in enumerate(self._beginnings) if head.startswith(beginning))
        return next(found, -1)

    def add_another(self, connection: Refused) -> bool:
        """Refuse its next request soon, if that must be; returns whether it must."""
        must = self._is_shut or self._admission.is_full()
        if must:
            self.add(connection)
        return must

    def lets_in(self, transport: asyncio.BaseTransport) -> bool:
        """Whether to accept one more under overload; what is left of the turn is for others if not.

        Where ever more wait, what time is left is theirs. And who waited long before being read, since the
        machine stood still, cannot be answered in time any more; others just came.
        """
        is_crowded = len(self._waiting) > _MANY
        if is_crowded and self._turns < self._apart():
            return False
        is_fresh = seconds_since_arrival(transport) <= self._admission.patience
        if is_fresh and is_crowded:
            self._turns = 0
        if is_crowded or (self._waiting and not is_fresh):
            self._is_shut = True  # for what else is read in this turn
        return is_fresh

    def send_now(self, connection: Refused) -> None:
        """Refuse its request before its turn, where one waits for that."""
        if connection.waits:
            connection.send(self._answers(), asyncio.get_running_loop().time())
            self._metrics.refused(1)

    def _send(self) -> None:
        loop, waiting, admission = asyncio.get_running_loop(), self._waiting, self._admission
        admission.refuse(len(waiting) - self._left)
        self._turns += 1
        beside_a_call = int(_OF_A_CALL * admission.turn_seconds / _REFUSAL_SECONDS)
        count = min(len(waiting), max(_A_TURN, len(waiting) // _SHARE, beside_a_call))
        answers, now, sent = self._answers(), loop.time(), 0
        for _ in range(count):
            connection = waiting.popleft()
            if connection.waits:
                connection.send(answers, now)
                sent += 1
        self._metrics.refused(sent)
        self._left = len(waiting)
        if waiting:
            loop.call_soon(self._send)
        self._is_shut = len(waiting) > _MANY and self._turns < self._apart() and admission.is_overloaded

    def _apart(self) -> int:
        """Turns from one that is accepted to the next."""
        return min(len(self._waiting) // _A_TURN_APART, _MOST_APART)


class Refused(asyncio.Protocol):
    """One connection as far as its refusals go; it also reads it while nobody is let in.

    Most of what a refusal costs is memory that hundreds of connections touch in turn. uvicorn's protocol is a
    dozen objects, this is one. Whatever is not plainly one more request to refuse is for the former.
    """

    __slots__ = ("_head", "_kind", "_protocol", "_refusals", "_size", "_transport", "sent_at", "waits")

    def __init__(self, refusals: Refusals, protocol: asyncio.Protocol, transport: asyncio.Transport) -> None:
        self._refusals = refusals
        self._protocol = protocol
        self._transport = transport
        self._head, self._size, self._kind = b"", 0, 0
        """The head of the scoring request that was refused last, the size of the whole, and its kind."""
        self.waits = False
        """Whether its last request was refused, and it has not heard that."""
        self.sent_at = float("-inf")
        """When it last heard so, by the event loop's clock."""

    def refuse(self, request: bytes) -> bool:
        """Refuse this scoring request, and read what follows, as long as nobody is let in.

        Returns whether it is one: what is not plainly a whole one goes the long way, and is refused there.
        """
        if not self._learn(request):
            return False
        self._refusals.add(self)
        self._transport.set_protocol(self)
        return True

    def data_received(self, data: bytes) -> None:
        # Most clients send one head again and again.
        is_alike = len(data) == self._size and data.startswith(self._head)
        if self.waits or not (is_alike or self._learn(data)) or not self._refusals.add_another(self):
            self._transport.set_protocol(self._protocol)
            self._protocol.data_received(data)

    def _learn(self, data: bytes) -> bool:
        """Know the next request by this one; returns whether it is one whole scoring request."""
        head = head_of_whole_request(data)
        kind = self._refusals.kind_of(head)
        if kind < 0:
            return False
        self._head, self._size, self._kind = head, len(data), kind
        return True

    def send_now(self) -> None:
        """Send the refusal that waits, if one does."""
        self._refusals.send_now(self)

    def send(self, answers: Sequence[bytes], now: float) -> None:
        """Send the refusal that waits; a connection that is closing takes it, and does nothing."""
        self.waits = False
        self.sent_at = now
        self._transport.write(answers[self._kind])

    def forget(self) -> None:
        """The connection is gone: nothing is sent, and its protocol is not kept alive."""
        self.waits = False
        self._protocol = asyncio.Protocol()

    def eof_received(self) -> bool | None:
        return self._protocol.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()
