"""A closed-loop load on loopback, with a fixed number of connections and of requests."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def encode(self) -> bytes:
        lines = [f"{self.method} {self.path} HTTP/1.1", "Host: bench"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if self.body:
            lines += ["Content-Type: application/json", f"Content-Length: {len(self.body)}"]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body


@dataclass(slots=True)
class LoadResult:
    statuses: dict[int, int] = field(default_factory=dict)
    latencies_ms: list[float] = field(default_factory=list)
    seconds: float = 0

    @property
    def requests(self) -> int:
        return len(self.latencies_ms)

    @property
    def failures(self) -> int:
        """Answers that are neither 2xx nor 304."""
        good = {status for status in self.statuses if 200 <= status < 300 or status == 304}  # noqa: PLR2004  # the statuses themselves
        return sum(count for status, count in self.statuses.items() if status not in good)

    def percentile_ms(self, share: float) -> float:
        ordered = sorted(self.latencies_ms)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


async def run(origin: str, requests: Sequence[Request], *, connections: int) -> LoadResult:
    """Send every request once, over keep-alive connections that each wait for their answer."""
    parts = urlsplit(origin)
    result = LoadResult()
    pending = iter([request.encode() for request in requests])
    started = time.perf_counter()
    await asyncio.gather(
        *(_worker(parts.hostname, parts.port, pending, result) for _ in range(connections))
    )
    result.seconds = time.perf_counter() - started
    return result


async def _worker(
    host: str | None, port: int | None, pending: Iterator[bytes], result: LoadResult
) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        for encoded in pending:
            sent = time.perf_counter()
            writer.write(encoded)
            status, _ = await _read_answer(reader)
            result.latencies_ms.append((time.perf_counter() - sent) * 1000)
            result.statuses[status] = result.statuses.get(status, 0) + 1
    finally:
        writer.close()


async def fetch(origin: str, request: Request) -> tuple[int, bytes]:
    parts = urlsplit(origin)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(request.encode())
    try:
        return await _read_answer(reader)
    finally:
        writer.close()


async def _read_answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head[9:12])
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return status, await reader.readexactly(length) if length else b""
