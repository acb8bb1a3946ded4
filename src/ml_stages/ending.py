"""How a process ended, in words."""

from __future__ import annotations

import signal

_KILLED_IN_SHELL = 128 + signal.SIGKILL
_OF_MEMORY = ", as the system does where memory runs out"


def ending(status: int | None) -> str:
    """An exit status in words; negative ones are signals, and a shell gives 137 for a killed command."""
    if status == _KILLED_IN_SHELL:
        return f"ended with status {status}: killed (SIGKILL){_OF_MEMORY}"
    if status is None or status >= 0:
        return f"ended with status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    return f"was killed ({name}){_OF_MEMORY if status == -signal.SIGKILL else ''}"
