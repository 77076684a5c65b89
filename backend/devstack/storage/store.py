from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self
from uuid import UUID

import asyncpg

from app.core.ids import new_id
from devstack.database import open_pool
from devstack.storage.blobs import Blob, Blobs
from devstack.storage.schema import DDL
from devstack.storage.schemas import Bucket, BucketOptions, StoredObject


class StorageStore:
    """Contents in files, all else in the schema `storage` of the embedded PostgreSQL."""

    def __init__(self, pool: asyncpg.Pool, folder: Path) -> None:
        self.folder = folder
        self.buckets = Buckets(pool)
        self.objects = Objects(pool)
        self.blobs = Blobs(folder / "blobs")

    @classmethod
    @asynccontextmanager
    async def open(cls, dsn: str, folder: Path, *, max_connections: int = 4) -> AsyncIterator[Self]:
        """Connect as a role that may create schemas, and create the tables that are missing."""
        async with open_pool(dsn, DDL, max_connections=max_connections) as pool:
            yield cls(pool, folder)


class Buckets:
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def create(self, bucket_id: str, options: BucketOptions) -> bool:
        """Return whether there was no such bucket before."""
        query = """
            INSERT INTO storage.buckets (id, name, file_size_limit, allowed_mime_types)
            VALUES ($1, $1, $2, $3) ON CONFLICT DO NOTHING RETURNING id
        """
        limits = options.file_size_limit, options.allowed_mime_types
        return await self._pool.fetchval(query, bucket_id, *limits) is not None

    async def update(self, bucket_id: str, options: BucketOptions) -> bool:
        query = """
            UPDATE storage.buckets
            SET file_size_limit = $2, allowed_mime_types = $3, updated_at = now()
            WHERE id = $1 RETURNING id
        """
        limits = options.file_size_limit, options.allowed_mime_types
        return await self._pool.fetchval(query, bucket_id, *limits) is not None

    async def get(self, bucket_id: str) -> Bucket | None:
        query = "SELECT * FROM storage.buckets WHERE id = $1"
        row = await self._pool.fetchrow(query, bucket_id)
        return Bucket.model_validate(dict(row)) if row else None

    async def all(self) -> list[Bucket]:
        rows = await self._pool.fetch("SELECT * FROM storage.buckets ORDER BY id")
        return [Bucket.model_validate(dict(row)) for row in rows]


class Objects:
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def get(self, bucket_id: str, name: str) -> StoredObject | None:
        query = "SELECT * FROM storage.objects WHERE bucket_id = $1 AND name = $2"
        return _object(await self._pool.fetchrow(query, bucket_id, name))

    async def put(  # noqa: PLR0913 - the columns of an object
        self,
        bucket_id: str,
        name: str,
        blob: Blob,
        *,
        mimetype: str,
        cache_control: str,
        user_metadata: dict[str, object] | None,
        upsert: bool,
    ) -> tuple[StoredObject | None, UUID | None]:
        """Return the object, or `None` if there is one already, and the version it replaces."""
        query = """
            INSERT INTO storage.objects AS object (id, bucket_id, name, version, size, mimetype,
                etag, cache_control, user_metadata)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            ON CONFLICT (bucket_id, name) DO UPDATE SET
                version = $4, size = $5, mimetype = $6, etag = $7, cache_control = $8,
                user_metadata = $9, updated_at = now()
            WHERE $10
            RETURNING object.*
        """
        async with self._pool.acquire() as connection, connection.transaction():
            replaced = await connection.fetchval(
                "SELECT version FROM storage.objects WHERE bucket_id = $1 AND name = $2 FOR UPDATE",
                bucket_id,
                name,
            )
            row = await connection.fetchrow(
                query,
                new_id(),
                bucket_id,
                name,
                blob.version,
                blob.size,
                mimetype,
                blob.etag,
                cache_control,
                user_metadata,
                upsert,
            )
        return _object(row), replaced

    async def beneath(self, bucket_id: str, prefix: str) -> list[StoredObject]:
        query = """
            SELECT * FROM storage.objects WHERE bucket_id = $1 AND starts_with(name, $2)
            ORDER BY name
        """
        return _objects(await self._pool.fetch(query, bucket_id, prefix))

    async def existing(self, bucket_id: str, names: Sequence[str]) -> set[str]:
        query = "SELECT name FROM storage.objects WHERE bucket_id = $1 AND name = ANY ($2)"
        return {row["name"] for row in await self._pool.fetch(query, bucket_id, names)}

    async def remove(self, bucket_id: str, names: Sequence[str]) -> list[StoredObject]:
        query = """
            DELETE FROM storage.objects WHERE bucket_id = $1 AND name = ANY ($2) RETURNING *
        """
        return _objects(await self._pool.fetch(query, bucket_id, names))

    async def rename(self, bucket_id: str, name: str, target: str) -> StoredObject | None:
        """Raise `asyncpg.UniqueViolationError` when there is an object of that name."""
        query = """
            UPDATE storage.objects SET name = $3, updated_at = now()
            WHERE bucket_id = $1 AND name = $2 RETURNING *
        """
        return _object(await self._pool.fetchrow(query, bucket_id, name, target))


def _object(row: asyncpg.Record | None) -> StoredObject | None:
    return StoredObject.model_validate(dict(row)) if row else None


def _objects(rows: Iterable[asyncpg.Record]) -> list[StoredObject]:
    return [StoredObject.model_validate(dict(row)) for row in rows]
