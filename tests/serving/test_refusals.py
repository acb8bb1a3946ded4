"""Refusing in a storm: the accepted first, every refused client in its turn, and what HTTP wants kept."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import uvloop

from ml_stages.model.answers import Answers, make_answers
from ml_stages.serving.admission import Admission
from ml_stages.serving.application import Application
from ml_stages.serving.cost import Cost
from ml_stages.serving.features import Columns, FeatureTable
from ml_stages.serving.metrics import Metrics, MetricsMemory
from ml_stages.serving.probing.load import closed_loop, request_bytes
from ml_stages.serving.refusals import Refusals, Refused
from ml_stages.serving.scorer import Scorer
from ml_stages.serving.service import Service
from ml_stages.serving.settings import Settings
from ml_stages.serving.supervise import open_listener
from ml_stages.serving.uvicorn_server import Server
from ml_stages.serving.worker import let_in_last, listeners_of, server_config
from tests.serving.apples import ROW, serving

_SCHEMA = {
    "features": [{"name": "x", "type": "float", "nullable": False}],
    "label": {"name": "y", "type": "float"},
    "key": [],
}
_REQUEST = request_bytes("127.0.0.1", "/invocations", json.dumps({"inputs": {"x": [1.5]}}).encode())


_BEGINNINGS = (b"POST /invocations HTTP/1.1\r\n",)


class _Transport(asyncio.Transport):
    """A connection that notes when it was refused."""

    def __init__(self, number: int, refused: list[int]) -> None:
        super().__init__()
        self._number, self._refused = number, refused

    def is_closing(self) -> bool:
        return False

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        pass

    def write(self, data: object) -> None:
        self._refused.append(self._number)


def _refuse(refusals: Refusals, numbers: int, refused: list[int]) -> None:
    """One request on each of so many connections; ``refused`` comes to hold who heard it."""
    for number in range(numbers):
        Refused(refusals, asyncio.Protocol(), _Transport(number, refused)).refuse(_REQUEST)


def _refusals(call_seconds: float = 0.0) -> Refusals:
    """Under an overload, of a model whose calls take so long."""
    metrics = MetricsMemory(1).worker(0)
    admission = Admission(Cost(), metrics)
    for _ in range(2000):
        admission.refuse()
    for _ in range(16 if call_seconds else 0):
        admission.saw(1, 1, call_seconds)
    return Refusals(admission, metrics, _BEGINNINGS, lambda: (b"HTTP/1.1 503",))


def test_who_is_accepted_waits_for_few_of_the_refused() -> None:
    """If this fails, one accepted request among hundreds of refused ones is answered after all of them."""
    refused: list[int] = []
    seen: list[int] = []

    async def storm() -> None:
        _refuse(_refusals(), 500, refused)
        asyncio.get_running_loop().call_soon(lambda: seen.append(len(refused)))
        while len(refused) < 500:
            await asyncio.sleep(0)

    asyncio.run(storm())
    assert 0 < seen[0] <= 16
    assert refused == list(range(500))


def test_refusing_keeps_up_where_calls_hold_the_loop() -> None:
    """If this fails, a call of 10 ms between every 16 refusals has refused clients wait for one another."""
    refused: list[int] = []

    async def storm() -> int:
        _refuse(_refusals(0.010), 80, refused)
        await asyncio.sleep(0)
        return len(refused)

    assert asyncio.run(storm()) == 80


@pytest.mark.parametrize(("crowd", "every"), [(70, 8), (240, 30), (1000, 64)])
def test_a_few_are_accepted_however_many_are_refused(crowd: int, every: int) -> None:
    """If this fails, a storm that takes all of a processor keeps everybody out, or those who are in slow."""

    async def storm() -> tuple[int, int]:
        refusals, refused, accepted, turns = _refusals(), list[int](), 0, 0
        assert refusals.lets_in(_Transport(0, []))
        while accepted < 4:
            _refuse(refusals, crowd - len(refusals), refused)  # as many come as are sent
            accepted += refusals.lets_in(_Transport(0, []))
            await asyncio.sleep(0)
            turns += 1
        while len(refusals):
            await asyncio.sleep(0)
        assert refusals.lets_in(_Transport(0, []))
        return turns, accepted

    turns, accepted = asyncio.run(storm())
    assert turns / accepted == pytest.approx(every, abs=2)


def test_who_waited_long_before_being_read_is_refused() -> None:
    """If this fails, those that came while the machine stood still are answered late, and all after them."""

    async def storm() -> list[tuple[bool, bool]]:
        metrics = MetricsMemory(1).worker(0)
        admission = Admission(Cost(), metrics)
        for _ in range(2000):
            admission.refuse()
        for _ in range(32):
            admission.saw(1, 1, 0.0001)
        refusals = Refusals(admission, metrics, _BEGINNINGS, lambda: (b"HTTP/1.1 503",))
        said, asked = [], list[bytes]()

        class Server(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                self.transport = transport

            def data_received(self, data: bytes) -> None:
                asked.append(data)
                said.append((refusals.lets_in(self.transport), refusals.lets_in(_Transport(0, []))))

        loop = asyncio.get_running_loop()
        server = await loop.create_server(Server, "127.0.0.1", 0)
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        for pause in (0.0, 0.1):
            await asyncio.sleep(0.05)
            writer.write(_REQUEST)
            time.sleep(pause)  # noqa: ASYNC251 - the machine stands still
            while len(said) <= bool(pause):
                await asyncio.sleep(0)
        writer.close()
        server.close()
        return said

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        said = runner.run(storm())
    assert said == [(True, True), (False, True)]


def test_one_is_let_in_at_a_time() -> None:
    """If this fails, one turn that lets somebody in reads all its other requests the long way."""

    async def storm() -> tuple[bool, bool]:
        refusals, refused = _refusals(), list[int]()
        _refuse(refusals, 1000, refused)
        another = _Transport(1000, refused)
        while not refusals.lets_in(another):
            await asyncio.sleep(0)
        return refusals.lets_in(another), refusals.add_another(Refused(refusals, asyncio.Protocol(), another))

    assert asyncio.run(storm()) == (False, True)


def test_another_kind_of_request_is_not_taken_for_the_one_before() -> None:
    """If this fails, a client that was refused once is refused whatever it asks of that length."""
    other = _REQUEST.replace(b"/invocations", b"/invocationz")

    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for request, status in ((_REQUEST, 503), (_REQUEST, 503), (other, 404), (_REQUEST, 503)):
            writer.write(request)
            assert await _read_answer(reader) == status

    _talk(conversation)


def test_a_client_of_tensors_reads_its_refusal() -> None:
    """If this fails, Triton's client breaks on the text of an overload in place of reporting it."""
    tensors = _REQUEST.replace(b"/invocations", b"/v2/models/same/infer")

    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        told = []
        for request in (tensors, tensors, _REQUEST):
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
            told.append(json.loads(await reader.readexactly(length)))
        assert [type(one["error"]) for one in told] == [str, str, dict]
        assert told[1]["code"] == told[2]["error"]["code"] == "overloaded"

    _talk(conversation)


