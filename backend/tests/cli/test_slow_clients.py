"""Clients that are slow or send too much, against the real server and one with shorter limits."""

import asyncio
import contextlib
import itertools
import time
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from statistics import quantiles

import httpx
import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from app.cli import impatience
from app.cli.impatience import HEAD_BYTES, HEADERS, ImpatientProtocol
from tests.cli.processes import PATIENCE_SECONDS, free_port, training
from tests.support import LocalKeys, published

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]

SOCKETS = 500
HEADERS_WITHIN, BODY_WITHIN = 10, 30
HEALTHY_REQUESTS = 300
SCHEDULING_MS = 10
"""The clients of these tests share the processors with the server."""

LIVE = b"GET /api/v1/health/live HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /api/v1/enrollments HTTP/1.1\r\nHost: x\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
SLOW = {
    "says nothing": (b"", b"", HEADERS_WITHIN),
    "sends headers": (LIVE, b"X-Slow: 1\r\n", HEADERS_WITHIN),
    "sends one long header": (LIVE + b"X-Slow: ", b"x", HEADERS_WITHIN),
    "sends empty lines after a request": (LIVE + b"\r\n", b"\r\n", HEADERS_WITHIN),
    "sends a body": (POST + b"Content-Length: 1000\r\n\r\n{", b" ", BODY_WITHIN),
    "sends chunks": (POST + CHUNKED + b"1\r\n{\r\n", b"1\r\n \r\n", BODY_WITHIN),
}


