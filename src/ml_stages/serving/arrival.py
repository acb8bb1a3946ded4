"""How long a request lay in the kernel before it was read: after a pause, what is read first is old."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
import time

_LAST_DATA_RECV = struct.Struct("=52xI")
"""`tcpi_last_data_recv` of Linux' `struct tcp_info`: milliseconds since the last data came."""
_CLOCK_OF_TICKS = 6
"""`CLOCK_MONOTONIC_COARSE` of Linux, which has no name in Python."""


def seconds_since_arrival(transport: asyncio.BaseTransport) -> float:
    """How long ago the last data came at least, in seconds; 0 where nobody knows.

    The kernel counts ticks (often of 4 ms): what it says may be one too many.
    """
    connection = transport.get_extra_info("socket")
    if sys.platform != "linux" or connection is None:
        return 0.0
    try:
        found = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _LAST_DATA_RECV.size)
        (milliseconds,) = _LAST_DATA_RECV.unpack(found)
    except (OSError, struct.error):
        return 0.0
    return float(max(0.0, milliseconds / 1000 - time.clock_getres(_CLOCK_OF_TICKS)))
