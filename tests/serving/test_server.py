"""The endpoints, asked over HTTP as clients ask them."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.serving.apples import ROW, SCHEMA, Running, rows, share_of

NAMES = list(ROW)
VALUES = list(ROW.values())

FORMS: list[Any] = [
    {"dataframe_records": [ROW, ROW]},
    {"dataframe_split": {"columns": NAMES, "data": [VALUES, VALUES]}},
    {"dataframe_split": {"index": [4, 7], "columns": NAMES, "data": [VALUES, VALUES]}},
    {"dataframe_split": {"columns": NAMES[::-1], "data": [VALUES[::-1], VALUES[::-1]]}},
    {"instances": [ROW, ROW]},
    {"instances": [VALUES, VALUES]},
    {"inputs": {name: [value, value] for name, value in ROW.items()}},
    {"inputs": {name: [[value], [value]] for name, value in ROW.items()}},
    {"inputs": [ROW, ROW]},
    {"inputs": [VALUES, VALUES], "params": {}},
]


@pytest.mark.parametrize("document", FORMS)
def test_every_form_gives_the_same_answer(server: Running, document: Any) -> None:
    """If this fails, clients of MLflow or SageMaker cannot use the server."""
    status, answer = server.score(document)
    assert status == 200, answer
    share = share_of(ROW)
    assert answer["predictions"] == ["yes", "yes"]
    assert answer["classes"] == ["no", "yes"]
    assert answer["probabilities"] == [[pytest.approx(1 - share), pytest.approx(share)]] * 2


def test_csv_is_read_like_the_data(server: Running) -> None:
    """If this fails, CSV requests with quotes, nulls or a byte-order mark are answered wrongly."""
    text = '\ufeffpicked,colour,weight,organic,spots\r\n2024-08-31,red,NA,TRUE,3\r\n2024-08-31,"red",12,0,4\n'
    reply = server.target.ask(
        "POST", "/invocations", text.encode(), {"Content-Type": "text/csv; charset=UTF-8"}
    )
    assert reply.status == 200, reply.shown()
    expected = [share_of({**ROW, "weight": weight}) for weight in (None, 12)]
    assert [shares[1] for shares in reply.json()["probabilities"]] == pytest.approx(expected)


def test_a_long_text_in_csv_is_read(server: Running) -> None:
    """If this fails, a document or a picture of over 131,072 letters can be sent as JSON alone."""
    text = f"picked,colour,weight,organic,spots\n2024-08-31,{'r' * 200_000},12,true,3\n"
    reply = server.target.ask("POST", "/invocations", text.encode(), {"Content-Type": "text/csv"})
    assert "field limit" not in reply.shown()
    assert reply.status == 200, reply.shown()


def test_csv_with_other_separators_is_said(server: Running) -> None:
    """If this fails, who exports CSV from a German spreadsheet is told that a column is missing."""
    text = b"weight;colour;spots;organic;picked\n1;red;3;true;2024-08-31\n"
    reply = server.target.ask("POST", "/invocations", text, {"Content-Type": "text/csv"})
    assert reply.status == 400
    assert "expected commas between the names" in reply.json()["error"]["message"]


def test_a_missing_column_that_may_be_null_is_said(server: Running) -> None:
    """If this fails, a client that leaves nulls out is not told how to send them."""
    row = {name: value for name, value in ROW.items() if name != "weight"}
    _, answer = server.score({"dataframe_records": [row]})
    assert answer["error"]["message"] == "column 'weight' is missing; where it has no value, send null"


@pytest.mark.parametrize(
    ("change", "code", "column"),
    [
        ({"weight": "heavy"}, "type", "weight"),
        ({"weight": True}, "type", "weight"),
        ({"colour": None}, "null", "colour"),
        ({"colour": 3}, "type", "colour"),
        ({"spots": 1.5}, "type", "spots"),
        ({"spots": 2**63}, "type", "spots"),
        ({"organic": 1}, "type", "organic"),
        ({"picked": "2024-02-30"}, "type", "picked"),
        ({"picked": "2024-08-31 00:00:01"}, "type", "picked"),
        ({"picked": "2024-08-31T00:00+02:00"}, "type", "picked"),
        ({"wieght": 1}, "unknown_column", "wieght"),
    ],
)
def test_wrong_values_name_row_and_column(
    server: Running, change: dict[str, Any], code: str, column: str
) -> None:
    """If this fails, a client with a thousand rows cannot find the one that is wrong."""
    status, answer = server.score({"dataframe_records": [ROW, {**ROW, **change}]})
    assert status == 422
    error = answer["error"]
    assert (error["code"], error["column"], error["row"]) == (code, column, 1)
    assert set(error) == {"code", "message", "column", "row"}


def test_a_typing_error_in_a_column_is_recognised(server: Running) -> None:
    """If this fails, the message does not help to find the right name."""
    _, answer = server.score({"dataframe_records": [{**ROW, "wieght": 1}]})
    assert answer["error"]["message"] == "there is no column 'wieght'; did you mean 'weight'?"


MIDNIGHTS = [{"picked": f"2024-08-31{time}"} for time in (" 00:00:00", "T00:00:00.000Z", "T00:00+00:00")]
"""A date as clients with pandas or JavaScript write it."""


@pytest.mark.parametrize(
    "change", [{"weight": None}, {"weight": 12}, {"spots": 3.0}, {"colour": "blue"}, *MIDNIGHTS]
)
def test_unusual_but_right_values_are_answered(server: Running, change: dict[str, Any]) -> None:
    """If this fails, whole numbers for floats, nulls where they may be, or new categories are refused."""
    status, answer = server.score({"dataframe_records": [{**ROW, **change}]})
    assert status == 200, answer


def test_limits_are_said(server: Running) -> None:
    """If this fails, a request that is too large takes the server down or is refused without a reason."""
    status, answer = server.score({"instances": [VALUES] * 501})
    assert (status, answer["error"]["code"]) == (413, "too_many_rows")
    reply = server.target.ask("POST", "/invocations", b" " * 400_000, {"Content-Type": "application/json"})
    assert (reply.status, reply.json()["error"]["code"]) == (413, "too_large")
    assert "300000 bytes" in reply.json()["error"]["message"]


def test_a_large_body_without_a_length_is_refused(server: Running) -> None:
    """If this fails, chunked requests fill the memory."""

    def chunks() -> Any:
        for _ in range(200):
            yield b" " * 10_000

    with server.target.connect() as connection:
        reply = connection.ask("POST", "/invocations", chunks(), {"Content-Type": "application/json"})
    assert (reply.status, reply.json()["error"]["code"]) == (413, "too_large")


def test_failures_of_the_model_stay_inside(server: Running) -> None:
    """If this fails, clients see tracebacks, or one bad request takes others down with it."""
    status, answer = server.score({"dataframe_records": [{**ROW, "colour": "crash"}]})
    assert (status, answer["error"]["code"]) == (500, "model")
    assert "secret" not in json.dumps(answer)
    assert "secret words" in server.log.read_text()
    status, answer = server.score({"dataframe_records": [{**ROW, "colour": "refuse"}]})
    assert (status, answer["error"]["code"]) == (422, "refused")
    assert server.score({"dataframe_records": [ROW]})[0] == 200


def test_the_log_is_json_lines(server: Running) -> None:
    """If this fails, log collectors cannot read what went wrong."""
    server.score({"dataframe_records": [{**ROW, "colour": "crash"}]})
    last = json.loads(server.log.read_text().splitlines()[-1])
    assert last["level"] == "error"
    assert "RuntimeError" in last["traceback"]


def test_requests_that_share_a_batch_fail_alone(server: Running) -> None:
    """If this fails, a request is refused because of what another client sent at the same moment."""
    blocker = threading.Thread(target=server.score, args=({"instances": [{**ROW, "colour": "slow"}]},))
    blocker.start()
    documents = [{"instances": [row]} for row in rows(12)]
    documents[5] = {"instances": [{**ROW, "colour": "refuse"}]}
    with ThreadPoolExecutor(12) as clients:
        answers = list(clients.map(server.score, documents))
    blocker.join()
    assert [status for status, _ in answers] == [200] * 5 + [422] + [200] * 6
    shares = [answer["probabilities"][0][1] for status, answer in answers if status == 200]
    expected = [share_of(row) for number, row in enumerate(rows(12)) if number != 5]
    assert shares == pytest.approx(expected)


def test_pages_for_operators(server: Running) -> None:
    """If this fails, load balancers and monitoring cannot see the server."""
    for path in ("/ping", "/health/live", "/health/ready"):
        assert server.target.ask("GET", path).status == 200
        assert server.target.ask("HEAD", path).body == b""
    answers = _metric(server, 'ml_requests_total{status="200"}')
    server.score({"dataframe_records": [ROW]})
    assert _metric(server, 'ml_requests_total{status="200"}') == answers + 1
    assert _metric(server, "ml_in_flight") == 0


def test_every_answer_names_the_model(server: Running, bundle: Any) -> None:
    """If this fails, nobody can tell which model gave an answer."""
    digest = json.loads((bundle / "bundle.json").read_text())["model_digest"]
    for path in ("/ping", "/nowhere", "/metrics"):
        assert server.target.ask("GET", path).headers["x-model-digest"] == digest


def test_description_has_the_columns(server: Running) -> None:
    """If this fails, a client generated from the description sends the wrong columns."""
    document = server.target.ask("GET", "/openapi.json").json()
    described = document["components"]["schemas"]["Row"]["properties"]
    assert list(described) == [feature["name"] for feature in SCHEMA["features"]]
    assert described["weight"]["type"] == ["number", "null"]


def _metric(server: Running, name: str) -> float:
    text = server.target.ask("GET", "/metrics").body.decode()
    return float(next(line for line in text.splitlines() if line.startswith(f"{name} ")).split()[-1])
