"""Keep workers running: one process that opens the socket and starts, restarts and stops them.

The supervisor imports the standard library alone and loads no model, so it has next to nothing that
can fail. It holds the listening socket: while a worker is started again, new connections wait in the
kernel's queue instead of being refused.
"""

from __future__ import annotations

import os
import resource
import selectors
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from ml_stages.model.manifest import Manifest
from ml_stages.serving.log_lines import log_line
from ml_stages.serving.metrics import MetricsMemory
from ml_stages.serving.settings import Settings

PINS = "use the Python that the project's pins (requirements.lock) are installed in"
_STOPS = (signal.SIGTERM, signal.SIGINT)
_MOST_FILES = 65_536
_QUICK_SECONDS = 1.0
"""A worker that ends sooner than this is started again only after as long a pause."""


@dataclass(frozen=True)
class Plan:
    """What is served, where, and by how many processes."""

    bundle: Path
    manifest: Manifest
    host: str
    port: int
    """0 lets the system choose a free one."""
    workers: int
    settings: Settings


def allow_connections() -> None:
    """Have as many files open as the system lets a process: the usual limit is a thousand connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft == resource.RLIM_INFINITY or soft >= most:
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def open_listener(host: str, port: int) -> socket.socket:
    """The listening socket; raises :class:`OSError` when the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        raise OSError(f"cannot listen on {host}, port {port}: {error}") from None
    listener.listen(2048)
    listener.set_inheritable(True)
    return listener


