"""Changes during a reconciliation: afterwards the tables agree with the engine."""

import asyncio
import uuid
from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.models import (
    CertificationPeriod,
    CompliancePending,
    Enrollment,
    Requirement,
    TrainingModule,
    TrainingRecord,
    User,
)
from app.services.compliance import (
    reconciliation,
)
from app.services.compliance.reconciliation import (
    Reconciled,
    ReconciliationService,
    reconcile,
)
from app.services.context import SYSTEM
from app.services.unit_of_work import UnitOfWork
from tests.concurrency.race import ROUNDS, count, race, statuses
from tests.factories.module import make_module, publish
from tests.factories.requirement import make_requirement, rule_json
from tests.factories.user import make_location, make_user
from tests.support import Api, etag

pytestmark = pytest.mark.full

PEOPLE = 8
WORKERS = 4

OVERLAPPING = """
SELECT count(*) FROM compliance_segments a JOIN compliance_segments b
    ON a.user_id = b.user_id AND a.requirement_id = b.requirement_id AND a.place = b.place
   AND a.starts_on < b.starts_on AND a.ends_on >= b.starts_on
"""
COUNTED = """
SELECT day, dimension, key, requirement_id, status, sum(people)::int FROM compliance_counts
 GROUP BY 1, 2, 3, 4, 5 HAVING sum(people) <> 0
"""
COUNTED_ANEW = """
SELECT day, CASE WHEN min(place) > 0 THEN 'also_' ELSE '' END || dimension, key, requirement_id,
       status, count(*)::int
  FROM (SELECT d.day, held.dimension, held.key, s.requirement_id, s.status, s.user_id,
               min(s.place) AS place
          FROM compliance_days d
          JOIN compliance_segments s ON d.day BETWEEN s.starts_on AND s.ends_on
         CROSS JOIN LATERAL (VALUES
               ('location', s.location_id::text), ('department', s.department),
               ('job_title', s.job_title)) AS held (dimension, key)
         GROUP BY 1, 2, 3, 4, 5, 6) people
 GROUP BY day, least(place, 1), dimension, key, requirement_id, status
"""


class Turn:
    """One round: a new module that everybody has to complete, and what may happen to it."""

    def __init__(
        self, api: Api, database: Database, module: TrainingModule, requirement: Requirement
    ) -> None:
        self.api = api
        self.database = database
        self.module = module
        self.requirement = requirement

    def reconciles(self) -> Awaitable[Reconciled]:
        return ReconciliationService(self.database, SYSTEM).run()

    async def works_off(self) -> int:
        """Reconcile as a process does in the background; return the number of batches."""
        batches = 0
        service = ReconciliationService(self.database, SYSTEM)
        while await service.run_queued():
            batches += 1
        return batches

    def catches_up(self) -> Awaitable[Reconciled]:
        return ReconciliationService(self.database, SYSTEM).run_pending()

    async def completions(self, people: list[User]) -> list[Awaitable[httpx.Response]]:
        report = {"seconds_spent": 0, "position": 0, "completed": True}
        section_id = self.module.sections[0].id
        async with self.database.writing() as session:
            rows = await session.execute(
                select(Enrollment.user_id, Enrollment.id).where(
                    Enrollment.module_id == self.module.id
                )
            )
            enrollments = {row[0]: row[1] for row in rows}
        return [
            self.api.put(
                f"/enrollments/{enrollments[user.id]}/sections/{section_id}/progress",
                user,
                json=report,
            )
            for user in people
        ]

    async def edits_the_rule(self, admin: User, **changes: Any) -> httpx.Response:
        path = f"/requirements/{self.requirement.id}"
        body = {"rule": rule_json(self.module.id, **changes), "confirm": True}
        read = await self.api.get(path, admin)
        return await self.api.patch(path, admin, json=body, headers=etag(read))

    async def moves(self, admin: User, user: User, location_id: object) -> httpx.Response:
        path = f"/users/{user.id}"
        read = await self.api.get(path, admin)
        body = {"location_id": str(location_id)}
        return await self.api.patch(path, admin, json=body, headers=etag(read))

    def records(self, admin: User, people: list[User], **fields: Any) -> Awaitable[httpx.Response]:
        """Record an incident of today: what is completed today is no answer to it."""
        body = {
            "kind": "exposure",
            "day": datetime.now(UTC).date().isoformat(),
            "requirement_id": str(self.requirement.id),
            "user_ids": [str(user.id) for user in people],
            "retrain_by": "2100-01-01",
            "description": "A needlestick.",
            **fields,
        }
        return self.api.post("/incidents", admin, json=body)

    def publishes(self, admin: User) -> Awaitable[httpx.Response]:
        body = {"note": "Anew", "material_change": True}
        return self.api.post(f"/modules/{self.module.id}/publish", admin, json=body)


