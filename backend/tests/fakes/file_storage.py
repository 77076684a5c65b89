import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import IO
from urllib.parse import urlencode

from app.domain.content.media.file import UPLOAD_LIFETIME
from app.integrations.file_storage import (
    FolderPage,
    StorageUnavailableError,
    StoredFile,
    UploadGrant,
)


class InMemoryFileStorage:
    """A working bucket for tests, without a network. `put` is what an uploader does."""

    def __init__(self, bucket: str = "training-media") -> None:
        self.bucket = bucket
        self.files: dict[str, tuple[StoredFile, bytes]] = {}
        self.available = True

    def put(
        self, path: str, content: bytes, content_type: str, *, age: timedelta = timedelta()
    ) -> None:
        created_at = datetime.now(UTC) - age
        self.files[path] = (StoredFile(path, len(content), content_type, created_at), content)

    async def sign_upload(self, path: str) -> UploadGrant:
        self._answer()
        token = f"upload-{path}"
        return UploadGrant(
            path, self._url(path, token=token), token, datetime.now(UTC) + UPLOAD_LIFETIME
        )

    async def sign_download(self, path: str, seconds: int) -> str | None:
        self._answer()
        return self._url(path, expires_in=str(seconds), download="") if path in self.files else None

    async def sign_downloads(self, paths: Sequence[str], seconds: int) -> Mapping[str, str]:
        signed = {path: await self.sign_download(path, seconds) for path in paths}
        return {path: url for path, url in signed.items() if url}

    async def find(self, path: str) -> StoredFile | None:
        self._answer()
        return self.files[path][0] if path in self.files else None

    async def head(self, path: str, length: int) -> bytes | None:
        self._answer()
        return self.files[path][1][:length] if path in self.files else None

    async def tail(self, path: str, length: int) -> bytes | None:
        self._answer()
        return self.files[path][1][-length:] if path in self.files else None

    async def save(self, path: str, file: IO[bytes]) -> bool:
        self._answer()
        return path in self.files and bool(file.write(self.files[path][1]))

    async def sha256(self, path: str) -> str | None:
        self._answer()
        return hashlib.sha256(self.files[path][1]).hexdigest() if path in self.files else None

    async def remove(self, paths: Sequence[str]) -> None:
        self._answer()
        for path in paths:
            self.files.pop(path, None)

    async def require_bucket(self) -> None:
        self._answer()

    async def page(self, folder: str, *, limit: int, offset: int) -> FolderPage:
        self._answer()
        prefix = f"{folder}/" if folder else ""
        inside = [path for path in self.files if path.startswith(prefix)]
        names = sorted({path.removeprefix(prefix).partition("/")[0] for path in inside})
        paths = [prefix + name for name in names[offset : offset + limit]]
        return FolderPage(
            files=[self.files[path][0] for path in paths if path in self.files],
            folders=[path for path in paths if path not in self.files],
        )

    async def close(self) -> None:
        return None

    def _answer(self) -> None:
        if not self.available:
            raise StorageUnavailableError

    def _url(self, path: str, **query: str) -> str:
        return f"https://storage.invalid/{self.bucket}/{path}?{urlencode(query)}"
