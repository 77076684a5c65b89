"""Files of sections and evidence.

The client announces a file here, uploads it to Storage directly, and then has us check the upload.

Storage is never called within a transaction. A signed URL gives access to a file, so each one is
made only after checking the caller's permission.
"""

import asyncio
import hashlib
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from app.core.concurrency import Precondition
from app.core.database import Database
from app.core.errors import (
    ConflictError,
    FieldError,
    ForbiddenError,
    InvalidPayloadError,
    NotFoundError,
)
from app.core.ids import new_id
from app.core.pagination import PageRequest
from app.domain.audit import AuditAction
from app.domain.content.media.file import (
    SNIFFED_BYTES,
    TYPES_BY_PURPOSE,
    Declared,
    Found,
    MediaLimits,
    MediaPurpose,
    MediaState,
    MediaType,
    Rejection,
    judge,
    object_path,
    sniff,
)
from app.domain.content.media.polyglot import TAIL_BYTES
from app.integrations.file_storage import FileStorage, StorageUnavailableError, UploadGrant
from app.integrations.pdf import PdfInspector
from app.models import Media
from app.repositories.content.media import MediaFilter
from app.schemas.base import ListOf
from app.schemas.content.media import (
    MediaCreate,
    MediaDeclared,
    MediaDownload,
    MediaDownloads,
    MediaRead,
    SignedMedia,
    Upload,
)
from app.services.answer import Answer
from app.services.base import Service, found, listed
from app.services.context import RequestContext
from app.services.unit_of_work import UnitOfWork

log = structlog.get_logger(__name__)


class MediaInUseError(ConflictError):
    code = "media_in_use"
    title = "A section, a published version or evidence needs it"


class MediaNotUploadedError(ConflictError):
    code = "media_not_uploaded"
    title = "Nothing was uploaded yet"


