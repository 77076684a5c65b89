"""Removes files that nothing needs.

Rows are deleted before files, so that a file that could not be removed is found again by the next
run as one without a row.
"""

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from app.core.database import Database
from app.core.errors import ConflictError
from app.domain.audit import AuditAction
from app.integrations.file_storage import FileStorage, StoredFile
from app.models import Media
from app.services.base import Service
from app.services.context import SYSTEM

PAGE: Final = 100
FEW_FILES: Final = 20
"""Up to this many files without a row are normal; more may mean the wrong database."""


class SweepRefusedError(ConflictError):
    code = "sweep_refused"
    title = "The bucket and the database do not belong together"

    def __init__(self, strays: int, files: int) -> None:
        super().__init__(
            f"{strays} of {files} files have no row. If this is the right database, for example "
            "one that was restored on purpose, say --confirm."
        )


@dataclass(slots=True)
class Swept:
    """Paths of the files whose rows were removed, and of those that had none."""

    abandoned: list[str] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)
    files: int = 0


class MediaSweep(Service):
    def __init__(self, database: Database, storage: FileStorage) -> None:
        super().__init__(database, SYSTEM)
        self._storage = storage

    async def sweep(
        self, older_than: timedelta, *, dry_run: bool = False, confirmed: bool = False
    ) -> Swept:
        """Remove what has been unused for so long; a dry run only says what that is.

        Raises SweepRefusedError, before anything is removed, when most of the bucket is unknown.
        """
        async with self.reading() as uow:
            before = await uow.now() - older_than
        swept = Swept()
        await self._storage.require_bucket()
        await self._find_strays(swept, before)
        if not confirmed and len(swept.strays) > max(FEW_FILES, swept.files / 2):
            raise SweepRefusedError(len(swept.strays), swept.files)
        await self._sweep_rows(swept, before, dry_run=dry_run)
        if not dry_run:
            await self._remove(swept.strays)
        return swept

    async def _sweep_rows(self, swept: Swept, before: datetime, *, dry_run: bool) -> None:
        last: uuid.UUID | None = None
        while page := await self._abandoned(before, last):
            last = page[-1].id
            gone = page if dry_run else await self._delete(page, before)
            paths = [media.path for media in gone]
            swept.abandoned += paths
            if not dry_run:
                await self._remove(paths)

    async def _abandoned(self, before: datetime, after: uuid.UUID | None) -> list[Media]:
        async with self.reading() as uow:
            return await uow.media.abandoned(before, after=after, limit=PAGE)

    async def _delete(self, page: list[Media], before: datetime) -> list[Media]:
        async with self.work() as uow:
            gone = await uow.media.delete_abandoned([media.id for media in page], before)
            for media in gone:
                known = {"owner_id": media.owner_id, "state": media.state, "path": media.path}
                await uow.audit(AuditAction.MEDIA_DELETED, media.id, before=known)
            return gone

    async def _find_strays(self, swept: Swept, before: datetime) -> None:
        """Collect all of them before any is removed: removing would shift the pages."""
        folders = [""]
        while folders:
            folder, offset = folders.pop(), 0
            while (page := await self._storage.page(folder, limit=PAGE, offset=offset)).entries:
                offset += page.entries
                folders += page.folders
                swept.files += len(page.files)
                old = [file for file in page.files if file.created_at < before]
                swept.strays += await self._unknown(old)

    async def _unknown(self, files: list[StoredFile]) -> list[str]:
        paths = [file.path for file in files]
        async with self.reading() as uow:
            known = await uow.media.known_paths(self._storage.bucket, paths)
        return [path for path in paths if path not in known]

    async def _remove(self, paths: list[str]) -> None:
        for start in range(0, len(paths), PAGE):
            await self._storage.remove(paths[start : start + PAGE])
