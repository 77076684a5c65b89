import asyncio
import uuid
from dataclasses import replace

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.domain.actor import Role
from app.models import AuditEvent, IdempotencyKey, Location, User
from app.repositories.idempotency_key import IdempotencyKeyRepository
from app.schemas.location import LocationCreate
from app.services.context import IdempotencyRequest, RequestContext
from app.services.location import LocationService
from app.services.outcome import IdempotencyKeyReusedError, Outcome, ReplayedOutcome
from app.services.unit_of_work import UnitOfWork
from tests.factories.user import make_user
from tests.services.conftest import acting

PAYLOAD = LocationCreate(name="North", time_zone="UTC")
REQUEST = IdempotencyRequest("key-1", "a" * 64)


def retryable(user: User, request: IdempotencyRequest = REQUEST) -> RequestContext:
    return replace(acting(user), idempotency=request)


async def create(
    database: Database, context: RequestContext, payload: LocationCreate = PAYLOAD
) -> Outcome:
    """Do it, or answer as before, the way the HTTP layer does."""
    try:
        return await LocationService(database, context).create(payload)
    except ReplayedOutcome as replay:
        return replay.outcome


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
        assert (first.created, bool(first.etag), bool(first.location)) == (True, True, True)
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
        assert second.location != first.location
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
        outcome = await create(committed_database, retryable(admin))
        assert outcome.created
        assert await count(committed_database, Location) == 1


class TestParallel:
    async def test_retries_wait_and_answer_alike(
        self, committed_database: Database, admin: User
    ) -> None:
        outcomes = await asyncio.gather(
            *(create(committed_database, retryable(admin)) for _ in range(8))
        )
        assert len({outcome.body for outcome in outcomes}) == 1
        assert all(outcome.created for outcome in outcomes)
        assert await count(committed_database, Location) == 1

    async def test_one_waits_for_the_holder_to_end(
        self, committed_database: Database, admin: User
    ) -> None:
        """Rolled back, the holder leaves the key to whoever waits."""
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


async def test_old_keys_are_pruned(session: AsyncSession, learner: User) -> None:
    keys = IdempotencyKeyRepository(session)
    now = (await session.execute(select(func.now()))).scalar_one()
    assert await keys.claim(learner.id, "key", "a" * 64) is None
    assert await keys.prune(now) == 0
    assert await keys.prune(now.replace(year=now.year + 1)) == 1
    assert await keys.find(learner.id, "key") is None