class MediaNotReadyError(ConflictError):
    code = "media_not_ready"
    title = "This file was not uploaded or not accepted"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of checking an upload, with what was found."""

    rejection: Rejection | None
    found_type: str | None
    found_bytes: int
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Signed:
    urls: Mapping[uuid.UUID, str]
    signed_at: datetime
    expires_at: datetime

    def times(self) -> dict[str, datetime]:
        return {"expires_at": self.expires_at, "server_time": self.signed_at}


class MediaService(Service):
    def __init__(
        self,
        database: Database,
        context: RequestContext,
        storage: FileStorage,
        pdfs: PdfInspector,
        limits: MediaLimits,
    ) -> None:
        super().__init__(database, context)
        self._storage = storage
        self._pdfs = pdfs
        self._limits = limits

    async def list(self, filters: MediaFilter, request: PageRequest) -> ListOf[MediaRead]:
        async with self.reading() as uow:
            page = await uow.media.list_of_sections(filters, request)
            return listed(page, MediaRead.model_validate)

    async def get(self, media_id: uuid.UUID) -> Answer[MediaRead]:
        async with self.reading() as uow:
            return _answer(await self._visible(uow, media_id))

    async def declare(self, payload: MediaCreate) -> Answer[MediaDeclared]:
        """Announce a file; the answer says where to send it and until when."""
        owner_id = await self._owner(payload)
        self._check(payload)
        media_id = new_id()
        path = object_path(payload.purpose, media_id, payload.content_type)
        grant = await self._storage.sign_upload(path)
        async with self.work() as uow:
            media = await uow.media.add(
                Media(
                    id=media_id,
                    owner_id=owner_id,
                    uploaded_by_id=self.actor.id,
                    purpose=payload.purpose,
                    bucket=self._storage.bucket,
                    path=path,
                    file_name=payload.file_name,
                    declared_type=payload.content_type,
                    declared_bytes=payload.size_bytes,
                )
            )
            await uow.audit(AuditAction.MEDIA_DECLARED, media, after=_audited(media))
            return await uow.answer(_declared(media, grant))

    async def complete(self, media_id: uuid.UUID) -> Answer[MediaRead]:
        """Look at what was uploaded: it becomes ready, or is rejected and removed. Once only."""
        async with self.reading() as uow:
            await uow.replay(self._context)
            media = found(await uow.media.get_changeable(media_id, self.actor), "media")
            self.act_for(_subject(media.purpose, media.owner_id))
        if media.state is not MediaState.PENDING:
            return _answer(media)
        verdict = await self._look(media)
        async with self.work() as uow:
            media = await self._locked(uow, media_id)
            if media.state is MediaState.PENDING:
                await self._settle(uow, media, verdict)
            answer = await uow.answer(_answer(media))
        if media.state is MediaState.REJECTED:
            await self._discard(media.path)
        return answer

    async def sign_download(self, media_id: uuid.UUID) -> MediaDownload:
        """Let the caller read a file for a short while."""
        async with self.reading() as uow:
            media = await self._visible(uow, media_id)
        if media.state is not MediaState.READY:
            raise MediaNotReadyError
        signed = await self._signed({media.id: media.path})
        if media.id not in signed.urls:
            raise NotFoundError("media")
        return MediaDownload(url=signed.urls[media.id], **signed.times())

    async def sign_downloads(self, media_ids: Sequence[uuid.UUID]) -> MediaDownloads:
        """Let the caller read those of the files that are theirs to read."""
        async with self.reading() as uow:
            paths = await uow.media.readable_paths(media_ids, self.actor)
        signed = await self._signed(paths)
        items = [
            SignedMedia(media_id=media_id, url=signed.urls.get(media_id))
            for media_id in dict.fromkeys(media_ids)
        ]
        return MediaDownloads(items=items, **signed.times())

    async def _signed(self, paths: Mapping[uuid.UUID, str]) -> Signed:
        # Computed before the call to Storage, so that no URL expires earlier than this says.
        now = datetime.now(UTC)
        seconds = self._limits.download_seconds
        urls = await self._storage.sign_downloads(list(paths.values()), seconds)
        for media_id in (media_id for media_id, path in paths.items() if path not in urls):
            log.error("media_file_missing", media_id=str(media_id))
        return Signed(
            {media_id: urls[path] for media_id, path in paths.items() if path in urls},
            now,
            now + timedelta(seconds=seconds),
        )

    async def delete(self, media_id: uuid.UUID, precondition: Precondition) -> None:
        async with self.work() as uow:
            media = await self._locked(uow, media_id)
            self.act_for(_subject(media.purpose, media.owner_id))
            precondition.require(media.etag)
            if await uow.media.is_used(media.id):
                raise MediaInUseError
            await uow.media.delete(media)
            await uow.audit(AuditAction.MEDIA_DELETED, media_id, before=_audited(media))
        await self._discard(media.path)

    async def _owner(self, payload: MediaCreate) -> uuid.UUID:
        """Return whose file it will be, or replay what the request was answered before."""
        if payload.purpose is MediaPurpose.SECTION and not self.actor.writes_modules:
            raise ForbiddenError
        self.act_for(_subject(payload.purpose, payload.user_id or self.actor.id))
        async with self.reading() as uow:
            await uow.replay(self._context)
            if payload.user_id is None or payload.user_id == self.actor.id:
                return self.actor.id
            if payload.purpose is MediaPurpose.SECTION:
                raise InvalidPayloadError.at(
                    "/user_id", "not_evidence", "Only evidence is about somebody"
                )
            if await uow.users.get_visible(payload.user_id, self.actor) is None:
                raise InvalidPayloadError.at(
                    "/user_id", "unknown_user", "No such person, or not yours"
                )
            return payload.user_id

    def _check(self, payload: MediaCreate) -> None:
        faults = []
        if payload.content_type not in TYPES_BY_PURPOSE[payload.purpose]:
            detail = "This kind of file is not taken for this purpose"
            faults.append(FieldError("/content_type", "media_type", detail))
        limit = self._limits.bytes_for(payload.purpose)
        if payload.size_bytes > limit:
            faults.append(FieldError("/size_bytes", "too_large", f"At most {limit} bytes"))
        if faults:
            raise InvalidPayloadError(faults)

    async def _visible(self, uow: UnitOfWork, media_id: uuid.UUID) -> Media:
        return found(await uow.media.get_visible(media_id, self.actor), "media")

    async def _locked(self, uow: UnitOfWork, media_id: uuid.UUID) -> Media:
        return found(await uow.media.get_changeable(media_id, self.actor, lock=True), "media")

    async def _look(self, media: Media) -> Verdict:
        stored = await self._storage.find(media.path)
        head = await self._storage.head(media.path, SNIFFED_BYTES)
        tail = await self._storage.tail(media.path, TAIL_BYTES)
        if stored is None or head is None or tail is None:
            raise MediaNotUploadedError
        declared = Declared(media.declared_type, media.declared_bytes)
        found = Found(stored.content_type, stored.size_bytes, head, tail)
        rejection, digest = judge(declared, found), None
        if rejection is None and media.declared_type is MediaType.PDF:
            rejection, digest = await self._look_through(media)
        elif rejection is None and stored.size_bytes <= self._limits.hashed_bytes:
            digest = await self._storage.sha256(media.path)
        return Verdict(rejection, sniff(head), stored.size_bytes, digest)

    async def _look_through(self, media: Media) -> tuple[Rejection | None, str | None]:
        """Read a whole PDF; return why it is not taken, or the SHA-256 of what was read."""
        with tempfile.TemporaryFile() as file:
            if not await self._storage.save(media.path, file):
                raise MediaNotUploadedError
            if rejection := await self._pdfs.judge(file):
                return rejection, None
            file.seek(0)
            digest = await asyncio.to_thread(hashlib.file_digest, file, "sha256")
            return None, digest.hexdigest()

    async def _settle(self, uow: UnitOfWork, media: Media, verdict: Verdict) -> None:
        media.completed_at = await uow.now()
        media.state = MediaState.REJECTED if verdict.rejection else MediaState.READY
        media.rejection = verdict.rejection
        media.found_type = verdict.found_type
        media.found_bytes = verdict.found_bytes
        media.sha256 = verdict.sha256
        await uow.media.save(media)
        action = AuditAction.MEDIA_REJECTED if verdict.rejection else AuditAction.MEDIA_READY
        after = {"rejection": media.rejection, "sha256": media.sha256}
        await uow.audit(action, media, after=after)

    async def _discard(self, path: str) -> None:
        try:
            await self._storage.remove([path])
        except StorageUnavailableError:
            # No row names the file any more; `training media sweep` will find and remove it.
            log.warning("media_file_left")


def _subject(purpose: MediaPurpose, owner_id: uuid.UUID) -> uuid.UUID | None:
    """Return whom a file is about: files of sections are for everybody."""
    return owner_id if purpose is MediaPurpose.EVIDENCE else None


def _answer(media: Media) -> Answer[MediaRead]:
    return Answer(MediaRead.model_validate(media))


def _declared(media: Media, grant: UploadGrant) -> Answer[MediaDeclared]:
    upload = Upload(
        bucket=media.bucket,
        path=grant.path,
        token=grant.token,
        url=grant.url,
        expires_at=grant.expires_at,
        server_time=datetime.now(UTC),
    )
    declared = MediaDeclared(**dict(MediaRead.model_validate(media)), upload=upload)
    return Answer(declared, created=True)


def _audited(media: Media) -> dict[str, object]:
    """Leave out the file's name, because it may contain personal data."""
    return {
        "owner_id": media.owner_id,
        "purpose": media.purpose,
        "content_type": media.declared_type,
        "size_bytes": media.declared_bytes,
        "path": media.path,
    }
