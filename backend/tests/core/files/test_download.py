import asyncio
import errno
import gc
from collections.abc import AsyncGenerator
from typing import Any, Self

import pytest

from app.core.errors import UnavailableError
from app.core.files import download
from app.core.files.download import Download, Downloads, DownloadTooLargeError

LIMIT = 2_000_000


@pytest.fixture
def downloads() -> Downloads:
    return Downloads(at_once=1, wait_seconds=0.05, max_bytes=LIMIT)


class Source:
    """Yields chunks when it may, and notes that it has ended."""

    def __init__(self, *chunks: bytes) -> None:
        self._chunks = chunks
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()
        self.ended = False

    async def chunks(self) -> AsyncGenerator[bytes]:
        try:
            for chunk in self._chunks:
                await self.may_go_on.wait()
                yield chunk
        finally:
            self.ended = True


async def read(made: Download) -> bytes:
    return b"".join([block async for block in made.blocks()])


@pytest.mark.parametrize("chunks", [(), (b"one",), (b"x" * 900_000, b"y" * 900_000)])
async def test_holds_what_was_made(downloads: Downloads, chunks: tuple[bytes, ...]) -> None:
    source = Source(*chunks)
    made = await downloads.make(source.chunks())
    assert source.ended
    assert made.size == sum(map(len, chunks))
    assert await read(made) == b"".join(chunks)


async def test_too_large(downloads: Downloads) -> None:
    source = Source(b"x" * LIMIT, b"x")
    with pytest.raises(DownloadTooLargeError):
        await downloads.make(source.chunks())
    assert source.ended


async def test_turns(downloads: Downloads) -> None:
    slow = Source(b"slow")
    slow.may_go_on.clear()
    first = asyncio.create_task(downloads.make(slow.chunks()))
    await asyncio.sleep(0)
    with pytest.raises(UnavailableError) as caught:
        await downloads.make(Source(b"other").chunks())
    assert caught.value.code == "overloaded"
    slow.may_go_on.set()
    assert await read(await first) == b"slow"
    assert await read(await downloads.make(Source(b"other").chunks())) == b"other"


async def test_a_turn_that_is_given_up_is_free(downloads: Downloads) -> None:
    slow = Source(b"slow")
    slow.may_go_on.clear()
    first = asyncio.create_task(downloads.make(slow.chunks()))
    await asyncio.sleep(0.01)
    first.cancel()
    await asyncio.wait({first})
    assert slow.ended
    assert await read(await downloads.make(Source(b"other").chunks())) == b"other"


@pytest.mark.full
async def test_what_waits_for_clients_is_bounded(downloads: Downloads) -> None:
    whole = (b"x" * LIMIT,)
    kept = [await downloads.make(Source(*whole).chunks()) for _ in range(download.FILES_KEPT)]
    with pytest.raises(UnavailableError) as caught:
        await downloads.make(Source(*whole).chunks())
    assert caught.value.code == "overloaded"
    kept.pop()
    gc.collect()
    assert (await downloads.make(Source(*whole).chunks())).size == LIMIT


async def test_a_full_disk(downloads: Downloads, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def __init__(self, *_: Any) -> None: ...

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None: ...

        def write(self, _chunk: bytes) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.SpooledTemporaryFile", Full)
    source = Source(b"x")
    with pytest.raises(UnavailableError) as caught:
        await downloads.make(source.chunks())
    assert caught.value.code == "disk_full"
    assert source.ended
