"""What tests of the router cannot see: the audit trail, races, and changes during a request."""

import asyncio
import uuid

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.concurrency import Precondition
from app.core.database import Database
from app.core.errors import NotFoundError
from app.domain.audit import AuditAction
from app.domain.content.media.file import MediaLimits, MediaPurpose, MediaState, MediaType
from app.integrations.file_storage import StorageUnavailableError, StoredFile
from app.integrations.pdf import PdfInspector
from app.models import AuditEvent, Media, User
from app.schemas.content.media import MediaCreate
from app.services.content.media import MediaService
from tests.factories.media import HTML, MP4, make_media
from tests.fakes.file_storage import InMemoryFileStorage
from tests.services.conftest import acting
from tests.support import RollbackDatabase

ANY = Precondition(frozenset({"*"}))
LIMITS = MediaLimits(
    section_bytes=10**8, evidence_bytes=10**6, download_seconds=300, hashed_bytes=10**6
)


class WatchedStorage(InMemoryFileStorage):
    """Lets a test do something while the service waits for Storage."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile = asyncio.Event()
        self.asked = asyncio.Event()
        self.meanwhile.set()

    async def find(self, path: str) -> StoredFile | None:
        self.asked.set()
        await self.meanwhile.wait()
        return await super().find(path)


@pytest.fixture
def storage() -> WatchedStorage:
    return WatchedStorage()


@pytest.fixture
def service(database: RollbackDatabase, author: User, storage: WatchedStorage) -> MediaService:
    return MediaService(database, acting(author), storage, PdfInspector(), LIMITS)


async def declared(service: MediaService, content: bytes = MP4) -> tuple[uuid.UUID, str]:
    payload = MediaCreate(
        purpose=MediaPurpose.SECTION,
        content_type=MediaType.MP4,
        size_bytes=len(content),
        file_name="canary.mp4",
    )
    answer = (await service.declare(payload)).value.model_dump(mode="json")
    return uuid.UUID(answer["id"]), answer["upload"]["path"]


async def state_of(session: AsyncSession, media_id: uuid.UUID) -> MediaState | None:
    statement = select(Media.state).where(Media.id == media_id)
    return await session.scalar(statement)


class TestAudit:
    async def trail(self, session: AsyncSession, media_id: uuid.UUID) -> list[AuditEvent]:
        statement = select(AuditEvent).where(AuditEvent.target_id == media_id)
        return list(await session.scalars(statement.order_by(AuditEvent.created_at)))

    @pytest.mark.parametrize(
        ("content", "verdict"),
        [(MP4, AuditAction.MEDIA_READY), (HTML, AuditAction.MEDIA_REJECTED)],
    )
    async def test_every_change_leaves_its_event(
        self,
        service: MediaService,
        storage: WatchedStorage,
        session: AsyncSession,
        content: bytes,
        verdict: AuditAction,
    ) -> None:
        media_id, path = await declared(service, content)
        storage.put(path, content, "video/mp4")
        await service.complete(media_id)
        await service.complete(media_id)
        await service.delete(media_id, ANY)
        events = await self.trail(session, media_id)
        expected = [AuditAction.MEDIA_DECLARED, verdict, AuditAction.MEDIA_DELETED]
        assert [event.action for event in events] == expected
        assert {event.request_id for event in events} == {"request-1"}
        assert "canary" not in str([(event.before, event.after) for event in events])


class TestComplete:
    async def test_large_files_are_not_read_again(
        self, database: RollbackDatabase, author: User, storage: WatchedStorage
    ) -> None:
        limits = MediaLimits(10**8, 10**6, 300, hashed_bytes=len(MP4) - 1)
        service = MediaService(database, acting(author), storage, PdfInspector(), limits)
        media_id, path = await declared(service)
        storage.put(path, MP4, "video/mp4")
        answer = (await service.complete(media_id)).value.model_dump(mode="json")
        assert (answer["state"], answer["sha256"]) == ("ready", None)

    async def test_a_rejected_file_that_cannot_be_removed_stays_rejected(
        self,
        service: MediaService,
        storage: WatchedStorage,
        session: AsyncSession,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        async def fail(*_: object) -> None:
            raise StorageUnavailableError

        media_id, path = await declared(service, HTML)
        storage.put(path, HTML, "video/mp4")
        monkeypatch.setattr(storage, "remove", fail)
        answer = (await service.complete(media_id)).value.model_dump(mode="json")
        assert answer["state"] == "rejected"
        assert await state_of(session, media_id) is MediaState.REJECTED

    async def test_deleted_while_it_is_looked_at(
        self, service: MediaService, storage: WatchedStorage, session: AsyncSession
    ) -> None:
        media_id, path = await declared(service)
        storage.put(path, MP4, "video/mp4")
        storage.meanwhile.clear()
        completing = asyncio.create_task(service.complete(media_id))
        await storage.asked.wait()
        await service.delete(media_id, ANY)
        storage.put(path, MP4, "video/mp4")
        storage.meanwhile.set()
        with pytest.raises(NotFoundError):
            await completing
        assert await state_of(session, media_id) is None


async def test_together_they_decide_once(committed_database: Database) -> None:
    """When ten requests complete an upload at once, there is one verdict and one event."""
    async with committed_database.writing() as session:
        author = User(email="author@unified.example", role="author")
        session.add(author)
        await session.commit()
        media = await make_media(session, author, state=MediaState.PENDING)
        storage = WatchedStorage()
        storage.put(media.path, MP4, "video/mp4")
        services = [
            MediaService(committed_database, acting(author), storage, PdfInspector(), LIMITS)
            for _ in range(10)
        ]
        answers = await asyncio.gather(*(service.complete(media.id) for service in services))
        assert len({answer.value.model_dump_json() for answer in answers}) == 1
        events = select(AuditEvent.action).where(AuditEvent.target_id == media.id)
        assert list(await session.scalars(events)) == [AuditAction.MEDIA_READY]
