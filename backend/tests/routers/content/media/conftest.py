"""Files in a storage in memory, and modules that show them."""

from dataclasses import dataclass

import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.actor import Role
from app.domain.content.media.file import MediaPurpose, MediaType
from app.models import Media, TrainingModule, User
from tests.factories.media import MP4, PNG, make_media, video_section
from tests.factories.module import make_module, publish, text_section
from tests.factories.user import make_user
from tests.fakes.file_storage import InMemoryFileStorage
from tests.support import Api, RollbackDatabase

BASE = "/media"
ANY = {"If-Match": "*"}
VIDEO = {"purpose": "section", "content_type": "video/mp4", "size_bytes": len(MP4)}
SCAN = {"purpose": "evidence", "content_type": "image/png", "size_bytes": len(PNG)}


@dataclass(frozen=True, slots=True)
class Others:
    """People who may read a scan of `learner`, and people who may not."""

    entitled: list[User]
    strangers: list[User]


@pytest.fixture
def storage(api: Api, application: FastAPI) -> InMemoryFileStorage:
    found = application.state.container.storage
    assert isinstance(found, InMemoryFileStorage)
    return found


@pytest.fixture
async def own_manager(session: AsyncSession, learner: User) -> User:
    manager = await make_user(session, role=Role.MANAGER)
    learner.manager_id = manager.id
    session.add(learner)
    await session.commit()
    return manager


@pytest.fixture
async def video(session: AsyncSession, author: User, storage: InMemoryFileStorage) -> Media:
    media = await make_media(session, author)
    storage.put(media.path, MP4, "video/mp4")
    return media


@pytest.fixture
async def scan(session: AsyncSession, learner: User, storage: InMemoryFileStorage) -> Media:
    media = await make_media(session, learner, MediaType.PNG, MediaPurpose.EVIDENCE)
    storage.put(media.path, PNG, "image/png")
    return media


@pytest.fixture
async def film(session: AsyncSession, database: RollbackDatabase, video: Media) -> TrainingModule:
    """A published module that shows the video."""
    module = await make_module(session, video_section(video), text_section())
    await publish(database, module)
    return module


@pytest.fixture
def others(
    learner: User, own_manager: User, admin: User, other_learner: User, manager: User
) -> Others:
    return Others([learner, own_manager, admin], [other_learner, manager])