class _Identity:
    """A model that answers what it is given, at once."""

    def enter_thread(self) -> None:
        pass

    def answer(self, columns: Columns, rows: int) -> Answers:
        return make_answers(rows, columns["x"])


def _application(admission: Admission, metrics: Metrics) -> Application:
    scorer = Scorer(_Identity(), metrics, admission)
    table = FeatureTable.from_schema(_SCHEMA)
    return Application(
        Service("same", "regression", "sha256:0", _SCHEMA, table, scorer, admission, metrics, Settings())
    )


def _full(metrics: Metrics) -> Admission:
    admission = Admission(Cost(), metrics)
    while not admission.is_full():
        admission.enter()
    return admission


def _talk(
    conversation: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    make_admission: Callable[[Metrics], Admission] = _full,
) -> Metrics:
    """One client of a server that has no room, until the client has said what it has to say."""
    metrics = MetricsMemory(1).worker(0)

    async def talk() -> None:
        admission = make_admission(metrics)
        application = _application(admission, metrics)
        config = server_config(application, Settings())
        config.port = 0
        config.load()
        server = Server(config)
        server.lifespan = config.lifespan_class(config)
        application.tasks = server.server_state.tasks
        await server.startup()
        port = server.servers[0].sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.timeout(10):
            await conversation(reader, writer)
        writer.close()
        await server.shutdown()

    asyncio.run(talk())
    return metrics


