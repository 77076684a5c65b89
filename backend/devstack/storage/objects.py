import re
from datetime import timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote

import asyncpg
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from devstack.body import read_body
from devstack.storage.errors import Failure, StorageError
from devstack.storage.schemas import (
    ListObjects,
    MoveObject,
    RemoveObjects,
    SignDownload,
    SignDownloads,
    StoredObject,
    checked_key,
    folder_entry,
)
from devstack.storage.service import StorageService
from devstack.storage.tokens import Scope


class ObjectEndpoints:
    def __init__(self, storage: StorageService) -> None:
        self._storage = storage
        self._store = storage.store

    def routes(self) -> list[Route]:
        """List the fixed first segments before the buckets that might bear the same names."""
        return [
            Route("/object/sign/{bucket}", self.sign_many, methods=["POST"]),
            Route("/object/sign/{bucket}/{key:path}", self.sign, methods=["POST"]),
            Route("/object/sign/{bucket}/{key:path}", self.download_signed),
            Route("/object/list/{bucket}", self.list_objects, methods=["POST"]),
            Route("/object/info/{bucket}/{key:path}", self.info),
            Route("/object/move", self.move, methods=["POST"]),
            Route("/object/authenticated/{bucket}/{key:path}", self.download),
            Route("/object/{bucket}", self.remove_many, methods=["DELETE"]),
            Route("/object/{bucket}/{key:path}", self.remove, methods=["DELETE"]),
            Route("/object/{bucket}/{key:path}", self.download),
        ]

    async def sign(self, request: Request) -> Response:
        self._storage.require_service_key(request)
        params = await read_body(request, SignDownload)
        found = await self._requested(request)
        return JSONResponse({"signedURL": self._signed_url(found.bucket_id, found.name, params)})

    async def sign_many(self, request: Request) -> Response:
        self._storage.require_service_key(request)
        params = await read_body(request, SignDownloads)
        bucket = await self._storage.bucket(request.path_params["bucket"])
        existing = await self._store.objects.existing(bucket.id, params.paths)
        return JSONResponse(
            [
                {
                    "path": path,
                    "signedURL": self._signed_url(bucket.id, path, params),
                    "error": None,
                }
                if path in existing
                else {
                    "path": path,
                    "signedURL": None,
                    "error": "Either the object does not exist or you do not have access to it",
                }
                for path in params.paths
            ]
        )

    def _signed_url(self, bucket_id: str, key: str, params: SignDownload) -> str:
        url = f"{bucket_id}/{key}"
        lifetime = timedelta(seconds=params.expires_in)
        return (
            f"/object/sign/{url}?token={self._storage.tokens.sign(Scope.DOWNLOAD, url, lifetime)}"
        )

    async def download_signed(self, request: Request) -> Response:
        url = f"{request.path_params['bucket']}/{request.path_params['key']}"
        token = request.query_params.get("token", "")
        grant = self._storage.tokens.verify(token, Scope.DOWNLOAD, url)
        expires = format_datetime(grant.expires_at, usegmt=True)
        return self._content(request, await self._requested(request), {"Expires": expires})

    async def download(self, request: Request) -> Response:
        self._storage.require_service_key(request)
        found = await self._requested(request)
        return self._content(request, found, {"Cache-Control": found.cache_control})

    def _content(self, request: Request, found: StoredObject, headers: dict[str, str]) -> Response:
        if found.etag in re.split(r"\s*,\s*", request.headers.get("if-none-match", "")):
            return Response(status_code=304, headers={"ETag": found.etag, **headers})
        download = request.query_params.get("download")
        if download is not None:
            headers["Content-Disposition"] = _attachment(download)
        return FileResponse(
            self._store.blobs.path(found.version),
            headers={"ETag": found.etag, "X-Robots-Tag": "none", **headers},
            media_type=found.mimetype,
        )

    async def info(self, request: Request) -> Response:
        self._storage.require_service_key(request)
        return JSONResponse((await self._requested(request)).info())

    async def list_objects(self, request: Request) -> Response:
        """List what is directly in a folder, the folders in it first."""
        self._storage.require_service_key(request)
        params = await read_body(request, ListObjects)
        bucket = await self._store.buckets.get(request.path_params["bucket"])
        if bucket is None:
            # As the real one: whoever wants to know asks for the bucket.
            return JSONResponse([])
        prefix = f"{params.prefix.strip('/')}/".removeprefix("/")
        beneath = await self._store.objects.beneath(bucket.id, prefix)
        entries = _entries(beneath, prefix, params)
        return JSONResponse(entries[params.offset : params.offset + params.limit])

    async def move(self, request: Request) -> Response:
        self._storage.require_service_key(request)
        params = await read_body(request, MoveObject)
        source, target = checked_key(params.source_key), checked_key(params.destination_key)
        await self._storage.bucket(params.bucket_id)
        try:
            moved = await self._store.objects.rename(params.bucket_id, source, target)
        except asyncpg.UniqueViolationError as error:
            raise StorageError(Failure.ALREADY_EXISTS) from error
        if moved is None:
            raise StorageError(Failure.NO_SUCH_KEY)
        body = {"message": "Successfully moved", "Id": str(moved.id), "Key": moved.name}
        return JSONResponse(body)

    async def remove_many(self, request: Request) -> Response:
        """Remove those of the named objects that there are, and say which."""
        self._storage.require_service_key(request)
        params = await read_body(request, RemoveObjects)
        bucket = await self._storage.bucket(request.path_params["bucket"])
        removed = await self._remove(bucket.id, params.prefixes)
        return JSONResponse([one.entry(one.name) for one in removed])

    async def remove(self, request: Request) -> Response:
        self._storage.require_service_key(request)
        found = await self._requested(request)
        await self._remove(found.bucket_id, [found.name])
        return JSONResponse({"message": "Successfully deleted"})

    async def _remove(self, bucket_id: str, names: list[str]) -> list[StoredObject]:
        removed = await self._store.objects.remove(bucket_id, names)
        for one in removed:
            self._store.blobs.remove(one.version)
        return removed

    async def _requested(self, request: Request) -> StoredObject:
        bucket = await self._storage.bucket(request.path_params["bucket"])
        return await self._storage.object(bucket.id, request.path_params["key"])


def _entries(beneath: list[StoredObject], prefix: str, params: ListObjects) -> list[dict[str, Any]]:
    named = [(one, one.name.removeprefix(prefix)) for one in beneath]
    wanted = [(one, name) for one, name in named if params.search in name.partition("/")[0]]
    folders = sorted({name.partition("/")[0] for _, name in wanted if "/" in name})
    files = [(one, name) for one, name in wanted if "/" not in name]
    descending = params.sort_by.order == "desc"
    files.sort(key=lambda file: getattr(file[0], params.sort_by.column), reverse=descending)
    if descending:
        folders.reverse()
    return [*map(folder_entry, folders), *(one.entry(name) for one, name in files)]


def _attachment(filename: str) -> str:
    if not filename:
        return "attachment;"
    encoded = quote(filename, safe="")
    return f"attachment; filename={encoded}; filename*=UTF-8''{encoded}"
