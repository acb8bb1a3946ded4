"""A request that is answered with an error, in the form of all errors of its protocol."""

from __future__ import annotations

import json
from collections.abc import Sequence

INFERENCE = "/v2"
"""Where the paths of the open inference protocol begin."""


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

    def body(self, path: str = "") -> bytes:
        """The answer's JSON; under ``/v2`` the error is a text, as clients of that protocol expect."""
        place = {"column": self.column, "row": self.row}
        if path.startswith(INFERENCE):
            return json.dumps({"error": self.message, "code": self.code, **place}).encode()
        return json.dumps({"error": {"code": self.code, "message": self.message, **place}}).encode()


def shown(value: object) -> str:
    """A value as it may stand in a message: short, whatever the client sent."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
