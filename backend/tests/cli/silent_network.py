"""A network that can fall silent: what is sent is taken and never arrives, and nobody is told."""

import asyncio
import contextlib
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class SilentNetwork:
    port: int = 0
    is_silent: bool = False
    lost_bytes: int = 0
    _pumps: set[asyncio.Task[None]] = field(default_factory=set)

    async def pump(self, reader: StreamReader, writer: StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                if self.is_silent:
                    self.lost_bytes += len(data)
                    continue
                writer.write(data)
                await writer.drain()
        if self.is_silent:
            return  # the other side stays open too, and learns nothing
        writer.close()

    def carry(self, reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.create_task(self.pump(reader, writer))
        self._pumps.add(task)
        task.add_done_callback(self._pumps.discard)

    async def end(self) -> None:
        for task in self._pumps:
            task.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)


@contextlib.asynccontextmanager
async def silent_network(host: str, port: int) -> AsyncIterator[SilentNetwork]:
    """Carry connections to a port until told to be silent."""
    network = SilentNetwork()
    writers: list[StreamWriter] = []

    async def accepted(reader: StreamReader, writer: StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection(host, port)
        writers.extend((writer, up_writer))
        network.carry(reader, up_writer)
        network.carry(up_reader, writer)

    server = await asyncio.start_server(accepted, "127.0.0.1", 0)
    network.port = server.sockets[0].getsockname()[1]
    try:
        yield network
    finally:
        server.close()
        await network.end()
        for writer in writers:
            writer.close()
