"""What a person sees while the pipeline runs: live lines on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from ml_stages.outcome import StageOutcome
from ml_stages.report.text import stage_line
from ml_stages.runner import Watcher
from ml_stages.stages import Stage
from ml_stages.standard_output import say

if TYPE_CHECKING:
    from rich.progress import TaskID

_COLOURS = {"✓": "green", "✗": "red", "!": "red", "?": "yellow", "-": "bright_black"}


class Display(Watcher, AbstractContextManager["Display"], Protocol):
    """Shows a run as it goes, and text after it."""

    def show(self, text: str) -> None:
        """Print some lines."""
        ...


def display() -> Display:
    """The display that fits: live on a terminal, plain in CI (``CI`` is set) and into files."""
    is_terminal = sys.stdout is not None and sys.stdout.isatty()  # it may be closed: `>&-`
    return LiveDisplay() if is_terminal and not os.environ.get("CI") else PlainDisplay()


class PlainDisplay:
    """A line for every beginning and end."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def started(self, stage: Stage) -> None:
        self.show(f"> {stage.name}")

    def ended(self, outcome: StageOutcome) -> None:
        self.show(stage_line(outcome))

    def noted(self, text: str) -> None:
        self.show(f"  {text}")

    def show(self, text: str) -> None:
        say(text)


class LiveDisplay:
    """A spinner with a clock for each running stage, and a coloured line for each that ended."""

    def __init__(self) -> None:
        from rich.console import Console  # noqa: PLC0415 - only a terminal needs rich
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

        self._console = Console(highlight=False, soft_wrap=True)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
        )
        self._running: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def started(self, stage: Stage) -> None:
        self._running[stage.name] = self._progress.add_task(stage.name, total=None)

    def ended(self, outcome: StageOutcome) -> None:
        task = self._running.pop(outcome.name, None)
        if task is not None:
            self._progress.remove_task(task)
        self.show(stage_line(outcome))

    def noted(self, text: str) -> None:
        self.show(f"  {text}")

    def show(self, text: str) -> None:
        from rich.text import Text  # noqa: PLC0415 - only a terminal needs rich

        with suppress(OSError):  # the terminal was closed
            for line in text.splitlines():
                self._console.print(Text(line, style=_COLOURS.get(line[:1], "")))
