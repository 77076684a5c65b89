"""Supabase Storage behind our own Protocol, errors included. Paths are keys within one bucket."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any, Final, Protocol, TypeVar
from urllib.parse import quote

import httpx
import jwt
import structlog

from app.core.errors import UnavailableError
from app.core.tls import trusted_authorities
from app.domain.content.media.file import UPLOAD_LIFETIME

if TYPE_CHECKING:
    from supabase import AsyncClient

T = TypeVar("T")
log = structlog.get_logger(__name__)

TIMEOUT_SECONDS: Final = 10.0
BUCKET_NOT_FOUND: Final = b"Bucket not found"
"""A code in the body. The status is 400, as for many other errors."""

UNAUTHORIZED: Final = b'"Unauthorized"'
"""Also a code in the body, for the same reason."""

OWN_READ_SECONDS: Final = 60
"""How long the URLs are valid by which this service itself reads."""


class StorageUnavailableError(UnavailableError):
    code = "storage_unavailable"
    title = "The file storage cannot be reached"
    retry_after_seconds = 5


class BucketMissingError(StorageUnavailableError):
    """There is no such bucket. Storage would list it as an empty one, so this has to be checked."""

    code = "bucket_missing"
    title = "The file storage has no such bucket"

    def __init__(self, bucket: str) -> None:
        super().__init__(f"The file storage has no bucket {bucket}")


class StorageKeyRefusedError(StorageUnavailableError):
    title = "The file storage refuses this server's key (SUPABASE_SECRET_KEY)"


@dataclass(frozen=True, slots=True)
class UploadGrant:
    """Whoever holds the token may upload to this path once, until it expires."""

    path: str
    url: str
    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class StoredFile:
    path: str
    size_bytes: int
    content_type: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class FolderPage:
    """Some of what is directly in a folder; `folders` are paths as well."""

    files: list[StoredFile]
    folders: list[str]

    @property
    def entries(self) -> int:
        return len(self.files) + len(self.folders)


class FileStorage(Protocol):
    """Every method raises StorageUnavailableError when the service cannot answer."""

    @property
    def bucket(self) -> str: ...

    async def sign_upload(self, path: str) -> UploadGrant: ...

    async def sign_download(self, path: str, seconds: int) -> str | None:
        """Return a URL that anybody may use for so long; None when there is no such file.

        Browsers save what it leads to, and run nothing of it as a page or document.
        """

    async def sign_downloads(self, paths: Sequence[str], seconds: int) -> Mapping[str, str]:
        """Return such URLs by path, in one call. Files that there are not are left out."""

    async def find(self, path: str) -> StoredFile | None: ...

    async def head(self, path: str, length: int) -> bytes | None:
        """Return at most the first `length` bytes; None when there is no such file."""

    async def tail(self, path: str, length: int) -> bytes | None:
        """Return the last bytes of a file; None when there is no such file."""

    async def save(self, path: str, file: IO[bytes]) -> bool:
        """Write a whole file into another; False when there is no such file."""

    async def sha256(self, path: str) -> str | None:
        """Read the whole file; return its digest in lower-case hex, None when there is none."""

    async def remove(self, paths: Sequence[str]) -> None:
        """Remove those of the files that there are."""

    async def page(self, folder: str, *, limit: int, offset: int) -> FolderPage:
        """List what is directly in a folder, by name; the bucket itself is the folder ""."""

    async def require_bucket(self) -> None:
        """Raise BucketMissingError when there is no such bucket."""

    async def close(self) -> None: ...


class SupabaseFileStorage:
    """The real service. supabase-py is imported at the first call: it is slow to import."""

    def __init__(self, url: str, secret_key: str, bucket: str) -> None:
        self.bucket = bucket
        self._url = url
        self._secret_key = secret_key
        self._http: httpx.AsyncClient | None = None
        self._client: AsyncClient | None = None

    async def sign_upload(self, path: str) -> UploadGrant:
        files = await self._files()
        signed = await _required(files.create_signed_upload_url(path))
        return UploadGrant(path, signed["signed_url"], signed["token"], _expiry(signed["token"]))

    async def sign_download(self, path: str, seconds: int) -> str | None:
        files = await self._files()
        signed = await _answered(files.create_signed_url(path, seconds, {"download": True}))
        return str(signed["signedURL"]) if signed and signed["signedURL"] else None

    async def sign_downloads(self, paths: Sequence[str], seconds: int) -> Mapping[str, str]:
        if not paths:
            return {}
        files = await self._files()
        signed = await _required(files.create_signed_urls(list(paths), seconds, {"download": True}))
        return {each["path"]: each["signedURL"] for each in signed if each["signedURL"]}

    async def find(self, path: str) -> StoredFile | None:
        return await _answered(self._find(path))

    async def _find(self, path: str) -> StoredFile:
        info = await (await self._files()).info(path)
        return _stored(path, info["size"], info["content_type"], info["created_at"])

    async def head(self, path: str, length: int) -> bytes | None:
        url = await self.sign_download(path, OWN_READ_SECONDS)
        return None if url is None else await _answered(self._head(url, length))

    async def _head(self, url: str, length: int) -> bytes:
        seen = b""
        async for chunk in self._read(url, {"Range": f"bytes=0-{length - 1}"}):
            seen += chunk
            if len(seen) >= length:
                break
        return seen[:length]

    async def tail(self, path: str, length: int) -> bytes | None:
        url = await self.sign_download(path, OWN_READ_SECONDS)
        return None if url is None else await _answered(self._tail(url, length))

    async def _tail(self, url: str, length: int) -> bytes:
        seen = b""
        async for chunk in self._read(url, {"Range": f"bytes=-{length}"}):
            # The answer may be the whole file, because a server may ignore ranges.
            seen = (seen + chunk)[-length:]
        return seen

    async def save(self, path: str, file: IO[bytes]) -> bool:
        url = await self.sign_download(path, OWN_READ_SECONDS)
        return url is not None and bool(await _answered(self._save(url, file)))

    async def _save(self, url: str, file: IO[bytes]) -> bool:
        async for chunk in self._read(url, {}):
            await asyncio.to_thread(file.write, chunk)
        return True

    async def sha256(self, path: str) -> str | None:
        url = await self.sign_download(path, OWN_READ_SECONDS)
        return None if url is None else await _answered(self._sha256(url))

    async def _sha256(self, url: str) -> str:
        digest = hashlib.sha256()
        async for chunk in self._read(url, {}):
            digest.update(chunk)
        return digest.hexdigest()

    async def remove(self, paths: Sequence[str]) -> None:
        if paths:
            await _required((await self._files()).remove(list(paths)))

    async def require_bucket(self) -> None:
        url = f"{self._url}/storage/v1/bucket/{quote(self.bucket, safe='')}"
        headers = {"apikey": self._secret_key, "Authorization": f"Bearer {self._secret_key}"}
        response = await _required(self._opened().get(url, headers=headers))
        if BUCKET_NOT_FOUND in response.content:
            raise BucketMissingError(self.bucket)
        if not response.is_success or not response.content.startswith(b"{"):
            log.warning("storage_failed", status=response.status_code)
            said_so = UNAUTHORIZED in response.content
            raise _failure("403" if said_so else response.status_code)

    async def page(self, folder: str, *, limit: int, offset: int) -> FolderPage:
        return await _required(self._page(folder, limit, offset))

    async def _page(self, folder: str, limit: int, offset: int) -> FolderPage:
        order = {"column": "name", "order": "asc"}
        options = {"limit": limit, "offset": offset, "sortBy": order}
        entries = await (await self._files()).list(folder, options)
        paths = [(f"{folder}/{entry['name']}" if folder else entry["name"]) for entry in entries]
        listed = list(zip(paths, entries, strict=True))
        # Only files have an id, folders have none.
        return FolderPage(
            files=[_listed(path, entry) for path, entry in listed if entry["id"] is not None],
            folders=[path for path, entry in listed if entry["id"] is None],
        )

    async def close(self) -> None:
        if self._http is not None:
            await self._http.aclose()

    async def _read(self, url: str, headers: dict[str, str]) -> AsyncIterator[bytes]:
        async with self._opened().stream("GET", url, headers=headers) as response:
            if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                return  # an empty file has no first byte
            response.raise_for_status()
            async for chunk in response.aiter_bytes():
                yield chunk

    def _opened(self) -> httpx.AsyncClient:
        if self._http is None:
            self._http = httpx.AsyncClient(timeout=TIMEOUT_SECONDS, verify=trusted_authorities())
        return self._http

    async def _files(self) -> Any:  # noqa: ANN401  # supabase-py does not export the type
        if self._client is None:
            from supabase import AsyncClientOptions, acreate_client  # noqa: PLC0415  # lazily

            options = AsyncClientOptions(
                auto_refresh_token=False, persist_session=False, httpx_client=self._opened()
            )
            self._client = await acreate_client(self._url, self._secret_key, options)
        return self._client.storage.from_(self.bucket)


async def _required(call: Awaitable[T]) -> T:
    """Await a call that cannot be answered with 'there is no such file'."""
    answer = await _answered(call)
    if answer is None:
        raise StorageUnavailableError
    return answer


async def _answered(call: Awaitable[T]) -> T | None:
    """Await a call; None when there is no such file. Whatever else goes wrong is translated."""
    from storage3.exceptions import StorageApiError  # noqa: PLC0415  # lazily, see the class
    from storage3.utils import StorageException  # noqa: PLC0415  # lazily, see the class

    try:
        return await call
    except StorageApiError as error:
        # A missing bucket is a 404 as well, but a fault of the deployment.
        if str(error.status) == "404" and error.code == "not_found":
            return None
        log.warning("storage_failed", code=error.code, status=error.status)
        raise _failure(error.status) from error
    except (StorageException, httpx.HTTPError, ValueError, LookupError, TypeError) as error:
        # The last three are raised while an answer is read that did not come from Storage.
        log.warning("storage_failed", reason=type(error).__name__)
        raise StorageUnavailableError from error


def _failure(status: object) -> StorageUnavailableError:
    is_refused = str(status) in {"401", "403"}
    return StorageKeyRefusedError() if is_refused else StorageUnavailableError()


def _expiry(token: str) -> datetime:
    """Read when an upload token expires: it is Storage's to verify, not ours."""
    try:
        claims = jwt.decode(token, options={"verify_signature": False, "verify_exp": False})
        return datetime.fromtimestamp(claims["exp"], tz=UTC)
    except (jwt.InvalidTokenError, LookupError, TypeError, ValueError, OverflowError):
        return datetime.now(UTC) + UPLOAD_LIFETIME


def _listed(path: str, entry: dict[str, Any]) -> StoredFile:
    # An upload in parts that is under way has no metadata yet.
    metadata = entry["metadata"] or {"size": 0, "mimetype": ""}
    return _stored(path, metadata["size"], metadata["mimetype"], entry["created_at"])


def _stored(path: str, size: object, content_type: object, created_at: object) -> StoredFile:
    created = datetime.fromisoformat(str(created_at))
    return StoredFile(path, int(str(size)), str(content_type), created)
