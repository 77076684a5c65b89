import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devstack.storage.errors import Failure, StorageError
from devstack.storage.schemas import Bucket, StoredObject, checked_key
from devstack.storage.service import StorageService
from devstack.storage.tokens import UPLOAD_LIFETIME, Scope

_CHUNK: Final = 256 * 1024
# What the form around a file may add to the length of the request.
_FORM_OVERHEAD: Final = 64 * 1024
_DEFAULT_TYPE: Final = "application/octet-stream"


@dataclass(frozen=True)
class Upload:
    """What a request carries, be it a form (with any name for the file) or the bare content."""

    chunks: AsyncIterator[bytes]
    mimetype: str
    cache_control: str
    user_metadata: dict[str, object] | None = None


class UploadEndpoints:
    def __init__(self, storage: StorageService) -> None:
        self._storage = storage

    def routes(self) -> list[Route]:
        signed = "/object/upload/sign/{bucket}/{key:path}"
        return [
            Route(signed, self.sign, methods=["POST"]),
            Route(signed, self.upload_signed, methods=["PUT"]),
            Route("/object/{bucket}/{key:path}", self.upload, methods=["POST", "PUT"]),
        ]

    async def sign(self, request: Request) -> Response:
        self._storage.require_service_key(request)
        bucket = await self._storage.bucket(request.path_params["bucket"])
        key = checked_key(request.path_params["key"])
        upsert = _wants_upsert(request)
        if not upsert:
            await self._refuse_existing(bucket, key)
        url = f"{bucket.id}/{key}"
        token = self._storage.tokens.sign(Scope.UPLOAD, url, UPLOAD_LIFETIME, upsert=upsert)
        return JSONResponse({"url": f"/object/upload/sign/{url}?token={token}", "token": token})

    async def upload_signed(self, request: Request) -> Response:
        bucket_id, key = request.path_params["bucket"], request.path_params["key"]
        token = request.query_params.get("token", "")
        grant = self._storage.tokens.verify(token, Scope.UPLOAD, f"{bucket_id}/{key}")
        return await self._receive(request, bucket_id, key, upsert=grant.upsert)

    async def upload(self, request: Request) -> Response:
        """Upload with the service key: POST creates unless `x-upsert`, PUT replaces."""
        self._storage.require_service_key(request)
        bucket_id, key = request.path_params["bucket"], request.path_params["key"]
        if request.method == "PUT":
            await self._storage.object(bucket_id, key)
        upsert = request.method == "PUT" or _wants_upsert(request)
        return await self._receive(request, bucket_id, key, upsert=upsert)

    async def _refuse_existing(self, bucket: Bucket, key: str) -> None:
        if await self._storage.store.objects.get(bucket.id, key):
            raise StorageError(Failure.ALREADY_EXISTS)

    async def _receive(
        self, request: Request, bucket_id: str, key: str, *, upsert: bool
    ) -> Response:
        bucket = await self._storage.bucket(bucket_id)
        checked_key(key)
        if not upsert:
            await self._refuse_existing(bucket, key)
        _refuse_announced_size(request, bucket.file_size_limit)
        if request.headers.get("content-type", "").startswith("multipart/form-data"):
            async with request.form(max_files=1, max_fields=10) as form:
                files = [value for value in form.values() if isinstance(value, UploadFile)]
                if not files:
                    message = "No content provided"
                    raise StorageError(Failure.INVALID_REQUEST, message)
                fields = {name: text for name, text in form.items() if isinstance(text, str)}
                stored = await self._keep(bucket, key, _from_form(files[0], fields), upsert=upsert)
        else:
            stored = await self._keep(bucket, key, _from_body(request), upsert=upsert)
        return JSONResponse({"Key": f"{bucket.id}/{key}", "Id": str(stored.id)})

    async def _keep(
        self, bucket: Bucket, key: str, upload: Upload, *, upsert: bool
    ) -> StoredObject:
        if not bucket.takes(upload.mimetype.partition(";")[0].strip().lower()):
            message = f"mime type {upload.mimetype[:200]} is not supported"
            raise StorageError(Failure.INVALID_MIME_TYPE, message)
        store = self._storage.store
        blob = await store.blobs.write(upload.chunks, bucket.file_size_limit)
        stored: StoredObject | None = None
        replaced: UUID | None = None
        try:
            stored, replaced = await store.objects.put(
                bucket.id,
                key,
                blob,
                mimetype=upload.mimetype,
                cache_control=upload.cache_control,
                user_metadata=upload.user_metadata,
                upsert=upsert,
            )
        finally:
            obsolete = replaced if stored else blob.version
            if obsolete:
                store.blobs.remove(obsolete)
        if stored is None:
            raise StorageError(Failure.ALREADY_EXISTS)
        return stored


def _wants_upsert(request: Request) -> bool:
    return request.headers.get("x-upsert", "").lower() == "true"


def _refuse_announced_size(request: Request, limit: int | None) -> None:
    announced = int(request.headers.get("content-length", "0"))
    if limit is not None and announced > limit + _FORM_OVERHEAD:
        raise StorageError(Failure.ENTITY_TOO_LARGE)


def _from_form(file: UploadFile, fields: dict[str, str]) -> Upload:
    seconds = fields.get("cacheControl", "")
    return Upload(
        chunks=_read(file),
        mimetype=file.content_type or _DEFAULT_TYPE,
        cache_control=f"max-age={seconds}" if seconds.isdigit() else "no-cache",
        user_metadata=_metadata(fields.get("metadata")),
    )


def _from_body(request: Request) -> Upload:
    return Upload(
        chunks=request.stream(),
        mimetype=request.headers.get("content-type", _DEFAULT_TYPE),
        cache_control=request.headers.get("cache-control", "no-cache"),
    )


def _metadata(text: str | None) -> dict[str, object] | None:
    try:
        value = json.loads(text) if text else None
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


async def _read(file: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await file.read(_CHUNK):
        yield chunk