async def _read_answer(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    await reader.readexactly(length)
    return int(head[9:12])


def test_a_crowd_is_let_in_though_calls_hold_the_loop() -> None:
    """If this fails, hundreds that connect at once wait for as many calls of the model."""

    async def ask(port: int) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n")
        status = await _read_answer(reader)
        writer.close()
        return status

    async def crowd() -> list[int]:
        metrics = MetricsMemory(1).worker(0)
        application = _application(Admission(Cost(), metrics), metrics)
        config = server_config(application, Settings())
        config.load()
        server = Server(config)
        server.lifespan = config.lifespan_class(config)
        listeners = listeners_of(open_listener("127.0.0.1", 0))
        await server.startup(listeners)
        clients = [asyncio.create_task(ask(listeners[0].getsockname()[1])) for _ in range(160)]
        async with asyncio.timeout(1):  # one a turn would take 1.6 s
            while not all(client.done() for client in clients):
                time.sleep(0.01)  # noqa: ASYNC251 - a call of the model that holds the loop
                await asyncio.sleep(0)
        await server.shutdown(listeners)
        return [client.result() for client in clients]

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(crowd()) == [200] * 160


def test_who_connected_in_the_last_moment_is_answered() -> None:
    """If this fails, a stop resets the connection of whoever waits in the kernel's queue just then."""

    async def last_moment() -> tuple[bytes, bool]:
        metrics = MetricsMemory(1).worker(0)
        config = server_config(_application(Admission(Cost(), metrics), metrics), Settings())
        config.load()
        server = Server(config)
        server.lifespan = config.lifespan_class(config)
        listener = open_listener("127.0.0.1", 0)
        address = listener.getsockname()
        with socket.create_connection(address) as client:
            client.sendall(_REQUEST)
            await let_in_last(server, listener)
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(address)
            while server.server_state.total_requests == 0 or server.server_state.tasks:
                await asyncio.sleep(0)
            await asyncio.sleep(0)
            return client.recv(4096)[:15], bool(server.server_state.connections)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(last_moment()) == (b"HTTP/1.1 200 OK", True)


def test_a_client_that_asks_on_is_answered_in_order() -> None:
    """If this fails, a client that does not wait for its answers takes one for that of another request."""

    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(_REQUEST)
        await asyncio.sleep(0)
        writer.write(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n")
        writer.write(_REQUEST)
        assert [await _read_answer(reader) for _ in range(3)] == [503, 200, 503]
        writer.write(_REQUEST)
        assert await _read_answer(reader) == 503

    metrics = _talk(conversation)
    assert 'ml_requests_total{status="503"} 3\n' in metrics.text({})


def test_a_refused_client_is_answered_once_there_is_room() -> None:
    """If this fails, whoever was refused once is refused on the same connection ever after."""
    admissions: list[Admission] = []

    def make(metrics: Metrics) -> Admission:
        admissions.append(_full(metrics))
        return admissions[0]

    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for status in (503, 503, 200, 200):
            if status == 200:
                admissions[0].leave()
            writer.write(_REQUEST)
            assert await _read_answer(reader) == status

    metrics = _talk(conversation, make)
    assert 'ml_requests_total{status="503"} 2\n' in metrics.text({})
    assert 'ml_requests_total{status="200"} 2\n' in metrics.text({})


def test_a_refused_client_may_send_its_next_request_in_parts() -> None:
    """If this fails, a second request that comes in two packets is lost, or taken for two."""

    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(_REQUEST)
        assert await _read_answer(reader) == 503
        for part in (_REQUEST[:30], _REQUEST[30:-3], _REQUEST[-3:]):
            writer.write(part)
            await asyncio.sleep(0.02)
        assert await _read_answer(reader) == 503
        writer.write(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await _read_answer(reader) == 200

    _talk(conversation)


def test_a_client_that_has_no_more_to_ask_hears_its_refusal() -> None:
    """If this fails, a client that closes its side after the request never learns that it was refused."""

    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(_REQUEST)
        writer.write_eof()
        assert await _read_answer(reader) == 503
        assert await reader.read() == b""

    _talk(conversation)


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"HTTP/1.1", b"HTTP/1.0"), (b"Host", b"Connection: close\r\nHost")],
    ids=["HTTP/1.0", "close"],
)
def test_a_connection_for_one_request_ends_with_its_refusal(old: bytes, new: bytes) -> None:
    """If this fails, a client that reads to the end of the connection hangs when it is refused."""

    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(_REQUEST.replace(old, new))
        assert await _read_answer(reader) == 503
        assert await reader.read() == b""

    _talk(conversation)


@pytest.mark.parametrize(
    "line", [b"Content-Length: 1", b"Transfer-Encoding: chunked", b"Content-Length : 23"]
)
def test_an_overload_makes_no_unclear_request_right(line: bytes) -> None:
    """If this fails, whoever disagrees with a proxy about where a request ends can hide another in it."""

    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(_REQUEST.replace(b"Host", line + b"\r\nHost"))
        assert await _read_answer(reader) == 400
        assert await reader.read() == b""

    _talk(conversation)


def test_a_crowd_is_answered_or_refused_and_then_forgotten(bundle: Path, tmp_path: Path) -> None:
    """If this fails, a storm loses requests, answers nobody, or leaves the server refusing for good."""
    request = [request_bytes("127.0.0.1", "/invocations", json.dumps({"instances": [ROW]}).encode())]
    with serving(bundle, tmp_path / "server.log") as server:
        address = (server.target.host, server.target.port)
        storm = asyncio.run(closed_loop(*address, request, 1.0, 300))
        asyncio.run(closed_loop(*address, request, 0.3, 2))
        calm = asyncio.run(closed_loop(*address, request, 0.5, 16))
    for load, seconds in ((storm, 1.0), (calm, 0.5)):  # at its end, the generator hangs up
        assert all(sample.done >= seconds for sample in load.samples if not sample.status)
    assert storm.statuses[503] > storm.statuses[200] > 5
    assert storm.statuses[503] + storm.statuses[200] + storm.statuses[0] == len(storm.samples)
    assert calm.statuses[503] == 0
