"""Every expected way to end, each with its exit status.

A message says what happened, what was expected and what to do. Anything else that escapes is a bug
and ends with status 1 and a traceback.
"""

from __future__ import annotations

from enum import IntEnum


class ExitStatus(IntEnum):
    """What the shell sees."""

    PASSED = 0
    ERROR = 1
    USAGE = 2
    FAILED = 3
    INTERRUPTED = 130


class PipelineError(Exception):
    """The machine or the pipeline itself broke."""

    status = ExitStatus.ERROR


class UsageError(PipelineError):
    """Wrong command line, configuration or input paths: nothing was run."""

    status = ExitStatus.USAGE


class ConfigurationError(UsageError):
    """The configuration has faults; ``faults`` lists every one of them with its key path."""

    def __init__(self, origin: str, faults: list[str]) -> None:
        self.origin = origin
        self.faults = faults
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        super().__init__("\n".join([f"{origin}: {count}", *(f"  {fault}" for fault in faults)]))


class DataError(PipelineError):
    """The data cannot be read as what the configuration says it is.

    Inside ``data-validate`` this becomes a finding; elsewhere it ends the stage.
    """


class StageError(PipelineError):
    """A stage of ours could not do its work."""


def wording(error: Exception) -> str:
    """The line that a person reads first: what the system said, and about which file.

    Of two, the one that was to be written: a disk is full where a copy goes, not where it comes from.
    """
    if isinstance(error, OSError) and error.strerror:
        file = error.filename2 or error.filename
        return f"{error.strerror}: {file}" if file else error.strerror
    return str(error)
