"""A rule that concerns more people than one transaction may is worked out in the background."""

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import distinct, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import ComplianceOutdated, ComplianceSegment, User
from app.services.compliance import reconciliation
from app.services.compliance.reconciliation import ReconciliationService, reconcile
from app.services.context import SYSTEM
from app.services.unit_of_work import UnitOfWork
from tests.factories.module import make_module, publish
from tests.factories.requirement import rule_json
from tests.factories.user import make_user
from tests.planting import as_owner
from tests.support import Api, RollbackDatabase, etag

REPORT = "/reports/compliance"
PEOPLE = 6
Create = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
async def people(session: AsyncSession, admin: User) -> list[User]:
    return [admin, *[await make_user(session) for _ in range(PEOPLE - 1)]]


@pytest.fixture
async def create(
    api: Api,
    session: AsyncSession,
    database: RollbackDatabase,
    admin: User,
    monkeypatch: pytest.MonkeyPatch,
) -> Create:
    """Make a requirement as where people are many."""
    monkeypatch.setattr(reconciliation, "INLINE_PEOPLE", 0)
    monkeypatch.setattr(reconciliation, "BATCH", 2)

    async def make(title: str = "Hand hygiene") -> dict[str, Any]:
        module = await make_module(session)
        await publish(database, module)
        body = {"title": title, "rule": rule_json(module.id)}
        return dict((await api.post("/requirements", admin, json=body)).json())

    return make


def service(database: RollbackDatabase) -> ReconciliationService:
    return ReconciliationService(database, SYSTEM)


async def fail_for(session: AsyncSession, person: User) -> None:
    """Let every status of a person be refused."""
    raising = "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS"
    await as_owner(session, f"{raising} $$ BEGIN RAISE EXCEPTION 'fails'; END $$")
    trigger = "CREATE TRIGGER fail BEFORE INSERT ON compliance_segments FOR EACH ROW"
    when = f"WHEN (NEW.user_id = '{person.id}') EXECUTE FUNCTION fail()"
    await as_owner(session, f"{trigger} {when}")
    await session.commit()


async def left(session: AsyncSession) -> set[uuid.UUID]:
    return set(await session.scalars(select(ComplianceOutdated.user_id)))


async def with_status(session: AsyncSession, requirement_id: str) -> int | None:
    people = select(func.count(distinct(ComplianceSegment.user_id)))
    return await session.scalar(
        people.where(ComplianceSegment.requirement_id == uuid.UUID(requirement_id))
    )


async def queued(session: AsyncSession) -> int:
    return await session.scalar(select(func.count()).select_from(ComplianceOutdated)) or 0


