"""The folder that a run writes for people: reports, logs, and links to what was made."""

from __future__ import annotations

import fcntl
import functools
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

from ml_stages.conclude import Results
from ml_stages.errors import PipelineError, UsageError
from ml_stages.host.artifact import Folder
from ml_stages.host.whole_file import written_whole
from ml_stages.report.files import report_files
from ml_stages.report.numbers import listed
from ml_stages.verdict import Verdict

_RESERVED_BYTES = 1 << 18
"""Kept free for the verdict: a stage that fills the disk must not take the verdict with it."""

_FOLDERS = ("logs", "stages", "artifacts")
_MARK = "*\n"
"""What stands in the `.gitignore` of an output folder, by which it is known again."""


class Output:
    """One run's output folder; what an earlier run left there is replaced."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.logs = root / "logs"
        self._reserve = root / ".reserved"
        self._held: IO[str] | None = None

    def prepare(self) -> None:
        """Make the folder anew; raises :class:`PipelineError` when it cannot be written at all.

        It is this run's until its reports are written: raises :class:`UsageError` where it is another's.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            self._refuse_foreign()
            self._hold()
            # A repository that holds this folder shall not offer it for commit.
            (self.root / ".gitignore").write_text(_MARK, encoding="utf-8")
            for name in _FOLDERS:
                shutil.rmtree(self.root / name, ignore_errors=True)
                (self.root / name).mkdir()
            drop_reports(self.root)
        except OSError as error:
            raise PipelineError(
                f"the output folder {self.root} cannot be written: {error.strerror}"
            ) from None
        try:
            self._reserve.write_bytes(bytes(_RESERVED_BYTES))
        except OSError:
            self._reserve.unlink(missing_ok=True)

    def forget(self) -> None:
        """Remove an earlier run's reports when this one cannot begin: a CI host would take them for its own.

        Not from a folder that no run wrote, or that one is writing to.
        """
        with suppress(OSError, UsageError):
            if self._is_ours:
                self._hold()
                drop_reports(self.root)
        self.close()

    @property
    def _is_ours(self) -> bool:
        mark = self.root / ".gitignore"
        return mark.is_file() and mark.read_text(encoding="utf-8", errors="replace") == _MARK

    def _refuse_foreign(self) -> None:
        """What no run of ours wrote is not ours to delete: `--output .` has the user's own logs in it."""
        if self._is_ours:
            return
        judged = (self.root / "verdict.json").is_file()  # `evaluate-gate --predictions` marks nothing
        names = [name for name in (".gitignore", *_FOLDERS) if (self.root / name).exists()]
        if foreign := [name for name in names if not (judged and name == "stages")]:
            raise UsageError(
                f"{self.root.resolve()} holds {listed(foreign, len(foreign))}, which no run of the pipeline"
                " wrote and which a run would replace; name another folder with --output, best an empty one"
            )

    def _hold(self) -> None:
        """Take the folder: two runs would delete each other's logs, and one verdict would stand for both."""
        self._held = (self.root / ".lock").open("w")
        try:
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            advice = "wait for its end, or name another folder with --output"
            raise UsageError(f"another run is writing to {self.root}; {advice}") from None
        except OSError:  # a file system without locks
            return

    def close(self) -> None:
        """Let another run have the folder."""
        if self._held is not None:
            self._held.close()

    def write(self, verdict: Verdict, results: Results) -> list[str]:
        """Write the verdict first, then every other report, then the stages' own.

        On a full disk as much as fits is written; returns what was not, with the system's reason.
        """
        self._reserve.unlink(missing_ok=True)
        links = {
            name: made.path
            for result in results.values()
            for name, made in result.outputs.items()
            if isinstance(made, Folder)
        }
        linked = [
            _attempt(self.root / "artifacts" / name, functools.partial(_link, to=to))
            for name, to in links.items()
        ]
        problems = write_reports(self.root, verdict, results)
        self.close()
        return [*problems, *(problem for problem in linked if problem)]


def drop_reports(root: Path) -> None:
    """Remove what an earlier run wrote: nobody shall take its verdict for this one's."""
    for name in report_files():
        (root / name).unlink(missing_ok=True)


def write_reports(root: Path, verdict: Verdict, results: Results) -> list[str]:
    """Write every report, the verdict first, and the stages' own; returns what could not be written."""
    made = {name: functools.partial(render, verdict, results) for name, render in report_files().items()}
    made |= {
        f"stages/{name}.json": functools.partial(str, result.report)
        for name, result in results.items()
        if result.report
    }
    attempts = [_attempt(root / name, functools.partial(_write, render=made[name])) for name in made]
    return [problem for problem in attempts if problem]


def _attempt(file: Path, make: Callable[[Path], None]) -> str | None:
    """Make a file whole or not at all; returns why it could not be made."""
    try:
        with written_whole(file) as partial:
            make(partial)
    except Exception as error:  # noqa: BLE001 - a report that cannot be made must not take the others with it
        broke = f"{type(error).__name__}: {error}"
        return f"{file}: {(isinstance(error, OSError) and error.strerror) or broke}"
    return None


def _write(file: Path, render: Callable[[], str]) -> None:
    file.write_text(render(), encoding="utf-8", errors="backslashreplace")


def _link(file: Path, to: Path) -> None:
    file.symlink_to(to)
