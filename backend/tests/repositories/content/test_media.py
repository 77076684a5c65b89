"""A race between deleting a file and beginning to use it, which the row's lock decides."""

import asyncio
import uuid
from datetime import timedelta

import pytest
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.domain.actor import Role
from app.domain.content.media.file import MediaState, MediaType
from app.models import Media, User, VersionMedia
from app.repositories.content.media import MediaRepository
from tests.factories.media import MP4, make_media, video_section
from tests.factories.module import make_module, publish
from tests.factories.user import make_user
from tests.repositories.conftest import actor_of
from tests.support import RollbackDatabase


@pytest.fixture
async def committed(committed_database: Database) -> Media:
    async with committed_database.writing() as session:
        return await make_media(session, await make_user(session, role=Role.AUTHOR))


async def exists(database: Database, media_id: uuid.UUID) -> bool:
    async with database.reading() as session:
        return await session.get(Media, media_id) is not None


class TestDeleteAbandoned:
    async def test_skips_what_somebody_is_using_just_now(
        self, committed_database: Database, committed: Media
    ) -> None:
        before = committed.updated_at + timedelta(hours=1)
        async with committed_database.session() as using:
            assert await MediaRepository(using).keep([committed.id])
            async with committed_database.session() as sweeping:
                gone = await MediaRepository(sweeping).delete_abandoned([committed.id], before)
                assert gone == []
        assert await exists(committed_database, committed.id)

    async def test_nobody_begins_to_use_what_is_being_deleted(
        self, committed_database: Database, committed: Media
    ) -> None:
        before = committed.updated_at + timedelta(hours=1)

        async def use() -> dict[uuid.UUID, Media]:
            async with committed_database.session() as session:
                return await MediaRepository(session).keep([committed.id])

        async with committed_database.session() as sweeping:
            gone = await MediaRepository(sweeping).delete_abandoned([committed.id], before)
            assert [media.id for media in gone] == [committed.id]
            waiting = asyncio.create_task(use())
            _, pending = await asyncio.wait([waiting], timeout=0.1)
            assert pending
        assert await waiting == {}


class TestChangeable:
    async def test_deleting_waits_for_whoever_uses_it_and_then_sees_the_use(
        self, committed_database: Database, committed: Media
    ) -> None:
        async with committed_database.reading() as session:
            author = await session.get(User, committed.owner_id)
            assert author is not None

        async def used() -> bool:
            async with committed_database.session() as session:
                media = MediaRepository(session)
                await media.get_changeable(committed.id, actor_of(author), lock=True)
                return await media.is_used(committed.id)

        async with committed_database.session() as session:
            await MediaRepository(session).keep([committed.id])
            deleting = asyncio.create_task(used())
            _, pending = await asyncio.wait([deleting], timeout=0.1)
            assert pending
            await make_module(session, video_section(committed))
        assert await deleting


class TestVersions:
    async def test_the_database_itself_keeps_what_a_version_shows(
        self, session: AsyncSession, database: RollbackDatabase, author: User
    ) -> None:
        media = await make_media(session, author)
        version = await publish(database, await make_module(session, video_section(media)))
        linked = await session.scalars(
            select(VersionMedia.media_id).where(VersionMedia.version_id == version.id)
        )
        assert list(linked) == [media.id]
        with pytest.raises(IntegrityError, match="fk_version_media_media_id"):
            await session.execute(delete(Media).where(Media.id == media.id))

    async def test_a_file_that_two_sections_show_is_one(
        self, session: AsyncSession, database: RollbackDatabase, author: User
    ) -> None:
        media = await make_media(session, author)
        module = await make_module(session, video_section(media), video_section(media))
        await publish(database, module)
        assert len(list(await session.scalars(select(VersionMedia)))) == 1


class TestConstraints:
    @pytest.mark.parametrize(
        "found",
        [
            {},
            {"found_type": "text/html", "found_bytes": len(MP4)},
            {"found_type": MediaType.MP4, "found_bytes": len(MP4) + 1},
        ],
    )
    async def test_ready_is_what_was_announced(
        self, session: AsyncSession, author: User, found: dict[str, object]
    ) -> None:
        media = await make_media(session, author, state=MediaState.PENDING)
        ready = update(Media).where(Media.id == media.id).values(state="ready", **found)
        with pytest.raises(IntegrityError, match="ck_media_ready"):
            await session.execute(ready.values(completed_at=func.now()))
