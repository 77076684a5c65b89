"""Statements that bypass the ORM return byte for byte what its entities would give."""

import uuid
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus

import orjson
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.auth.security import Claims
from app.core.pagination import PageRequest
from app.models import Enrollment, User
from app.repositories.study.enrollment import EnrollmentFilter, EnrollmentRepository
from app.repositories.study.study import ContentQuestion, PinnedContent, StudyRepository
from app.schemas.base import ListOf
from app.schemas.study.enrollment import EnrollmentRead, ProgressRead
from tests.factories.module import make_module, publish, text_section
from tests.planting import as_owner
from tests.repositories.conftest import actor_of
from tests.support import Api, RollbackDatabase

NOW = datetime(2026, 1, 1, tzinfo=UTC)


async def listed_by_the_orm(session: AsyncSession, user: User, limit: int) -> bytes:
    page = await EnrollmentRepository(session).list_visible(
        actor_of(user), EnrollmentFilter(), PageRequest(limit)
    )
    items = [EnrollmentRead.model_validate(item) for item in page.items]
    return (
        ListOf[EnrollmentRead](items=items, next_cursor=page.next_cursor).model_dump_json().encode()
    )


class TestFirstPage:
    @pytest.mark.parametrize("limit", [1, 2, 50])
    async def test_equals_the_orms(
        self,
        api: Api,
        session: AsyncSession,
        database: RollbackDatabase,
        learner: User,
        limit: int,
    ) -> None:
        for number in range(3):
            module = await make_module(session, text_section(), title=f'Módulo "{number}" \u2028')
            await publish(database, module)
            await api.post("/enrollments", learner, json={"module_id": str(module.id)})
        await self.vary(session, learner)
        answer = await api.get(f"/enrollments?limit={limit}", learner)
        assert answer.content == await listed_by_the_orm(session, learner, limit)

    async def vary(self, session: AsyncSession, learner: User) -> None:
        """Give each row another instant, one without microseconds, and another state."""
        rows = list(
            await session.scalars(select(Enrollment).where(Enrollment.user_id == learner.id))
        )
        for number, row in enumerate(rows):
            at = NOW + timedelta(hours=number, microseconds=number * 1200)
            change = f"UPDATE enrollments SET enrolled_at = '{at}' WHERE id = '{row.id}'"  # noqa: S608  # our own values
            await as_owner(session, change)
        await as_owner(
            session,
            "UPDATE enrollments SET status = 'completed', progress_percent = 100,"  # noqa: S608  # our own values
            f" completed_at = '{NOW + timedelta(days=9)}' WHERE id = '{rows[2].id}'",
        )
        for row in rows:
            await session.refresh(row)
        rows[1].due_on = date(2027, 2, 28)
        await session.flush()

    async def test_is_empty_for_a_newcomer(
        self, api: Api, session: AsyncSession, learner: User, other_learner: User
    ) -> None:
        answer = await api.get("/enrollments", learner)
        assert answer.content == await listed_by_the_orm(session, learner, 50)
        assert answer.json() == {"items": [], "next_cursor": None}


class TestEnroll:
    async def test_equals_the_orms(
        self, api: Api, session: AsyncSession, database: RollbackDatabase, learner: User
    ) -> None:
        module = await make_module(session, text_section())
        await publish(database, module)
        answer = await api.post("/enrollments", learner, json={"module_id": str(module.id)})
        listed = orjson.loads(await listed_by_the_orm(session, learner, 50))
        assert answer.json() == listed["items"][0]


class TestReportProgress:
    async def test_is_what_the_schema_promises(
        self, api: Api, session: AsyncSession, database: RollbackDatabase, learner: User
    ) -> None:
        module = await make_module(session, text_section(), text_section())
        await publish(database, module)
        enrolled = await api.post("/enrollments", learner, json={"module_id": str(module.id)})
        path = f"/enrollments/{enrolled.json()['id']}/sections/{module.sections[0].id}/progress"
        for completed in (False, True):
            report = {"seconds_spent": 3, "position": 1.5, "completed": completed}
            answer = await api.put(path, learner, json=report)
            assert answer.status_code == HTTPStatus.OK
            read = ProgressRead.model_validate_json(answer.content, strict=True)
            assert answer.json() == read.model_dump(mode="json")


