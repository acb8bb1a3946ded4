"""Running the command as a user does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def ml_pipeline(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own; standard output and error are kept apart."""
    words = [sys.executable, "-m", "ml_stages.cli", *map(str, arguments)]
    return subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False, timeout=300)