@pytest.fixture
async def people(session: AsyncSession) -> list[User]:
    return [await make_user(session) for _ in range(PEOPLE)]


async def begin(api: Api, database: Database, **rule: Any) -> Turn:
    async with database.writing() as session:
        module = await make_module(session)
    await publish(database, module)
    return Turn(api, database, module, await make_requirement(database, module.id, **rule))


async def settled(turn: Turn, completed: int) -> None:
    """Check that nothing is left to do, nothing was lost, and no two rows contradict."""
    async with turn.database.writing() as session:
        assert await count(session, CompliancePending) == 0
    assert (await turn.reconciles()).changed == 0
    async with turn.database.writing() as session:
        records = TrainingRecord.module_id == turn.module.id
        assert await count(session, TrainingRecord, records) == completed
        period = CertificationPeriod.requirement_id == turn.requirement.id
        met = CertificationPeriod.outcome == "met"
        assert await count(session, CertificationPeriod, period, met) == completed
        assert await session.scalar(text(OVERLAPPING)) == 0
        counted = await session.execute(text(COUNTED))
        anew = await session.execute(text(COUNTED_ANEW))
        assert sorted(map(str, counted)) == sorted(map(str, anew))


async def test_completions_against_batches(
    committed_api: Api, committed_database: Database, people: list[User]
) -> None:
    for _ in range(ROUNDS):
        turn = await begin(committed_api, committed_database)
        completions = await turn.completions(people)
        answers, *_ = await asyncio.gather(
            race(completions), turn.reconciles(), turn.reconciles(), turn.catches_up()
        )
        assert statuses(answers) == {200: PEOPLE}
        await settled(turn, PEOPLE)


async def test_completions_against_a_rule_change(
    committed_api: Api,
    committed_database: Database,
    people: list[User],
    admin: User,
) -> None:
    for number in range(ROUNDS):
        turn = await begin(committed_api, committed_database)
        completions = await turn.completions(people)
        window = {"months": 12, "window_days": 40 + number}
        answers, edited, _ = await asyncio.gather(
            race(completions), turn.edits_the_rule(admin, renewal=window), turn.reconciles()
        )
        assert statuses([*answers, edited]) == {200: PEOPLE + 1}, edited.text
        await settled(turn, PEOPLE)


async def test_two_rule_changes(
    committed_api: Api, committed_database: Database, admin: User
) -> None:
    for number in range(ROUNDS):
        turn = await begin(committed_api, committed_database)
        other = await begin(committed_api, committed_database)
        due = {"kind": "days_after", "event": "hire", "days": 29 - number}
        answers = await race(
            [
                turn.edits_the_rule(admin, first_due=due),
                other.edits_the_rule(admin, first_due=due),
                turn.edits_the_rule(admin, audience={"roles": ["learner", "admin"]}),
            ]
        )
        assert set(statuses(answers)) <= {200, 412}
        assert statuses(answers)[200] >= 2
        await settled(turn, 0)


async def test_completions_against_a_publication_and_a_rule_change(
    committed_api: Api,
    committed_database: Database,
    people: list[User],
    admin: User,
) -> None:
    for number in range(ROUNDS):
        turn = await begin(committed_api, committed_database, retrain_days_after_material_change=14)
        completions = await turn.completions(people)
        async with committed_database.writing() as author:
            draft = await author.get_one(TrainingModule, turn.module.id)
            draft.title += " anew"
            await author.commit()
        due = {"kind": "days_after", "event": "hire", "days": 29 - number}
        answers, published, edited, _ = await asyncio.gather(
            race(completions),
            turn.publishes(admin),
            turn.edits_the_rule(admin, first_due=due, retrain_days_after_material_change=14),
            turn.reconciles(),
        )
        assert statuses([*answers, published, edited]) == {200: PEOPLE + 1, 201: 1}
        await settled(turn, PEOPLE)


async def test_completions_against_a_move(
    committed_api: Api,
    committed_database: Database,
    session: AsyncSession,
    people: list[User],
    admin: User,
) -> None:
    # The zone in which people were entered before there was an office: to the west of it their
    # first day may be tomorrow's.
    offices = [await make_location(session, time_zone="UTC") for _ in range(2)]
    for number in range(ROUNDS):
        turn = await begin(committed_api, committed_database)
        completions = await turn.completions(people)
        office = offices[number % 2]
        answers, moved, _ = await asyncio.gather(
            race(completions),
            race(turn.moves(admin, user, office.id) for user in people),
            turn.reconciles(),
        )
        assert statuses([*answers, *moved]) == {200: 2 * PEOPLE}
        await settled(turn, PEOPLE)


