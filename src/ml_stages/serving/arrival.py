"""How long a request lay in the kernel before it was read: after a pause, what is read first is old."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys

_LAST_DATA_RECV = struct.Struct("=52xI")
"""`tcpi_last_data_recv` of Linux' `struct tcp_info`: milliseconds since the last data came."""


def seconds_since_arrival(transport: asyncio.BaseTransport) -> float:
    """Seconds since data came in, as exact as the kernel's ticks (often 4 ms); 0 where nobody knows."""
    connection = transport.get_extra_info("socket")
    if sys.platform != "linux" or connection is None:
        return 0.0
    try:
        found = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _LAST_DATA_RECV.size)
        (milliseconds,) = _LAST_DATA_RECV.unpack(found)
    except (OSError, struct.error):
        return 0.0
    return float(milliseconds) / 1000
