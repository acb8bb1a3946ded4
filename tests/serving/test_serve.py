"""Starting, restarting and stopping: what operators do to a server, and what happens to it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.serving.apples import ROW, make_bundle, serving, wait_for


def _start(bundle: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(bundle / "serve"), "--port", "0", *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def _truncate(bundle: Path) -> None:
    (bundle / "model" / "model.json").write_text('{"thresh')


def _swap(bundle: Path) -> None:
    (bundle / "model" / "model.json").write_text('{"threshold": 99}')


def _remove(bundle: Path) -> None:
    (bundle / "model" / "model.json").unlink()


def _add(bundle: Path) -> None:
    (bundle / "source" / "pandas.py").write_text("raise SystemExit('never run')")


def _link(bundle: Path) -> None:
    elsewhere = bundle.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "__init__.py").write_text("raise SystemExit('never run')")
    (bundle / "source" / "pandas").symlink_to(elsewhere)


def _change_server(bundle: Path) -> None:
    (bundle / "server" / "ml_stages" / "serving" / "worker.py").write_text("raise SystemExit('never run')")


def _break_manifest(bundle: Path) -> None:
    (bundle / "bundle.json").write_text("{}")


@pytest.mark.parametrize(
    ("harm", "wording"),
    [
        (_truncate, "model/model.json was changed"),
        (_swap, "model/model.json was changed"),
        (_remove, "model/model.json is missing"),
        (_add, "source/pandas.py was added"),
        (_link, "source/pandas was added"),
        (_change_server, "server/ml_stages/serving/worker.py was changed"),
        (_break_manifest, "bundle.json cannot be read"),
    ],
)
def test_a_bundle_that_is_not_what_was_packed_is_refused(
    bundle: Path, tmp_path: Path, harm: Callable[[Path], None], wording: str
) -> None:
    """If this fails, what is served is not what was tested."""
    copy = tmp_path / "bundle"
    shutil.copytree(bundle, copy)
    harm(copy)
    ended = _start(copy)
    assert ended.returncode == 1
    assert f"serve: refused: {wording}" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "never run" not in ended.stderr


def test_what_the_model_needs_is_verified_before_it_is_loaded(tmp_path: Path) -> None:
    """If this fails, a file that was swapped is run before it is refused: it is checked while others load."""
    bundle = make_bundle(tmp_path)
    module = bundle / "site" / "numpy" / "core.py"
    module.parent.mkdir()
    module.write_text("")
    manifest = json.loads((bundle / "bundle.json").read_text())
    manifest["files"]["site/numpy/core.py"] = f"sha256:{hashlib.sha256(b'').hexdigest()}"
    (bundle / "bundle.json").write_text(json.dumps(manifest))
    module.write_text("raise SystemExit('never run')")
    ended = _start(bundle)
    assert ended.returncode == 1
    assert "serve: refused: site/numpy/core.py was changed" in ended.stderr
    assert ended.stdout == ""


def test_a_port_that_is_taken_is_said(bundle: Path, tmp_path: Path) -> None:
    """If this fails, the operator reads a traceback instead of the reason."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = _start(bundle, "--port", str(port))
    assert ended.returncode == 1
    assert f"serve: cannot listen on 127.0.0.1, port {port}: " in ended.stderr
    assert "Address already in use" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_no_workers_is_wrong_usage(bundle: Path) -> None:
    """If this fails, a typing error starts a server that answers nothing."""
    ended = _start(bundle, "--workers", "0")
    assert ended.returncode == 2
    assert "argument --workers: expected 1 or more, got 0" in ended.stderr


