"""The probe: a right server passes, and each kind of wrong one is caught and described."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ml_stages.config.sections import ProbeConfig
from ml_stages.errors import StageError
from ml_stages.job import Job
from ml_stages.serving import probe
from ml_stages.serving.fault import RequestFault
from ml_stages.serving.features import Feature, FeatureTable
from ml_stages.serving.payload import read_payload
from ml_stages.serving.probing.bad_inputs import bad_inputs
from ml_stages.serving.probing.checks import check_golden
from ml_stages.serving.probing.dialect import Invocations, Rows
from ml_stages.serving.probing.golden import Golden
from ml_stages.serving.probing.latency import quantile
from ml_stages.serving.probing.probe_report import ProbeReport
from ml_stages.serving.probing.server import _failure
from ml_stages.serving.probing.subject import Subject
from ml_stages.serving.probing.target import Connection, Reply, Target
from tests.serving.apples import ROW, SOURCE, Running, make_bundle, rows, wait_for, write_holdout


def _job(root: Path, bundle: Path, parameters: dict[str, Any], table: Any = None, **probe: Any) -> Job:
    """With little load, and no check of the contract, which has tests of its own."""
    features, predictions = write_holdout(root, table or rows(120))
    return Job(
        stage="probe",
        config={
            "task": "classification",
            "probe": {"startup": 20, "contract_examples": 0, "load": 0.2, **probe},
        },
        parameters=parameters,
        inputs={
            "bundle": bundle,
            "baseline-model": bundle,
            "holdout-features": features,
            "predictions": predictions,
        },
        outputs={},
        report=root / "report.json",
    )


def _report(job: Job) -> ProbeReport:
    probe.run(job)
    return ProbeReport.model_validate_json(job.report.read_text())


def _check(report: ProbeReport, name: str) -> Any:
    return next(check for check in report.checks if check.name == name)


def test_a_right_server_passes_every_check(bundle: Path, tmp_path: Path) -> None:
    """If this fails, good models are not released."""
    table = [*rows(200), {**ROW, "weight": None}]
    command = [sys.executable, str(bundle / "serve")]
    job = _job(tmp_path, bundle, {"command": command}, table, contract_examples=3, load=1)
    report = _report(job)
    assert [check.status for check in report.checks] == ["passed"] * 9, report
    assert "operations answered as described" in _check(report, "contract").message
    assert "201 rows" in _check(report, "golden answers").message
    assert report.cold_start is not None
    assert 0 < report.cold_start < 20
    assert report.latency_p50 is not None
    assert report.latency_p99 is not None
    assert 0 < report.latency_p50 <= report.latency_p99 < 5
    assert report.requests > 250
    (load,) = report.load
    assert (load.server, load.lost) == ("candidate", 0)
    assert load.memory_growth is not None
    assert [one.share for one in load.quantiles] == [0.5, 0.95, 0.99]
    assert load.quantiles[0].seconds == report.latency_p50


def test_the_baseline_gets_the_same_load_in_turns(bundle: Path, tmp_path: Path) -> None:
    """If this fails, a latency is compared with one that another day's machine gave."""
    command = [sys.executable, str(bundle / "serve")]
    report = _report(_job(tmp_path, bundle, {"command": command, "baseline": command}, load=1))
    assert [check.status for check in report.checks if check.name != "contract"] == ["passed"] * 8, report
    assert _check(report, "contract").status == "skipped"
    assert [load.server for load in report.load] == ["candidate", "baseline"]
    assert report.load[0].rate == report.load[1].rate
    median = next(one for one in report.ratios if one.share == 0.5)
    assert 0.2 < median.lower <= median.ratio <= median.upper < 5  # the same server, on a shared machine
    assert not report.notes


@pytest.mark.parametrize("kind", ["baseline", "baseline_url"])
def test_a_baseline_that_does_not_answer_is_no_fault_of_the_candidate(
    server: Running, bundle: Path, tmp_path: Path, kind: str
) -> None:
    """If this fails, nothing can be released any more once the baseline is broken."""
    dead = {"baseline": [sys.executable, "-c", "raise SystemExit(3)"], "baseline_url": "http://127.0.0.1:1"}
    report = _report(_job(tmp_path, bundle, {"url": server.target.url, kind: dead[kind]}))
    assert _check(report, "load").status == "passed"
    assert [load.server for load in report.load] == ["candidate"]
    assert "not compared with the baseline" in report.notes[0]