def address(listener: socket.socket) -> str:
    """The URL of a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@dataclass
class _Child:
    number: int
    pid: int
    ready_pipe: int
    go_pipe: int
    started: float
    is_ready: bool = False

    def go_on(self) -> None:
        """Let it load the model: every file of the bundle was verified."""
        try:
            os.write(self.go_pipe, b"1")
        except BrokenPipeError:
            return  # it ended already; its exit status says why


@dataclass(frozen=True)
class Pipes:
    """File descriptors between a worker and its supervisor."""

    alive: int
    """Reads as ended when the supervisor is gone."""
    verified: int
    """One byte comes once every file was verified."""
    ready: int
    """Where the worker says that it answers."""


@dataclass
class Supervisor:
    """Runs the workers of one plan to the end."""

    plan: Plan
    verify: Callable[[], None]
    """Checks all of the bundle's files, before a worker is started again."""
    verify_rest: Callable[[], None]
    """Checks those files that no worker loads before it is told to."""
    _children: dict[int, _Child] = field(default_factory=dict)

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT; returns the exit status, 1 when the model cannot be loaded."""
        allow_connections()
        self._listener = open_listener(self.plan.host, self.plan.port)
        self._metrics = MetricsMemory(self.plan.workers)
        self._alive = os.pipe()
        self._selector = selectors.DefaultSelector()
        wake = self._watch_signals()
        for number in range(self.plan.workers):
            self._start(number)
        self._let_load()
        status = self._watch(wake)
        self._stop()
        return status

    def _watch_signals(self) -> socket.socket:
        wake, sink = socket.socketpair()
        wake.setblocking(False)
        sink.setblocking(False)
        self._sink = sink  # kept: the wakeup descriptor belongs to it
        signal.set_wakeup_fd(sink.fileno(), warn_on_full_buffer=False)
        for number in (*_STOPS, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)
        self._selector.register(wake, selectors.EVENT_READ)
        return wake

    def _let_load(self) -> None:
        """Verify what is not verified yet, while the workers import the server; then let them go on."""
        try:
            self.verify_rest()
        except SystemExit:
            for pid in self._children:  # none of them has loaded or accepted anything
                _send(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            raise
        for child in self._children.values():
            child.go_on()

    def _start(self, number: int) -> _Child:
        read, write = os.pipe()
        verified, go_on = os.pipe()
        metrics = self._metrics.worker(number)
        metrics.put("in_flight", 0)
        # A signal that came before the child is ready for it would be lost.
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
        pid = os.fork()
        if pid == 0:
            os.close(read)
            os.close(go_on)
            self._become_worker(number, write, verified)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
        os.close(write)
        os.close(verified)
        self._children[pid] = _Child(number, pid, read, go_on, time.monotonic())
        self._selector.register(read, selectors.EVENT_READ)
        return self._children[pid]

    def _become_worker(self, number: int, write: int, verified: int) -> None:
        """Everything that the child does; never returns."""
        status = 1
        try:
            self._forget_parent()
            pipes = Pipes(self._alive[0], verified, write)
            status = _work(self.plan, self._listener, self._metrics, number, pipes)
        except KeyboardInterrupt:
            status = 0
        except BaseException as error:  # noqa: BLE001 - a child must never run on as a second supervisor
            hint = _missing(error) if isinstance(error, ModuleNotFoundError) else ""
            if not hint:
                traceback.print_exc()
            _say(sys.stderr, f"serve: the worker failed: {type(error).__name__}: {error}{hint}")
        finally:
            sys.stderr.flush()
            os._exit(status)

    def _forget_parent(self) -> None:
        signal.set_wakeup_fd(-1)
        for number in (*_STOPS, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
        self._selector.close()
        os.close(self._alive[1])
        for sibling in self._children.values():
            os.close(sibling.go_pipe)  # else it waits for ever when the supervisor is killed

    def _watch(self, wake: socket.socket) -> int:
        announced = False
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is wake:
                    received = set(wake.recv(4096))
                    if received & set(_STOPS):
                        return 0
                else:
                    self._mark_ready(key.fd)
            status = self._reap(announced=announced)
            if status is not None:
                return status
            if not announced and all(child.is_ready for child in self._children.values()):
                announced = True
                _say(sys.stdout, f"listening on {address(self._listener)}")

    def _mark_ready(self, pipe: int) -> None:
        child = next(child for child in self._children.values() if child.ready_pipe == pipe)
        child.is_ready = bool(os.read(pipe, 1))
        self._selector.unregister(pipe)

    def _reap(self, *, announced: bool) -> int | None:
        """Start ended workers again; the exit status when there is nothing left to try."""
        for pid in list(self._children):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done == 0:
                continue
            child = self._forget(pid)
            code = os.waitstatus_to_exitcode(status)
            if not announced:
                return 1
            message = f"worker {pid} ended with {_ending(code)}; starting another"
            _say(sys.stderr, log_line("error", "supervisor", message))
            self._metrics.worker(child.number).add("restarts")
            if time.monotonic() - child.started < _QUICK_SECONDS:
                time.sleep(_QUICK_SECONDS)
            self.verify()
            self._start(child.number).go_on()
        return None

    def _forget(self, pid: int) -> _Child:
        child = self._children.pop(pid)
        if child.ready_pipe in self._selector.get_map():
            self._selector.unregister(child.ready_pipe)
        os.close(child.ready_pipe)
        os.close(child.go_pipe)
        return child

    def _stop(self) -> None:
        """Ask every worker to finish what it accepted, and wait for it."""
        for pid in self._children:
            _send(pid, signal.SIGTERM)
        # Else whoever comes while the last requests are answered waits for nobody until all of it ends.
        self._listener.close()
        until = time.monotonic() + self.plan.settings.shutdown_grace + 5
        while self._children and time.monotonic() < until:
            self._collect()
            time.sleep(0.01)
        for pid in self._children:
            _send(pid, signal.SIGKILL)

    def _collect(self) -> None:
        for pid in list(self._children):
            if os.waitpid(pid, os.WNOHANG)[0]:
                del self._children[pid]


def _say(stream: TextIO, line: str) -> None:
    stream.write(f"{line}\n")
    stream.flush()


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _ending(code: int) -> str:
    return f"exit status {code}" if code >= 0 else f"signal {-code}"


def _missing(error: ModuleNotFoundError) -> str:
    """Which line imports what is not there, and what to do: no traceback says more."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
    return f"{where}; {PINS}"


def _work(plan: Plan, listener: socket.socket, metrics: MetricsMemory, number: int, pipes: Pipes) -> int:
    from ml_stages.serving.worker import Work, run_worker  # noqa: PLC0415 - the supervisor stays small

    def ready() -> None:
        os.write(pipes.ready, b"1")
        os.close(pipes.ready)

    own = metrics.worker(number)
    work = Work(
        plan.bundle, plan.manifest, plan.settings, listener, own, plan.workers, pipes.alive, pipes.verified
    )
    announce: Callable[[], None] = ready
    run_worker(work, announce)
    return 0