class TestShown:
    @pytest.mark.full
    async def test_a_new_rule_is_in_the_matrix_at_once_with_the_share_done(
        self,
        api: Api,
        database: RollbackDatabase,
        people: list[User],
        create: Create,
    ) -> None:
        admin = people[0]
        made = await create()
        assert (made["reconciled"], made["reconciling"]) == (False, 0)
        shares = []
        while True:
            report = (await api.get(REPORT, admin)).json()
            read = (await api.get(f"/requirements/{made['id']}", admin)).json()
            if not report["reconciling"]:
                break
            [line] = report["reconciling"]
            assert (line["id"], line["title"]) == (made["id"], "Hand hygiene")
            assert (read["reconciled"], read["reconciling"]) == (False, line["share"])
            shares.append((line["share"], sum(group["people"] for group in report["groups"])))
            assert await service(database).run_queued()
        # Whoever made the rule is worked out with it.
        assert shares == [(0, 1), (0.33, 2), (0.66, 4)]
        assert (read["reconciled"], read["reconciling"]) == (True, None)
        assert sum(group["people"] for group in report["groups"]) == PEOPLE
        assert not await service(database).run_queued()

    @pytest.mark.full
    async def test_somebody_it_fails_for_keeps_nobody_waiting(
        self,
        session: AsyncSession,
        database: RollbackDatabase,
        people: list[User],
        create: Create,
    ) -> None:
        made = await create()
        failing = people[1]
        await fail_for(session, failing)
        background = service(database)
        for _ in range(PEOPLE):
            await background.run_queued()
        assert await background.run_queued() is False
        assert await left(session) == {failing.id}
        done = await service(database).run()
        assert (done.people, done.failed) == (PEOPLE - 1, 1)
        await as_owner(session, "DROP TRIGGER fail ON compliance_segments")
        await service(database).run()
        assert await left(session) == set()
        assert await with_status(session, made["id"]) == PEOPLE

    @pytest.mark.full
    async def test_it_is_what_the_nightly_run_would_have_written(
        self, database: RollbackDatabase, people: list[User], create: Create
    ) -> None:
        assert people
        await create()
        background = service(database)
        while await background.run_queued():
            pass
        assert (await service(database).run()).changed == 0

    async def test_the_kept_matrix_is_not_older(
        self, api: Api, database: RollbackDatabase, people: list[User], create: Create
    ) -> None:
        admin = people[0]
        await service(database).run()
        assert (await api.get(REPORT, admin)).json()["reconciling"] == []
        await create()
        assert [each["share"] for each in (await api.get(REPORT, admin)).json()["reconciling"]] == [
            0
        ]

    async def test_lines_say_so_one_by_one(
        self, api: Api, database: RollbackDatabase, people: list[User], create: Create
    ) -> None:
        admin = people[0]
        made = await create()
        background = service(database)
        while await background.run_queued():
            pass
        await api.post(f"/requirements/{made['id']}/reconcile", admin)
        await service(database).run_queued()
        lines = (await api.get(f"{REPORT}/people", admin)).json()["items"]
        assert sorted(line["reconciling"] for line in lines) == [False, False, *[True] * 4]
        exported = await api.get(f"{REPORT}.json", admin)
        assert exported.headers["X-Reconciling"] == made["id"]
        assert sum(item["reconciling"] for item in exported.json()["items"]) == 4

    async def test_what_was_known_before_is_not_being_reconciled(
        self, api: Api, people: list[User], create: Create
    ) -> None:
        await create()
        report = (await api.get(f"{REPORT}?known_on=2001-01-01", people[0])).json()
        assert report["reconciling"] == []

    async def test_only_what_is_asked_about(
        self, api: Api, people: list[User], create: Create
    ) -> None:
        made = await create()
        await create("Radiation safety")
        query = f"?requirement={made['id']}"
        report = (await api.get(REPORT + query, people[0])).json()
        assert [each["title"] for each in report["reconciling"]] == ["Hand hygiene"]


class TestQueue:
    async def test_an_edit_queues_everybody_again(
        self, api: Api, database: RollbackDatabase, people: list[User], create: Create
    ) -> None:
        admin = people[0]
        made = await create()
        await service(database).run_queued()
        path = f"/requirements/{made['id']}"
        rule = {**made["rule"], "renewal": {"months": 24, "window_days": 30}}
        headers = etag(await api.get(path, admin))
        edited = await api.patch(path, admin, json={"rule": rule}, headers=headers)
        assert edited.json()["reconciling"] == 0

    async def test_somebody_worked_out_for_another_reason_leaves_it(
        self,
        session: AsyncSession,
        database: RollbackDatabase,
        people: list[User],
        create: Create,
    ) -> None:
        await create()
        async with UnitOfWork(database, SYSTEM) as uow:
            await reconcile(uow, [people[0].id])
        assert await queued(session) == PEOPLE - 1

    async def test_the_nightly_run_empties_it(
        self,
        session: AsyncSession,
        database: RollbackDatabase,
        people: list[User],
        create: Create,
    ) -> None:
        await create()
        await service(database).run()
        assert await queued(session) == 0
        worked_out = select(func.count(ComplianceSegment.user_id.distinct()))
        assert await session.scalar(worked_out) == len(people)

    async def test_a_dry_run_leaves_it(
        self,
        session: AsyncSession,
        database: RollbackDatabase,
        people: list[User],
        create: Create,
    ) -> None:
        await create()
        await service(database).run(dry_run=True)
        assert await queued(session) == len(people)

    @pytest.mark.full
    async def test_several_rules_are_worked_out_together(
        self,
        session: AsyncSession,
        database: RollbackDatabase,
        people: list[User],
        create: Create,
    ) -> None:
        await create()
        await create("Radiation safety")
        assert await service(database).run_queued()
        assert await queued(session) == 2 * (len(people) - 2)