def test_another_python_is_refused_in_plain_words(bundle: Path, tmp_path: Path) -> None:
    """If this fails, the wrong Python speaks of a missing module that is there."""
    copy = tmp_path / "bundle"
    shutil.copytree(bundle, copy)
    manifest = json.loads((copy / "bundle.json").read_text())
    (copy / "bundle.json").write_text(json.dumps({**manifest, "python": "3.2"}))
    ended = _start(copy)
    assert ended.returncode == 1
    assert "serve: packed for Python 3.2, and this is 3." in ended.stderr
    assert "requirements.lock" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_model_that_cannot_be_loaded_ends_the_server(tmp_path: Path) -> None:
    """If this fails, a broken model makes a server that restarts for ever instead of failing."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.json").write_text('{"unknown": 1}')
    ended = _start(make_bundle(tmp_path))
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].endswith("got an unexpected keyword argument 'unknown'")
    assert ended.stdout == ""


def test_a_missing_library_is_said_with_what_to_do(tmp_path: Path) -> None:
    """If this fails, who starts a bundle outside the project's environment is left alone with a traceback."""
    bundle = make_bundle(tmp_path, load="fruits:load")
    ended = _start(bundle)
    assert ended.returncode == 1
    assert "no module 'fruits'" in ended.stderr
    source = bundle / "source" / "fruits.py"
    source.write_text("import no_such_library\n")
    manifest = json.loads((bundle / "bundle.json").read_text())
    manifest["files"]["source/fruits.py"] = f"sha256:{hashlib.sha256(source.read_bytes()).hexdigest()}"
    (bundle / "bundle.json").write_text(json.dumps(manifest))
    said = _start(bundle).stderr
    assert re.search(
        r"No module named 'no_such_library' \(.*/source/fruits.py, line 1\); use the Python", said
    )
    assert "Traceback" not in said


def test_a_killed_worker_is_replaced_and_a_stop_finishes_what_was_accepted(
    bundle: Path, tmp_path: Path
) -> None:
    """If this fails, one crash ends the service, or a deployment cuts off running requests."""
    with serving(bundle, tmp_path / "log") as server:
        (first,) = server.workers()
        os.kill(first, signal.SIGKILL)
        # The connection waits in the kernel's queue until there is a worker again.
        assert server.score({"instances": [ROW]})[0] == 200
        (second,) = server.workers()
        assert second != first
        (said,) = [json.loads(line) for line in server.log.read_text().splitlines()]
        assert said["message"] == f"worker {first} ended with signal 9; starting another"
        assert said["level"] == "error"
        text = server.target.ask("GET", "/metrics").body.decode()
        assert "ml_restarts_total 1" in text
        assert "ml_in_flight 0" in text

        answers: list[int] = []
        slow = {"instances": [{**ROW, "colour": "slow"}]}
        accepted = threading.Thread(target=lambda: answers.append(server.score(slow)[0]))
        accepted.start()
        time.sleep(0.2)
        server.process.send_signal(signal.SIGTERM)
        accepted.join(10)
        assert answers == [200]
        assert server.process.wait(10) == 0


def test_who_comes_while_a_server_stops_is_refused_at_once(bundle: Path, tmp_path: Path) -> None:
    """If this fails, new clients wait for a server that never answers them."""
    slow = {"instances": [{**ROW, "colour": "slow"}]}
    with serving(bundle, tmp_path / "log") as server:
        # Calls of 0.3 s, one after the other: some seconds of requests that were accepted.
        assert server.score({"instances": [ROW]})[0] == 200
        answers: list[int] = []
        clients = [threading.Thread(target=lambda: answers.append(server.score(slow)[0])) for _ in range(6)]
        for client in clients:
            client.start()
            time.sleep(0.1)
        server.process.send_signal(signal.SIGTERM)
        wait_for(lambda: not _accepts(server.target.port), 1)
        assert server.process.poll() is None
        for client in clients:
            client.join(10)
        assert answers == [200] * 6
        assert server.process.wait(10) == 0


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 0.2).close()
    except ConnectionRefusedError:
        return False
    except TimeoutError:
        return True
    return True


def test_workers_end_with_their_supervisor(bundle: Path, tmp_path: Path) -> None:
    """If this fails, a killed server leaves workers that hold the port."""
    with serving(bundle, tmp_path / "log", "--workers", "2") as server:
        workers = server.workers()
        assert len(workers) == 2
        for _ in range(8):
            assert server.score({"instances": [ROW]})[0] == 200
        text = server.target.ask("GET", "/metrics").body.decode()
        assert 'ml_requests_total{status="200"} 8' in text
        server.process.kill()
        wait_for(lambda: not any(_alive(pid) for pid in workers))


def _alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def test_starting_writes_nothing_into_the_bundle(bundle: Path, server: object) -> None:
    """If this fails, a server that ran once is refused the next time."""
    manifest = json.loads((bundle / "bundle.json").read_text())
    found = {path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file()}
    assert found == {"bundle.json", *manifest["files"]}
