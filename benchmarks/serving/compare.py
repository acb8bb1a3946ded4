"""Compare servers of the same model in one run: `python compare.py PEERS [--rounds 3] [--seconds 2]`.

PEERS is a folder with one virtual environment a peer: mlflow, bentoml, litserve (see README.md). Every round
asks each server in turn, so that whatever else the machine does falls on all of them; medians over rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from models import NAMES, ROW

from ml_stages.config.data import DataConfig
from ml_stages.config.sections import EvaluationConfig
from ml_stages.job import Job
from ml_stages.model import bundle
from ml_stages.serving.probing.latency import quantile
from ml_stages.serving.probing.load import closed_loop, request_bytes
from ml_stages.serving.probing.target import Target, Unanswered

HELD_OUT = {
    "data": DataConfig(path="t.csv", label="y").model_dump(mode="json"),
    "evaluation": EvaluationConfig().model_dump(mode="json"),
}
"""What the packing is told of the split."""

HERE = Path(__file__).resolve().parent
SPLIT = {"dataframe_split": {"columns": NAMES, "data": [ROW]}}


@dataclass
class Server:
    """One server: how it is started and asked, and what was measured."""

    name: str
    command: list[str]
    port: int
    path: str = "/invocations"
    document: object = field(default_factory=lambda: SPLIT)
    folder: Path | None = None
    start: float = 0.0
    rates: list[float] = field(default_factory=list)
    medians: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    errors: int = 0
    process: subprocess.Popen[bytes] | None = None

    def request(self) -> bytes:
        return request_bytes(f"127.0.0.1:{self.port}", self.path, json.dumps(self.document).encode())

    def processor_seconds(self) -> float:
        assert self.process is not None
        root = psutil.Process(self.process.pid)
        times = [one.cpu_times() for one in (root, *root.children(recursive=True))]
        return sum(one.user + one.system for one in times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peers", type=Path)
    options = with_rounds(parser).parse_args()
    compare(lambda folder: _servers(folder, options.peers), options.rounds, options.seconds)


def with_rounds(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """The options of every comparison."""
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0)
    return parser


def compare(prepare: Callable[[Path], Sequence[Server]], rounds: int, seconds: float) -> None:
    """Start what ``prepare`` makes of an empty folder, measure it in turns, and print the medians."""
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as running:
        folder = Path(scratch)
        servers = prepare(folder)
        for server in servers:
            _start(server, folder)
            running.callback(_stop, server)
        for _ in range(rounds):
            for server in servers:
                _measure(server, seconds)
    _show(servers)


def _servers(folder: Path, peers: Path) -> list[Server]:
    subprocess.run([sys.executable, str(HERE / "models.py"), "fit", str(folder)], check=True)
    bundles = {name: _bundle(folder, name) for name in ("predictor", "onnx")}
    servers = [
        Server(f"ml-pipeline, {name}", [sys.executable, str(path / "serve"), "--port", str(port)], port)
        for port, (name, path) in enumerate(bundles.items(), 18101)
    ]
    constant = [sys.executable, str(folder / "constant.py"), "18103"]
    servers.append(Server("Starlette, a constant", constant, 18103))
    python = {name: peers / name / "bin" / "python" for name in ("mlflow", "bentoml", "litserve")}
    rows = {"rows": [ROW]}
    if python["mlflow"].exists():
        subprocess.run([python["mlflow"], str(HERE / "models.py"), "mlflow", str(folder)], check=True)
        command = [str(python["mlflow"].with_name("mlflow")), "models", "serve", "-m", str(folder / "mlflow")]
        command += ["-p", "18104", "--env-manager", "local", "--workers", "1"]
        servers.append(Server("mlflow models serve", command, 18104))
    if python["bentoml"].exists():
        command = [str(python["bentoml"].with_name("bentoml")), "serve", "service:Fruit", "-p", "18105"]
        servers.append(Server("BentoML", command, 18105, "/predict", rows))
    if python["litserve"].exists():
        command = [str(python["litserve"]), str(folder / "lit.py"), "18106"]
        servers.append(Server("LitServe", command, 18106, "/predict", rows))
    return servers


def _bundle(folder: Path, kind: str) -> Path:
    """The stage `build-image` as the pipeline runs it."""
    target = folder / f"bundle-{kind}"
    target.mkdir()
    export = {"export": "fruit:export"} if kind == "onnx" else {}
    inputs = ("model", "code", "schema", "holdout-features", "predictions")
    job = Job(
        stage="build-image",
        config={
            "name": "fruit",
            "task": "classification",
            "predictor": {"load": "fruit:load", **export},
            **HELD_OUT,
        },
        parameters={"python": sys.executable, "lock": None, "labels": {}},
        inputs={name: folder / name for name in inputs},
        outputs={"bundle": target},
        report=folder / f"report-{kind}.json",
    )
    bundle.run(job)
    made = json.loads((target / "bundle.json").read_text())["format"]
    if made != kind:
        raise SystemExit(f"the bundle is {made}, not {kind}: {job.report.read_text()}")
    return target


def _start(server: Server, folder: Path) -> None:
    """Start it and wait for its first answer."""
    began = time.perf_counter()
    environment = {
        **os.environ,
        "PATH": f"{Path(server.command[0]).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(folder) if not server.name.startswith("ml-pipeline") else "",
        "BENTOML_DO_NOT_TRACK": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    with (folder / f"{server.port}.log").open("wb") as log:
        server.process = subprocess.Popen(
            server.command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    target = Target(f"http://127.0.0.1:{server.port}")
    body = json.dumps(server.document).encode()
    while time.perf_counter() - began < 120 and server.process.poll() is None:
        with suppress(Unanswered):
            if target.ask("POST", server.path, body, {"Content-Type": "application/json"}).status == 200:
                server.start = time.perf_counter() - began
                return
        time.sleep(0.01)
    if server.process.poll() is None:
        _stop(server)
    raise SystemExit(f"{server.name} did not start:\n{(folder / f'{server.port}.log').read_text()[-3000:]}")


def _stop(server: Server) -> None:
    assert server.process is not None
    children = psutil.Process(server.process.pid).children(recursive=True)
    os.killpg(server.process.pid, signal.SIGKILL)
    for child in children:
        if child.is_running():
            child.kill()
    server.process.wait()


def _measure(server: Server, seconds: float) -> None:
    request = [server.request()]
    alone = asyncio.run(closed_loop("127.0.0.1", server.port, request, seconds / 2, 1))
    before = server.processor_seconds()
    many = asyncio.run(closed_loop("127.0.0.1", server.port, request, seconds, 16))
    spent = server.processor_seconds() - before
    answered = many.statuses[200]
    server.errors += sum(count for status, count in many.statuses.items() if status not in {0, 200})
    server.rates.append(answered / seconds)
    server.medians.append(quantile(alone.latencies(), 0.5))
    server.cpu.append(spent / max(answered, 1))


def _show(servers: Sequence[Server]) -> None:
    print("| server | requests/s, 16 connections | p50, 1 connection | processor time a request | start |")
    print("|---|---|---|---|---|")
    for server in servers:
        rate, p50, cpu = (statistics.median(values) for values in (server.rates, server.medians, server.cpu))
        wrong = f" ({server.errors} not answered 200)" if server.errors else ""
        shown = f"{rate:.0f}{wrong} | {p50 * 1e3:.2f} ms | {cpu * 1e6:.0f} µs | {server.start:.2f} s"
        print(f"| {server.name} | {shown} |")
    _show_ratios(servers)


def _show_ratios(servers: Sequence[Server]) -> None:
    """Requests a second of ours over those of each other, round by round."""
    ours = [server for server in servers if server.name.startswith("ml-pipeline")]
    print("\n| times the rate of | " + " | ".join(server.name for server in ours) + " |")
    print("|---" * (len(ours) + 1) + "|")
    for other in (server for server in servers if server not in ours):
        print(f"| {other.name} | " + " | ".join(_ratio(server, other) for server in ours) + " |")


def _ratio(one: Server, other: Server) -> str:
    ratios = [mine / max(rate, 1e-9) for mine, rate in zip(one.rates, other.rates, strict=True)]
    return f"{statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})"


if __name__ == "__main__":
    main()
