"""Contents under names of our own, so that no object key ever becomes a path."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

from devstack.storage.errors import Failure, StorageError


@dataclass(frozen=True)
class Blob:
    version: UUID
    size: int
    etag: str


class Blobs:
    def __init__(self, root: Path) -> None:
        self._root = root
        root.mkdir(mode=0o700, parents=True, exist_ok=True)

    def path(self, version: UUID) -> Path:
        return self._root / str(version)

    async def write(self, chunks: AsyncIterator[bytes], limit: int | None) -> Blob:
        """Raise and keep nothing when there are more than `limit` bytes."""
        version = uuid4()
        digest = hashlib.md5(usedforsecurity=False)
        size = 0
        try:
            with self.path(version).open("wb") as file:
                async for chunk in _limited(chunks, limit):
                    size += len(chunk)
                    digest.update(chunk)
                    await asyncio.to_thread(file.write, chunk)
        except BaseException:
            self.remove(version)
            raise
        return Blob(version, size, f'"{digest.hexdigest()}"')

    def remove(self, version: UUID) -> None:
        self.path(version).unlink(missing_ok=True)


async def _limited(chunks: AsyncIterator[bytes], limit: int | None) -> AsyncIterator[bytes]:
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if limit is not None and size > limit:
            raise StorageError(Failure.ENTITY_TOO_LARGE)
        yield chunk