async def seconds_open(port: int, first: bytes, drip: bytes, opened: asyncio.Barrier) -> float:
    """Send a little each second until the server has had enough."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    started = time.monotonic()
    writer.write(first)
    await opened.wait()
    ended = asyncio.create_task(until_the_end(reader))
    while not (await asyncio.wait({ended}, timeout=1))[0]:
        writer.write(drip)
    writer.close()
    return time.monotonic() - started


async def until_the_end(reader: asyncio.StreamReader) -> bytes:
    received = b""
    with contextlib.suppress(ConnectionError):
        while part := await reader.read(65536):
            received += part
    return received


async def until_it_listens(port: int) -> None:
    while True:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.05)


async def p99_ms(client: httpx.AsyncClient) -> float:
    taken = []
    for _ in range(HEALTHY_REQUESTS):
        started = time.perf_counter()
        assert (await client.get("/health/live")).is_success
        taken.append((time.perf_counter() - started) * 1000)
    return quantiles(taken, n=100)[98]


@pytest.mark.full
class TestServe:
    @pytest.fixture
    async def port(self, keys: LocalKeys) -> AsyncIterator[int]:
        port = free_port()
        with published(keys) as issuer:
            environment = {
                "ENVIRONMENT": "test",
                "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nowhere",
                "SUPABASE_URL": issuer.removesuffix("/auth/v1"),
                "SUPABASE_SECRET_KEY": "sb_secret_test",
                "LOG_LEVEL": "WARNING",
            }
            arguments = ("serve", "--port", str(port))
            async with training(*arguments, environment=environment, output=DEVNULL):
                await asyncio.wait_for(until_it_listens(port), PATIENCE_SECONDS)
                yield port

    async def test_slow_clients_are_sent_away_and_disturb_nobody(self, port: int) -> None:
        origin = f"http://127.0.0.1:{port}/api/v1"
        opened = asyncio.Barrier(SOCKETS + 1)
        kinds = list(itertools.islice(itertools.cycle(SLOW), SOCKETS))
        async with httpx.AsyncClient(base_url=origin, timeout=PATIENCE_SECONDS) as client:
            alone = await p99_ms(client)
            slow = [
                asyncio.create_task(seconds_open(port, *SLOW[kind][:2], opened)) for kind in kinds
            ]
            await opened.wait()
            beside = await p99_ms(client)
            lasted = await asyncio.wait_for(asyncio.gather(*slow), PATIENCE_SECONDS)
            assert (await client.get("/health/live")).is_success
        longest = dict.fromkeys(SLOW, 0.0)
        for kind, seconds in zip(kinds, lasted, strict=True):
            longest[kind] = max(longest[kind], seconds)
        print(f"p99 {alone:.1f} ms alone, {beside:.1f} ms beside; open for {longest}")  # noqa: T201  # figures to look at with `pytest -rP`
        assert not {kind for kind, seconds in longest.items() if seconds > SLOW[kind][2]}
        assert beside < 2 * alone + SCHEDULING_MS


async def read_steadily(reader: asyncio.StreamReader) -> int:
    """Read to the end, or to the end of PIECES of a large answer; return how much that was."""
    received = 0
    with contextlib.suppress(ConnectionError):
        while received <= LARGE * PIECES and (part := await reader.read(65_536)):
            received += len(part)
            await asyncio.sleep(len(part) / STEADY_BYTES)
    return received


SHORT = 0.1
LARGE = 16 * 1024 * 1024
PIECES = 2
STEADY_BYTES = 32 * 1024 * 1024
"""What a client reads in a second, at the most."""


class Application:
    """Answers with the body's length; /late once it may, /large with more than buffers hold."""

    def __init__(self) -> None:
        self.may_go_on = asyncio.Event()
        self.ended = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/late":
            await self.may_go_on.wait()
        length, more = 0, True
        while more:
            message = await receive()
            length += len(message.get("body", b""))
            more = message.get("more_body", False)
        if scope["path"] == "/pieces":
            await self._send_pieces(send)
            return
        body = b"x" * LARGE if scope["path"] == "/large" else str(length).encode()
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        # The second waits until the client has read most of the first.
        await send({"type": "http.response.body", "body": body[:-1], "more_body": True})
        await send({"type": "http.response.body", "body": body[-1:]})
        self.ended.set()

    async def _send_pieces(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(PIECES * LARGE // 65_536):
            await send({"type": "http.response.body", "body": b"x" * 65_536, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


class TestProtocol:
    """With a tenth of a second for everything."""

    @pytest.fixture
    def app(self) -> Application:
        return Application()

    @pytest.fixture
    async def client(
        self, app: Application, monkeypatch: pytest.MonkeyPatch
    ) -> AsyncIterator[Connection]:
        for name in ("HEADERS_SECONDS", "BODY_SECONDS", "READING_SECONDS"):
            monkeypatch.setattr(impatience, name, SHORT)
        config = uvicorn.Config(app, lifespan="off", log_config=None)
        config.load()
        state = ServerState()
        server = await asyncio.get_running_loop().create_server(
            lambda: ImpatientProtocol(config, state, {}), "127.0.0.1", 0
        )
        async with server:
            port = server.sockets[0].getsockname()[1]
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            yield reader, writer
            writer.close()
        app.may_go_on.set()
        await asyncio.wait_for(asyncio.gather(*state.tasks), PATIENCE_SECONDS)

    async def test_ends_without_an_answer(self, client: Connection) -> None:
        reader, writer = client
        writer.write(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n1")
        assert await asyncio.wait_for(until_the_end(reader), PATIENCE_SECONDS) == b""

    async def test_waits_for_its_own_side(self, client: Connection, app: Application) -> None:
        """The client is not to blame while the answer is prepared or its body waits to be read."""
        reader, writer = client
        body = b"x" * 1_000_000
        writer.write(b"POST /late HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n" + body)
        answered = asyncio.create_task(reader.readuntil(b"1000000"))
        assert not (await asyncio.wait({answered}, timeout=SHORT * 3))[0]
        app.may_go_on.set()
        assert (await asyncio.wait_for(answered, PATIENCE_SECONDS)).startswith(b"HTTP/1.1 200")

    async def test_leaves_idle_connections_alone(self, client: Connection) -> None:
        reader, writer = client
        for _ in range(2):
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            await asyncio.wait_for(reader.readuntil(b"\r\n\r\n0"), PATIENCE_SECONDS)
            ended = asyncio.create_task(reader.read(1))
            assert not (await asyncio.wait({ended}, timeout=SHORT * 3))[0]
            ended.cancel()
            await asyncio.wait({ended})

    @pytest.mark.parametrize(
        "limits",
        [
            {"SLOWEST_BYTES": STEADY_BYTES * 100},
            {"SLOWEST_BYTES": 1, "WHOLE_SECONDS": SHORT},
        ],
        ids=["slowly", "long"],
    )
    async def test_ends_with_who_reads_steadily_but_too(
        self, client: Connection, limits: dict[str, float], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The client leaves nothing unread for as long as SHORT, but is too slow on the whole."""
        for name, value in limits.items():
            monkeypatch.setattr(impatience, name, value)
        reader, writer = client
        writer.write(b"GET /pieces HTTP/1.1\r\n\r\n")
        assert await asyncio.wait_for(read_steadily(reader), PATIENCE_SECONDS) < LARGE * PIECES

    async def test_bears_with_who_reads_steadily(
        self, client: Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """However busy the machine is, the client reads something in the time that it has."""
        monkeypatch.setattr(impatience, "READING_SECONDS", SHORT * 6)
        reader, writer = client
        writer.write(b"GET /pieces HTTP/1.1\r\n\r\n")
        read = asyncio.wait_for(read_steadily(reader), PATIENCE_SECONDS)
        assert await read > LARGE * PIECES

    async def test_sends_nothing_to_who_does_not_read(
        self, client: Connection, app: Application
    ) -> None:
        _, writer = client
        writer.write(b"GET /large HTTP/1.1\r\n\r\n")
        await asyncio.wait_for(app.ended.wait(), PATIENCE_SECONDS)

    @pytest.mark.parametrize(
        ("before", "filler"),
        [
            (b"GET /", b"x"),
            (b"GET / HTTP/1.1\r\nX-Large: ", b"x"),
            (b"GET / HTTP/1.1\r\n", b"x"),
            (b"GET / HTTP/1.1\r\n", b"X-Many: " + b"x" * 1000 + b"\r\n"),
        ],
        ids=["address", "value", "name", "headers"],
    )
    async def test_keeps_no_head_that_is_large(
        self, client: Connection, before: bytes, filler: bytes
    ) -> None:
        reader, writer = client
        writer.write(before)
        ended = asyncio.create_task(until_the_end(reader))
        # A client that goes on sending may lose the answer when the connection is closed.
        while not (await asyncio.wait({ended}, timeout=SHORT / 5))[0]:
            writer.write(filler * (HEAD_BYTES // 2 // len(filler)))
        assert ended.result().startswith(b"HTTP/1.1 431 ")

    @pytest.mark.parametrize(
        ("size", "status"), [(HEAD_BYTES, b"200"), (HEAD_BYTES + 1, b"431")], ids=["most", "more"]
    )
    async def test_counts_bytes(self, client: Connection, size: int, status: bytes) -> None:
        reader, writer = client
        writer.write(b"GET / HTTP/1.1\r\nX: " + b"x" * (size - len(b"/X")) + b"\r\n\r\n")
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE_SECONDS)
        assert answer.startswith(b"HTTP/1.1 " + status)

    async def test_keeps_no_trailer_that_is_large(self, client: Connection) -> None:
        reader, writer = client
        writer.write(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ")
        writer.write(b"x" * 2 * HEAD_BYTES)
        assert await asyncio.wait_for(until_the_end(reader), PATIENCE_SECONDS) == b""

    @pytest.mark.parametrize(
        ("count", "status"), [(HEADERS, b"200"), (HEADERS + 1, b"431")], ids=["most", "one more"]
    )
    async def test_counts_headers(self, client: Connection, count: int, status: bytes) -> None:
        reader, writer = client
        writer.write(b"GET / HTTP/1.1\r\n" + b"X: 1\r\n" * count + b"\r\n")
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE_SECONDS)
        assert answer.startswith(b"HTTP/1.1 " + status)

    async def test_large_bodies_are_no_heads(self, client: Connection) -> None:
        reader, writer = client
        for part in (b"POST / HTTP/1.1\r\nContent-Length: 200000\r\n\r\n", b"x" * 200_000):
            writer.write(part)
        await asyncio.wait_for(reader.readuntil(b"200000"), PATIENCE_SECONDS)