def test_why_the_model_failed_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """If this fails, who forgot unknown values is referred to a log that is nowhere."""
    unknown = '{"red": 1.0, "green": 0.0}'
    source = SOURCE.replace(
        '(table["colour"] == "red") * 1.0', f'[{unknown}[name] for name in table["colour"]]'
    )
    assert source != SOURCE
    bundle = make_bundle(tmp_path / "bundle", source=source)
    job = _job(tmp_path, bundle, {"command": [sys.executable, str(bundle / "serve")]}, contract_examples=10)
    report = _report(job)
    contract = _check(report, "contract")
    assert contract.status == "failed"
    assert "Server error" in contract.message
    assert 'status 500, {"error": {"code": "model"' in contract.message
    (note,) = report.notes
    assert note.startswith("the model raised KeyError: ")
    assert "the output of this stage says where. Values of the right types" in note
    assert "in predict_proba" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (
            "OSError: cannot read <_io.BytesIO object at 0x7f54aa>",
            "OSError: cannot read <_io.BytesIO object>",
        ),
        ("RuntimeError: shapes differ\nleft: 3\nright: 4", "RuntimeError: shapes differ"),
        ("KeyError", "KeyError"),
    ],
)
def test_what_a_model_raised_is_told_by_its_first_line(raised: str, told: str) -> None:
    """If this fails, one fault passes for many, or the end of a long message for all of it."""
    trace = (
        f'Traceback (most recent call last):\n  File "model.py", line 3, in predict\n    return 1\n{raised}\n'
    )
    assert _failure(json.dumps({"level": "error", "traceback": trace})) == told


def test_a_wrong_answer_is_found_and_shown(server: Running, bundle: Path, tmp_path: Path) -> None:
    """If this fails, a server that answers otherwise than what was tested is released."""
    job = _job(tmp_path, bundle, {"url": server.target.url})
    file = job.inputs["predictions"] / "predictions.csv"
    lines = file.read_text().splitlines()
    key, label, *shares = lines[7].split(",")
    lines[7] = ",".join([key, "no" if label == "yes" else "yes", *shares])
    share = float(lines[9].split(",")[3])
    lines[9] = lines[9].replace(repr(share), repr(share + 1e-4))
    file.write_text("\n".join(lines) + "\n")
    check = _check(_report(job), "golden answers")
    assert check.status == "failed"
    assert "prediction 'no', expected 'yes'" in check.message or "prediction 'yes', expected" in check.message
    assert "probability of 'yes'" in check.message
    assert '"weight": 8.078' in check.message


def test_a_schema_that_is_not_the_servers_is_found(server: Running, bundle: Path, tmp_path: Path) -> None:
    """If this fails, clients are told of columns that the model does not take."""
    job = _job(tmp_path, bundle, {"url": server.target.url})
    schema = json.loads((bundle / "schema.json").read_text())
    schema["features"][1]["name"] = "hue"
    changed = tmp_path / "schema"
    changed.mkdir()
    (changed / "schema.json").write_text(json.dumps(schema))
    features = job.inputs["holdout-features"] / "features.csv"
    features.write_text(features.read_text().replace("colour", "hue"))
    report = _report(job.model_copy(update={"inputs": {**job.inputs, "bundle": changed}}))
    assert _check(report, "schema").status == "failed"
    assert "'hue'" in _check(report, "schema").message


def test_a_server_that_does_not_start_is_a_failed_check(bundle: Path, tmp_path: Path) -> None:
    """If this fails, a bundle that cannot start breaks the pipeline instead of failing the model."""
    code = "import sys; print('no such model', file=sys.stderr); sys.exit(7)"
    report = _report(_job(tmp_path, bundle, {"command": [sys.executable, "-c", code]}))
    (check,) = report.checks
    assert check.status == "failed"
    assert "ended with status 7" in check.message
    assert "no such model" in check.message


LIAR = """
import http.server, json, sys

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    def do_GET(self):
        self.answer(200, {})
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        try:
            split = json.loads(body)["dataframe_split"]
        except Exception:
            return self.answer(500, {"oops": "Traceback (most recent call last)"})
        self.answer(200, {"predictions": ["yes" for _ in split["data"]]})
    def answer(self, status, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        pass

http.server.ThreadingHTTPServer.request_queue_size = 128
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(f"listening on http://127.0.0.1:{server.server_address[1]}", flush=True)
server.serve_forever()
"""


def test_a_server_that_guesses_and_falls_over_fails(bundle: Path, tmp_path: Path) -> None:
    """If this fails, the checks would pass anything that answers."""
    (tmp_path / "liar.py").write_text(LIAR)
    report = _report(_job(tmp_path, bundle, {"command": [sys.executable, str(tmp_path / "liar.py")]}))
    failed = {check.name for check in report.checks if check.status == "failed"}
    assert failed == {"schema", "golden answers", "batch equals single", "concurrency", "bad input"}
    assert _check(report, "load").status == "passed"
    assert "expected 400 or 422" in _check(report, "bad input").message