def claims_of(user: User) -> Claims:
    assert user.supabase_id is not None
    return Claims(user.supabase_id, user.email, None, NOW, NOW, 4e9, "aal1", None)


@dataclass
class Reading:
    """The request of a learner who has read nothing yet, and its answer."""

    question: ContentQuestion[Claims]
    pinned: PinnedContent


@pytest.fixture
async def reading(
    api: Api, session: AsyncSession, database: RollbackDatabase, learner: User
) -> Reading:
    module = await make_module(session, text_section())
    await publish(database, module)
    enrolled = await api.post("/enrollments", learner, json={"module_id": str(module.id)})
    enrollment_id = uuid.UUID(enrolled.json()["id"])
    content = await api.get(f"/enrollments/{enrollment_id}/content", learner)
    enrollment = (await session.scalars(select(Enrollment))).one()
    sha256 = content.headers["ETag"].strip('"')
    return Reading(
        ContentQuestion(claims_of(learner), enrollment_id, None, ()),
        PinnedContent(enrollment.version_id, sha256, None, None, content.content),
    )


class TestContent:
    async def test_of_many_is_what_each_would_get(
        self,
        database: RollbackDatabase,
        reading: Reading,
        learner: User,
        other_learner: User,
    ) -> None:
        mine, pinned = reading.question, reading.pinned
        claims = mine.caller
        questions = {
            "mine": mine,
            "of another": replace(mine, caller=claims_of(other_learner)),
            "unknown": replace(mine, enrollment_id=uuid.uuid4()),
            "of a stranger": replace(mine, caller=replace(claims, subject=uuid.uuid4())),
            "a newer sign-in": replace(
                mine, caller=replace(claims, signed_in_at=datetime(2101, 1, 1, tzinfo=UTC))
            ),
            "another address": replace(mine, caller=replace(claims, email="new@unified.example")),
            "no address": replace(mine, caller=replace(claims, email=None)),
            "held version": replace(mine, held_version=pinned.version_id),
            "another version": replace(mine, held_version=uuid.uuid4()),
            "held hash": replace(mine, held_hashes=("1" * 64, pinned.sha256)),
            "other hashes": replace(mine, held_hashes=("1" * 64, 'a"\\,{}')),
        }
        study = StudyRepository(database.fetch)
        together = await study.contents(list(questions.values()))
        alone = [await study.content(each) for each in questions.values()]
        unsent = replace(pinned, body=None)
        expected = dict.fromkeys(questions, pinned)
        expected |= {"held version": unsent, "held hash": unsent}
        refused = ("of another", "unknown", "of a stranger", "a newer sign-in", "another address")
        assert dict(zip(questions, together, strict=True)) == {
            **expected,
            **dict.fromkeys(refused),
        }
        assert together == alone

    async def test_is_not_for_leavers(
        self, session: AsyncSession, database: RollbackDatabase, reading: Reading, learner: User
    ) -> None:
        study = StudyRepository(database.fetch)
        assert await study.contents([reading.question] * 2) == [reading.pinned] * 2
        learner.is_active = False
        await session.commit()
        assert await study.contents([reading.question] * 2) == [None, None]
        assert await study.content(reading.question) is None

    async def test_by_id(
        self, database: RollbackDatabase, reading: Reading, learner: User, other_learner: User
    ) -> None:
        study, asked = StudyRepository(database.fetch), reading.question
        for user, expected in ((learner, reading.pinned), (other_learner, None)):
            question = ContentQuestion(user.id, asked.enrollment_id, None, ())
            assert await study.content(question) == expected
