"""A request that is answered with an error, in the one form that all errors have."""

from __future__ import annotations

import json
from collections.abc import Sequence


class RequestFault(Exception):  # noqa: N818 - the fault is the client's
    """What is wrong with a request: HTTP status, a code for programs, one line for people.

    ``column`` and ``row`` (from 0) say where in the table, when it is about a place.
    """

    def __init__(  # noqa: PLR0913 - they are the fields of the answer
        self,
        status: int,
        code: str,
        message: str,
        *,
        column: str | None = None,
        row: int | None = None,
        headers: Sequence[tuple[bytes, bytes]] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.column = column
        self.row = row
        self.headers = tuple(headers)

    def body(self) -> bytes:
        """The answer's JSON."""
        fields = {"code": self.code, "message": self.message, "column": self.column, "row": self.row}
        return json.dumps({"error": fields}).encode()


def shown(value: object) -> str:
    """A value as it may stand in a message: short, whatever the client sent."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
