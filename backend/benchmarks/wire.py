"""A TCP proxy in front of PostgreSQL that counts round trips and statements: deterministic."""

import asyncio
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

_HEADER = struct.Struct("!I")
_EXECUTE, _QUERY = ord("E"), ord("Q")
_STARTUP_BYTES = 8


@dataclass(slots=True)
class WireCounter:
    """`round_trips`: how often a client spoke after the server had; `statements`: what it ran."""

    round_trips: int = 0
    statements: int = 0


class CountingProxy:
    """Forwards loopback connections to PostgreSQL and watches the frontend's messages."""

    def __init__(self, upstream_port: int) -> None:
        self.counter = WireCounter()
        self._upstream_port = upstream_port
        self._server: asyncio.Server | None = None

    async def start(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._upstream_port)
        link = _Link(self.counter)
        await asyncio.gather(
            _pump(reader, up_writer, link.from_client), _pump(up_reader, writer, link.from_server)
        )


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: Callable[[bytes], None]
) -> None:
    try:
        while data := await reader.read(65_536):
            seen(data)
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


@dataclass
class _Link:
    counter: WireCounter
    client_spoke_last: bool = False
    started: bool = False
    buffer: bytearray = field(default_factory=bytearray)

    def from_client(self, data: bytes) -> None:
        if not self.client_spoke_last:
            self.counter.round_trips += 1
            self.client_spoke_last = True
        self.buffer += data
        self._read_messages()

    def from_server(self, _data: bytes) -> None:
        self.client_spoke_last = False

    def _read_messages(self) -> None:
        if not self.started:
            # The start-up message has no type byte.
            if len(self.buffer) < _STARTUP_BYTES:
                return
            length = _HEADER.unpack_from(self.buffer)[0]
            if len(self.buffer) < length:
                return
            del self.buffer[:length]
            self.started = True
        while len(self.buffer) > _HEADER.size:
            length = _HEADER.unpack_from(self.buffer, 1)[0]
            if len(self.buffer) < length + 1:
                return
            if self.buffer[0] in {_EXECUTE, _QUERY}:
                self.counter.statements += 1
            del self.buffer[: length + 1]
