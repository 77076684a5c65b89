import asyncio
import uuid
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text, update

from app.core.database import Database
from app.domain.actor import Role
from app.models import AuditEvent, IdempotencyKey, Location, User
from app.schemas.people.location import LocationCreate
from app.services.answer import IdempotencyKeyReusedError, ReplayedAnswer, WrittenAnswer
from app.services.context import IdempotencyRequest, RequestContext
from app.services.idempotency_key import IdempotencyKeyService
from app.services.people.location import LocationService
from app.services.people.user import UserService
from app.services.unit_of_work import UnitOfWork
from tests.factories.user import make_user
from tests.fakes.auth_admin import InMemoryAuthAdmin
from tests.services.conftest import acting

PAYLOAD = LocationCreate(name="North", time_zone="UTC")
REQUEST = IdempotencyRequest("key-1", "a" * 64)


def retryable(user: User, request: IdempotencyRequest = REQUEST) -> RequestContext:
    return replace(acting(user), idempotency=request)


async def create(
    database: Database, context: RequestContext, payload: LocationCreate = PAYLOAD
) -> WrittenAnswer:
    """Create a location or return the kept answer, as the HTTP layer does."""
    try:
        return WrittenAnswer.of(await LocationService(database, context).create(payload))
    except ReplayedAnswer as replay:
        return replay.written


@pytest.fixture
async def admin(committed_database: Database) -> User:
    async with committed_database.writing() as session:
        return await make_user(session, role=Role.ADMIN)


async def count(database: Database, model: type) -> int:
    async with database.reading() as session:
        return await session.scalar(select(func.count()).select_from(model)) or 0


class TestRetry:
    async def test_is_answered_as_before(self, committed_database: Database, admin: User) -> None:
        first = await create(committed_database, retryable(admin))
        again = await create(committed_database, retryable(admin))
        assert again == first
        assert (first.created, bool(first.etag)) == (True, True)
        assert await count(committed_database, Location) == 1
        assert await count(committed_database, AuditEvent) == 1

    async def test_with_another_body_is_refused(
        self, committed_database: Database, admin: User
    ) -> None:
        await create(committed_database, retryable(admin))
        other = replace(REQUEST, fingerprint="b" * 64)
        with pytest.raises(IdempotencyKeyReusedError) as caught:
            await create(committed_database, retryable(admin, other))
        assert caught.value.status == 422
        assert await count(committed_database, Location) == 1

    async def test_another_persons_key_is_another_key(
        self, committed_database: Database, admin: User
    ) -> None:
        async with committed_database.writing() as session:
            other = await make_user(session, role=Role.ADMIN)
        first = await create(committed_database, retryable(admin))
        south = LocationCreate(name="South", time_zone="UTC")
        second = await create(committed_database, retryable(other), south)
        assert second.etag != first.etag
        assert await count(committed_database, Location) == 2

    async def test_without_a_key_it_is_done_again(
        self, committed_database: Database, admin: User
    ) -> None:
        await create(committed_database, acting(admin))
        south = LocationCreate(name="South", time_zone="UTC")
        await create(committed_database, acting(admin), south)
        assert await count(committed_database, Location) == 2
        assert await count(committed_database, IdempotencyKey) == 0

    async def test_a_failure_frees_the_key(self, committed_database: Database, admin: User) -> None:
        unknown = PAYLOAD.model_copy(update={"manager_ids": [uuid.uuid4()]})
        service = LocationService(committed_database, retryable(admin))
        with pytest.raises(Exception, match="not valid"):
            await service.create(unknown)
        assert await count(committed_database, IdempotencyKey) == 0
        answer = await create(committed_database, retryable(admin))
        assert answer.created
        assert await count(committed_database, Location) == 1


class TestAutocommit:
    async def test_is_answered_as_before_too(
        self, committed_database: Database, admin: User
    ) -> None:
        """Such a request claims no key beforehand, because it may be done twice."""
        service = UserService(
            committed_database, retryable(admin), InMemoryAuthAdmin(), adds_words=False
        )
        first = WrittenAnswer.of(await service.sync())
        with pytest.raises(ReplayedAnswer) as caught:
            await service.sync()
        assert caught.value.written == first
        other = replace(REQUEST, fingerprint="b" * 64)
        with pytest.raises(IdempotencyKeyReusedError):
            await UserService(
                committed_database,
                retryable(admin, other),
                InMemoryAuthAdmin(),
                adds_words=False,
            ).sync()


class TestParallel:
    async def test_retries_wait_and_answer_alike(
        self, committed_database: Database, admin: User
    ) -> None:
        answers = await asyncio.gather(
            *(create(committed_database, retryable(admin)) for _ in range(8))
        )
        assert len({answer.body for answer in answers}) == 1
        assert all(answer.created for answer in answers)
        assert await count(committed_database, Location) == 1

    async def test_one_waits_for_the_holder_to_end(
        self, committed_database: Database, admin: User
    ) -> None:
        """If the holder of the key rolls back, the waiting request gets it."""
        holder = UnitOfWork(committed_database, retryable(admin))
        await holder.__aenter__()
        waiting = asyncio.create_task(create(committed_database, retryable(admin)))
        error = ValueError("the holder fails")
        await until_somebody_waits(committed_database)
        await holder.__aexit__(ValueError, error, None)
        assert (await waiting).created
        assert await count(committed_database, Location) == 1


async def until_somebody_waits(database: Database) -> None:
    async with asyncio.timeout(5), database.reading() as session:
        while not await session.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
            pass


class TestPruning:
    async def aged(self, database: Database, admin: User, hours: int) -> RequestContext:
        """Make a location with a key that is so many hours old."""
        context = retryable(admin, replace(REQUEST, key=f"{hours} hours ago"))
        await create(database, context, LocationCreate(name=f"Office {hours}", time_zone="UTC"))
        async with database.writing() as session:
            ago = func.now() - timedelta(hours=hours)
            old = update(IdempotencyKey).where(IdempotencyKey.key == f"{hours} hours ago")
            await session.execute(old.values(created_at=ago))
            await session.commit()
        return context

    async def test_forgets_old_answers_and_no_others(
        self, committed_database: Database, admin: User
    ) -> None:
        for hours in (23, 25, 48, 72):
            await self.aged(committed_database, admin, hours)
        service = IdempotencyKeyService(committed_database)
        assert await service.prune(timedelta(hours=24), batch=2) == 3
        assert await service.prune(timedelta(hours=24), batch=2) == 0
        assert await count(committed_database, IdempotencyKey) == 1
        assert await count(committed_database, Location) == 4

    async def test_a_forgotten_key_is_a_new_one(
        self, committed_database: Database, admin: User
    ) -> None:
        context = await self.aged(committed_database, admin, 25)
        await IdempotencyKeyService(committed_database).prune(timedelta(hours=24))
        assert (await create(committed_database, context)).created
