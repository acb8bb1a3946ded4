"""One whole HTTP request, known without parsing it: in a storm most of the work is to refuse."""

from __future__ import annotations

import re

_TELLING = re.compile(
    rb"\r\n(?:content-length: *([0-9]{1,9})(?=\r\n)"
    rb"|(?:content-length|transfer-encoding|upgrade|connection(?!: *keep-alive\r\n))[ \t]*:)",
    re.IGNORECASE,
)
"""Headers that say where a request ends and what comes after it; a group for the plain one."""
_MOST_HEADS, _LONGEST_HEAD = 256, 1024
_known: dict[bytes, tuple[bytes, int]] = {}
"""By head, the same (one object for all connections) and what :func:`_size_of` found: a client has few."""


def head_of_whole_request(data: bytes) -> bytes:
    """The head, if these are the bytes of just one request; empty where its head does not say so plainly."""
    head = data[: data.find(b"\r\n\r\n") + 4]
    head, size = _known.get(head) or _learned(head)
    return head if len(data) == size else b""


def _learned(head: bytes) -> tuple[bytes, int]:
    known = head, _size_of(head)
    if len(head) <= _LONGEST_HEAD:
        if len(_known) >= _MOST_HEADS:
            _known.clear()
        _known[head] = known
    return known


def _size_of(head: bytes) -> int:
    """Bytes of the whole request, where its head says that plainly; else -1."""
    found = _TELLING.findall(head, 0, len(head) - 2)
    return len(head) + int(found[0]) if len(found) == 1 and found[0] else -1