def test_answers_that_depend_on_the_rows_beside_are_called_that(bundle: Path, tmp_path: Path) -> None:
    """Who takes lags out of neighbouring rows would read three walls of numbers, and not why they differ."""
    (tmp_path / "neighbours.py").write_text(
        LIAR.replace(
            '["yes" for _ in split["data"]]',
            '["yes" if len(split["data"]) > 1 else "no"] * len(split["data"])',
        )
    )
    command = [sys.executable, str(tmp_path / "neighbours.py")]
    said = _check(_report(_job(tmp_path, bundle, {"command": command})), "batch equals single").message
    assert said.startswith("20 of 20 rows are answered otherwise alone than among others, e.g. row {")
    assert "'no' alone, 'yes' among others" in said
    assert "must be a column of the data" in said


def test_answers_that_are_drawn_at_random_are_called_that(bundle: Path, tmp_path: Path) -> None:
    """Who left a network in training mode would read numbers, or be told of neighbouring rows."""
    drawing = LIAR.replace('["yes" for _ in split["data"]]', '[random.random() for _ in split["data"]]')
    (tmp_path / "drawing.py").write_text(drawing.replace("import http.server", "import http.server, random"))
    command = [sys.executable, str(tmp_path / "drawing.py")]
    said = _check(_report(_job(tmp_path, bundle, {"command": command})), "batch equals single").message
    assert said.startswith("the same rows are answered otherwise when they are asked for once more")
    assert "evaluation mode" in said


def test_a_stopped_probe_takes_its_server_with_it(bundle: Path, tmp_path: Path) -> None:
    """If this fails, an interrupted run leaves a server behind."""
    code = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(60)"
    command = [sys.executable, "-c", code, str(tmp_path / "pid")]
    job = _job(tmp_path, bundle, {"command": command})
    (tmp_path / "job.json").write_text(job.model_dump_json())
    running = subprocess.Popen(
        [sys.executable, "-m", "ml_stages.execute", "ml_stages.serving.probe", str(tmp_path / "job.json")]
    )
    wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    pid = int((tmp_path / "pid").read_text())
    running.send_signal(signal.SIGTERM)
    assert running.wait(15) == 128 + signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_predictions_of_other_rows_are_refused(server: Running, bundle: Path, tmp_path: Path) -> None:
    """If this fails, answers are compared with those for other rows."""
    job = _job(tmp_path, bundle, {"url": server.target.url})
    (job.inputs["holdout-features"] / "keys.csv").write_text("key\n1\n")
    with pytest.raises(StageError, match="not those of the holdout's rows"):
        probe.run(job)


def test_quantiles_are_the_textbooks() -> None:
    """If this fails, reported latencies are not what they are called."""
    numpy = pytest.importorskip("numpy")
    values = sorted((7 * number) % 101 / 10 for number in range(97))
    for share in (0.5, 0.95, 0.99):
        expected = numpy.quantile(values, share, method="inverted_cdf")
        assert quantile(values, share) == expected


def test_rows_of_long_texts_are_asked_for_in_smaller_requests() -> None:
    """If this fails, a model of documents fails the probe: its own server reads no request so large."""
    golden = [Golden(row={"note": "a" * 1_500_000}, prediction="", probabilities={})] * 5
    asked: list[int] = []

    class Counting(Invocations):
        def ask(self, _: Connection, rows: Rows) -> Reply:
            asked.append(len(rows))
            return Reply(200, json.dumps({"predictions": [""] * len(rows)}).encode(), {}, 0.0)

    subject = Subject(Target("http://127.0.0.1:1"), golden, {}, ProbeConfig(), Counting())
    check = check_golden(subject)
    assert (check.status, check.message) == ("passed", "5 rows as predicted offline")
    assert asked == [2, 2, 1]


@pytest.mark.parametrize("row", [{"note": 'a"'}, {"note": '"'}, {'the "best"': 'b", "c"'}])
def test_bad_csv_is_bad_whatever_the_row_holds(row: dict[str, str]) -> None:
    """If this fails, a text with a quote in it makes good CSV of what no server may answer."""
    table = FeatureTable(tuple(Feature(name, "string", nullable=True) for name in row))
    bad = [one for one in bad_inputs(row, table) if "CSV" in one.name]
    assert len(bad) >= 6
    for one in bad:
        with pytest.raises(RequestFault):
            read_payload(one.body, one.headers["Content-Type"], table, 100)
