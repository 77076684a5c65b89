"""Large answers. They are first written to a file on disk and then sent from it.

So no database connection is held while a client reads. A client that reads slowly, or not at all,
only takes up a file.
"""

import asyncio
import errno
import tempfile
import weakref
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import ExitStack, aclosing, asynccontextmanager
from typing import IO, Final

from app.core.errors import ConflictError, OverloadedError, UnavailableError

BLOCK: Final = 65_536
IN_MEMORY: Final = 1_048_576
FILES_KEPT: Final = 4
"""Number of files of the largest size that may wait on disk for their clients at once."""


class BusyError(OverloadedError):
    title = "Too many downloads at once, or waiting for their clients"


class DiskFullError(UnavailableError):
    code = "disk_full"
    title = "There is no room to make this file"


class DownloadTooLargeError(ConflictError):
    code = "download_too_large"
    title = "This is too much for one file; narrow it down"


class Download:
    """A complete file. It is deleted with the last reference to this object."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file = file
        self.size = size

    async def blocks(self) -> AsyncIterator[bytes]:
        self._file.seek(0)
        while block := await self._read():
            yield block

    async def _read(self) -> bytes:
        if self.size <= IN_MEMORY:
            return self._file.read(BLOCK)
        return await asyncio.to_thread(self._file.read, BLOCK)


class Downloads:
    """Makes files, and only a few at once, because each holds a connection for a long time."""

    def __init__(self, *, at_once: int, wait_seconds: float, max_bytes: int) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._wait_seconds = wait_seconds
        self._max_bytes = max_bytes
        self._kept = 0

    async def make(self, chunks: AsyncGenerator[bytes]) -> Download:
        """Take all chunks; raise UnavailableError when there is no turn, or no room, in time."""
        with ExitStack() as stack:
            file = stack.enter_context(tempfile.SpooledTemporaryFile(IN_MEMORY))
            async with self._turn(), aclosing(chunks):
                size = await self._fill(file, chunks)
            download = Download(file, size)
            self._kept += size
            stack.callback(self._forget, size)
            weakref.finalize(download, stack.pop_all().close)
        return download

    async def _fill(self, file: IO[bytes], chunks: AsyncIterator[bytes]) -> int:
        size = 0
        async for chunk in chunks:
            size += len(chunk)
            self._check(size)
            await _write(file, chunk, size)
        return size

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        try:
            await asyncio.wait_for(self._turns.acquire(), self._wait_seconds)
        except TimeoutError:
            raise BusyError from None
        try:
            yield
        finally:
            self._turns.release()

    def _check(self, size: int) -> None:
        if size > self._max_bytes:
            raise DownloadTooLargeError
        if self._kept + size > self._max_bytes * FILES_KEPT:
            raise BusyError

    def _forget(self, size: int) -> None:
        self._kept -= size


async def _write(file: IO[bytes], chunk: bytes, size: int) -> None:
    try:
        if size <= IN_MEMORY:
            file.write(chunk)
        else:
            await asyncio.to_thread(file.write, chunk)
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise DiskFullError from None
