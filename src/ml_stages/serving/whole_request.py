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
_sizes: dict[bytes, int] = {}
"""By head, what :func:`_size_of` found: most requests of a client have one head."""


def is_whole_request(data: bytes) -> bool:
    """Whether these are the bytes of just one request; false where its head does not say so plainly."""
    head = data[: data.find(b"\r\n\r\n") + 4]
    return len(data) == (_sizes.get(head) or _size_of(head))


def _size_of(head: bytes) -> int:
    """Bytes of the whole request, where its head says that plainly; else -1."""
    found = _TELLING.findall(head, 0, len(head) - 2)
    size = len(head) + int(found[0]) if len(found) == 1 and found[0] else -1
    if len(head) <= _LONGEST_HEAD:
        if len(_sizes) >= _MOST_HEADS:
            _sizes.clear()
        _sizes[head] = size
    return size
