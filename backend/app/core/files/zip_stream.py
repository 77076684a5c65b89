"""Writes a ZIP archive piece by piece, so that it is never in memory as a whole."""

import hashlib
from collections.abc import AsyncIterable, AsyncIterator
from datetime import datetime
from typing import IO, cast
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

CHUNK = 65_536


class _Sink:
    """A target for zipfile that can only be written to, as a pipe. It collects the pieces."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.size = 0

    def write(self, piece: bytes) -> int:
        self._pieces.append(bytes(piece))
        self.size += len(piece)
        return len(piece)

    def flush(self) -> None:
        """Do nothing. zipfile calls this, but `take` returns every piece at once anyway."""

    def take(self) -> bytes:
        taken = b"".join(self._pieces)
        self._pieces.clear()
        self.size = 0
        return taken


class ZipStream:
    """`digests` has the SHA-256 (hex) and the size of each member that is complete."""

    def __init__(self, made_at: datetime) -> None:
        self._sink = _Sink()
        self._archive = ZipFile(cast("IO[bytes]", self._sink), "w", ZIP_DEFLATED)
        self._date = made_at.timetuple()[:6]
        self.digests: dict[str, tuple[str, int]] = {}

    async def add(self, name: str, chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        """Write a member; yield the archive's bytes as they come."""
        info = ZipInfo(name, self._date)
        info.compress_type = ZIP_DEFLATED
        info.external_attr = 0o644 << 16
        digest, size = hashlib.sha256(), 0
        with self._archive.open(info, "w", force_zip64=True) as member:
            async for chunk in chunks:
                member.write(chunk)
                digest.update(chunk)
                size += len(chunk)
                if self._sink.size >= CHUNK:
                    yield self._sink.take()
        self.digests[name] = (digest.hexdigest(), size)
        yield self._sink.take()

    def close(self) -> bytes:
        """Return the archive's last bytes: its directory."""
        self._archive.close()
        return self._sink.take()
