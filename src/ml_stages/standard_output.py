"""Words for whoever started the command: they never decide how it ends."""

from __future__ import annotations

import io
import os
import sys


def say(text: str) -> None:
    """Print some lines, for as long as anybody can read them.

    A reader that left (`| head`), a closed terminal or a full disk behind `>` must change neither what is
    done nor the exit status.
    """
    try:
        print(text, flush=True)  # noqa: T201 - this is the command line
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def take_all_characters() -> None:
    """Show the escape of what the terminal's encoding does not have, as `✓` in Latin-1."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
