import hashlib
import io
import os
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from app.core.files.zip_stream import CHUNK, ZipStream

MADE_AT = datetime(2026, 11, 20, 22, 5, tzinfo=UTC)


async def chunks(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def test_is_an_archive_with_the_digests_of_its_members() -> None:
    stream = ZipStream(MADE_AT)
    pieces = [piece async for piece in stream.add("a.txt", chunks(b"one ", b"two"))]
    pieces += [piece async for piece in stream.add("folder/empty", chunks())]
    content = b"".join(pieces) + stream.close()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["a.txt", "folder/empty"]
        assert archive.read("a.txt") == b"one two"
        assert archive.getinfo("a.txt").date_time == (2026, 11, 20, 22, 5, 0)
    assert stream.digests == {
        "a.txt": (hashlib.sha256(b"one two").hexdigest(), 7),
        "folder/empty": (hashlib.sha256(b"").hexdigest(), 0),
    }


async def test_keeps_nothing_of_a_large_member() -> None:
    """Data that does not compress is passed on a few chunks at a time."""
    piece = os.urandom(CHUNK)
    stream = ZipStream(MADE_AT)
    sizes = [len(out) async for out in stream.add("large", chunks(*[piece] * 50))]
    assert sum(sizes) > 50 * CHUNK
    assert max(sizes) < 3 * CHUNK