async def test_incidents_against_completions_and_a_rule_change(
    committed_api: Api, committed_database: Database, people: list[User], admin: User
) -> None:
    by_incident = CertificationPeriod.cause == "incident"
    is_open = CertificationPeriod.outcome == "open"
    for number in range(ROUNDS):
        turn = await begin(committed_api, committed_database)
        completions = await turn.completions(people)
        mistaken = (await turn.records(admin, people[:4])).json()["id"]
        due = {"kind": "days_after", "event": "assignment", "days": 29 - number}
        answers, recorded, withdrawn, edited, *_ = await asyncio.gather(
            race(completions),
            race(turn.records(admin, [user]) for user in people[2:]),
            committed_api.post(
                f"/incidents/{mistaken}/withdraw", admin, json={"reason": "Another glove."}
            ),
            turn.edits_the_rule(admin, first_due=due),
            turn.reconciles(),
            turn.catches_up(),
        )
        assert statuses([*answers, withdrawn, edited]) == {200: PEOPLE + 2}
        assert statuses(recorded) == {201: PEOPLE - 2}
        await settled(turn, PEOPLE)
        of_rule = CertificationPeriod.requirement_id == turn.requirement.id
        async with turn.database.writing() as session:
            asked = await count(session, CertificationPeriod, of_rule, by_incident, is_open)
            assert asked == PEOPLE - 2


async def test_only_what_was_worked_out_is_reconciled(
    committed_api: Api,
    committed_database: Database,
    people: list[User],
    admin: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As in a large organisation: edits and publications leave the work to later batches."""
    assert people
    monkeypatch.setattr(reconciliation, "INLINE_PEOPLE", 0)
    monkeypatch.setattr(reconciliation, "BATCH", 2)
    turn = await begin(committed_api, committed_database)
    for number in range(ROUNDS):
        due = {"kind": "days_after", "event": "assignment", "days": 29 - number}
        edited, *_ = await asyncio.gather(
            turn.edits_the_rule(admin, first_due=due),
            turn.reconciles(),
            asyncio.gather(*(turn.works_off() for _ in range(WORKERS))),
        )
        assert edited.is_success, edited.text
        path = f"/requirements/{turn.requirement.id}"
        reconciled = (await committed_api.get(path, admin)).json()["reconciled"]
        left = (await turn.reconciles()).changed
        assert not (reconciled and left)
        assert (await committed_api.get(path, admin)).json()["reconciled"]


async def test_newcomers_against_a_rule_change(
    committed_api: Api, committed_database: Database, admin: User
) -> None:
    turn = await begin(committed_api, committed_database)
    for number in range(ROUNDS):
        due = {"kind": "days_after", "event": "assignment", "days": 29 - number}
        invitations = [
            committed_api.post(
                "/users/invite", admin, json={"email": f"new{number}.{place}@unified.example"}
            )
            for place in range(4)
        ]
        answers, edited = await asyncio.gather(
            race(invitations), turn.edits_the_rule(admin, first_due=due)
        )
        assert statuses([*answers, edited]) == {200: 1, 201: 4}
        await settled(turn, 0)


async def test_workers_share_the_queue(
    committed_api: Api,
    committed_database: Database,
    people: list[User],
    admin: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reconciliation, "INLINE_PEOPLE", 0)
    monkeypatch.setattr(reconciliation, "BATCH", 1)
    worked_out: list[uuid.UUID] = []

    async def counted(
        uow: UnitOfWork, user_ids: list[uuid.UUID], *rest: Any, **how: Any
    ) -> Reconciled:
        worked_out.extend(user_ids)
        return await reconcile(uow, user_ids, *rest, **how)

    turn = await begin(committed_api, committed_database)
    for number in range(ROUNDS):
        due = {"kind": "days_after", "event": "assignment", "days": 29 - number}
        assert (await turn.edits_the_rule(admin, first_due=due)).is_success
        worked_out.clear()
        with monkeypatch.context() as patch:
            patch.setattr(reconciliation, "reconcile", counted)
            await asyncio.gather(*(turn.works_off() for _ in range(WORKERS)))
        assert sorted(worked_out) == sorted([admin.id, *(user.id for user in people)])
        await settled(turn, 0)


async def test_completions_and_newcomers_against_workers(
    committed_api: Api,
    committed_database: Database,
    people: list[User],
    admin: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reconciliation, "INLINE_PEOPLE", 0)
    monkeypatch.setattr(reconciliation, "BATCH", 2)
    for number in range(ROUNDS):
        turn = await begin(committed_api, committed_database)
        completions = await turn.completions(people)
        window = {"months": 12, "window_days": 40 + number}
        invite = {"email": f"new{number}@unified.example"}
        changes = [
            turn.edits_the_rule(admin, renewal=window),
            committed_api.post("/users/invite", admin, json=invite),
        ]
        answers, _ = await asyncio.gather(
            race([*completions, *changes]),
            asyncio.gather(*(turn.works_off() for _ in range(WORKERS))),
        )
        assert statuses(answers) == {200: PEOPLE + 1, 201: 1}
        await turn.works_off()
        await settled(turn, PEOPLE)
