"""Values of columns marked sensitive: they are answered, and stand in no log, answer or report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ml_stages.config.sections import ProbeConfig
from ml_stages.job import Job
from ml_stages.serving import probe
from ml_stages.serving.probe_url import probe_url
from ml_stages.serving.probing import contract
from ml_stages.serving.probing.conformance import Contract, Known
from ml_stages.serving.probing.probe_report import ProbeReport
from tests.serving.apples import ROW, SCHEMA, SOURCE, Running, make_bundle, rows, serving, write_holdout

SECRET = "123-45-6789"
_FAILING = """
    def predict_proba(self, table: pd.DataFrame) -> list[list[float]]:
        colour = table["colour"].iloc[0]
        if colour.startswith("refuse"):
            import warnings

            warnings.warn(f"unusual: {colour}")
            try:
                {"red": 1}[colour]
            except KeyError as error:
                raise ValueError(f"unknown colour {colour!r}") from error
        if colour.startswith("crash"):
            raise RuntimeError(colour)
"""
_HEAD = "\n    def predict_proba(self, table: pd.DataFrame) -> list[list[float]]:\n"


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, Path]]:
    """A server whose colours are sensitive and whose model quotes them, and its bundle."""
    folder = tmp_path_factory.mktemp("private")
    features = [{**one, "sensitive": one["name"] == "colour"} for one in SCHEMA["features"]]
    bundle = make_bundle(
        folder, source=SOURCE.replace(_HEAD, _FAILING), schema={**SCHEMA, "features": features}
    )
    with serving(bundle, folder / "server.log") as running:
        yield running, bundle


@pytest.mark.parametrize(
    ("word", "status", "raised", "line"),
    [
        ("refuse", 422, "ValueError", 'raise ValueError(f"unknown colour'),
        ("crash", 500, "RuntimeError", "raise RuntimeError(colour)"),
    ],
)
def test_a_failure_is_told_without_the_value(
    private: tuple[Running, Path], word: str, status: int, raised: str, line: str
) -> None:
    """If this fails, logs that many can read hold the numbers of people; or nobody can find the failure."""
    server, _ = private
    body = json.dumps({"dataframe_records": [{**ROW, "colour": f"{word} {SECRET}"}]}).encode()
    headers = {"Content-Type": "application/json", "X-Request-Id": f"id-{word}"}
    reply = server.target.ask("POST", "/invocations", body, headers)
    assert (reply.status, reply.headers["x-request-id"]) == (status, f"id-{word}")
    assert SECRET.encode() not in reply.body
    log = server.log.read_text()
    assert SECRET not in log
    entry = next(one for one in map(json.loads, log.splitlines()) if one.get("request") == f"id-{word}")
    assert raised in entry["traceback"]
    assert line in entry["traceback"]
    assert "apples.py" in entry["traceback"]


def test_what_led_to_a_failure_and_warnings_are_told_without_the_value(private: tuple[Running, Path]) -> None:
    """If this fails, a value that the last exception hides is in the one that it came from."""
    server, _ = private
    server.score({"dataframe_records": [{**ROW, "colour": f"refuse {SECRET}"}]})
    log = server.log.read_text()
    assert SECRET not in log
    assert "KeyError (its message is left out" in log
    assert "UserWarning" in log


def test_a_failure_has_an_id_where_the_client_gave_none(private: tuple[Running, Path]) -> None:
    """If this fails, a client's complaint cannot be found in the log."""
    server, _ = private
    body = json.dumps({"dataframe_records": [{**ROW, "colour": "crash"}]}).encode()
    reply = server.target.ask("POST", "/invocations", body, {"Content-Type": "application/json"})
    identity = reply.headers["x-request-id"]
    assert identity in reply.json()["error"]["message"]
    assert any(json.loads(line).get("request") == identity for line in server.log.read_text().splitlines())


def test_a_value_that_does_not_fit_is_not_repeated(private: tuple[Running, Path]) -> None:
    """If this fails, a gateway that keeps the bodies of errors keeps the numbers of people."""
    status, answer = private[0].score({"dataframe_records": [{**ROW, "colour": 123456789}]})
    assert (status, answer["error"]["column"], answer["error"]["row"]) == (422, "colour", 0)
    assert (
        answer["error"]["message"] == "column 'colour' expects a text, got another value, which is sensitive"
    )


def test_reports_show_rows_without_the_value(private: tuple[Running, Path], tmp_path: Path) -> None:
    """If this fails, a comment below a pull request shows a row of the holdout with the numbers of people."""
    server, bundle = private
    features, predictions = write_holdout(tmp_path, [{**row, "colour": SECRET} for row in rows(30)])
    answers = (predictions / "predictions.csv").read_text()
    (predictions / "predictions.csv").write_text(answers.replace(",no,", ",maybe,"))
    job = Job(
        stage="probe",
        config={"task": "classification", "probe": {"contract_examples": 0, "load": 0.1}},
        parameters={"url": server.target.url},
        inputs={"bundle": bundle, "holdout-features": features, "predictions": predictions},
        outputs={},
        report=tmp_path / "report.json",
    )
    probe.run(job)
    report = ProbeReport.model_validate_json(job.report.read_text())
    (golden,) = [check for check in report.checks if check.name == "golden answers"]
    assert golden.status == "failed"
    assert '"colour": "***"' in golden.message
    assert SECRET not in job.report.read_text()


def test_the_contract_shows_no_holdout_row(private: tuple[Running, Path]) -> None:
    """If this fails, the command that repeats a finding holds a row of the holdout."""
    server, _ = private
    document = contract.document_of(server.target)
    assert document is not None
    row = {**ROW, "colour": f"refuse {SECRET}"}
    asked = Contract(
        url=server.target.url,
        document=document,
        known=[Known(name="rows", path="/invocations", body={"dataframe_records": [row]})],
        is_ours=True,
        is_sensitive=True,
        examples=1,
        seconds=30,
    )
    faults = [fault for fault in contract.ask(asked).faults if "holdout" in fault]
    assert len(faults) == 1
    assert "`POST /invocations with rows that hold sensitive values`" in faults[0]
    assert SECRET not in faults[0]


def test_a_probe_by_address_learns_what_is_sensitive(private: tuple[Running, Path], tmp_path: Path) -> None:
    """If this fails, a probe of a server that is deployed shows what its own pipeline hides."""
    rows_file = tmp_path / "rows.json"
    rows_file.write_text(json.dumps([{**ROW, "colour": f"refuse {SECRET}"}]))
    config: Any = ProbeConfig(contract_examples=0, load=0.1)
    report = probe_url(private[0].target.url, rows_file, config=config)
    assert report.checks[0].status == "failed"
    assert SECRET not in report.model_dump_json()
