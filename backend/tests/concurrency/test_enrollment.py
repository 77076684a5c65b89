import time
import uuid

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.domain.study.enrollment import EnrollmentSource
from app.models import Enrollment, Signature, TrainingModule, TrainingRecord, User
from app.models.study.enrollment import EnrollmentStatus
from tests.concurrency.race import ROUNDS, audited, count, race, statuses, verify
from tests.factories.module import acknowledgement_section, make_module, publish, text_section
from tests.factories.user import make_user
from tests.planting import as_owner
from tests.support import Api

pytestmark = pytest.mark.full

ASSIGNED = Enrollment.source == EnrollmentSource.ASSIGNED
DONE = {"seconds_spent": 5, "position": 1, "completed": True}


async def published(session: AsyncSession, database: Database, sections: int) -> TrainingModule:
    module = await make_module(session, *(text_section() for _ in range(sections)))
    await publish(database, module)
    return module


async def enroll(api: Api, user: User, module: TrainingModule) -> str:
    response = await api.post("/enrollments", user, json={"module_id": str(module.id)})
    assert response.status_code == httpx.codes.CREATED
    return str(response.json()["id"])


async def complete(
    api: Api, user: User, enrollment_id: str, section_id: uuid.UUID
) -> httpx.Response:
    path = f"/enrollments/{enrollment_id}/sections/{section_id}/progress"
    return await api.put(path, user, json=DONE)


async def test_enrolls_of_one_person_make_one_enrollment(
    committed_api: Api, committed_database: Database, session: AsyncSession, learner: User
) -> None:
    for number in range(1, ROUNDS + 1):
        module = await published(session, committed_database, 1)
        payload = {"module_id": str(module.id)}
        answers = await race(
            committed_api.post("/enrollments", learner, json=payload) for _ in range(50)
        )
        assert statuses(answers) == {201: 1, 200: 49}
        assert len({answer.json()["id"] for answer in answers}) == 1
        assert await count(session, Enrollment) == number
        assert await audited(session, "enrollment:created") == number


async def test_assignments_and_own_enrollment_make_one_enrollment_for_each_person(
    committed_api: Api, committed_database: Database, session: AsyncSession, admin: User
) -> None:
    people = [await make_user(session) for _ in range(5)]
    user_ids = [str(person.id) for person in people]
    for number in range(1, ROUNDS + 1):
        module_id = str((await published(session, committed_database, 1)).id)
        bulk = {"module_id": module_id, "user_ids": user_ids}
        answers = await race(
            [committed_api.post("/enrollments/bulk", admin, json=bulk) for _ in range(5)]
            + [
                committed_api.post("/enrollments", person, json={"module_id": module_id})
                for person in people
            ]
        )
        assert set(statuses(answers)) <= {200, 201}
        made = sum(answer.json().get("created", 0) for answer in answers[:5])
        assert made + statuses(answers[5:])[201] == len(people)
        assert await count(session, Enrollment) == number * len(people)
        assert await count(session, Enrollment, ASSIGNED) == number * len(people)


async def test_an_assignment_holds_whenever_the_person_leaves(
    committed_api: Api,
    committed_database: Database,
    session: AsyncSession,
    admin: User,
    learner: User,
) -> None:
    for _ in range(ROUNDS):
        module = await published(session, committed_database, 1)
        path = f"/enrollments/{await enroll(committed_api, learner, module)}/withdraw"
        bulk = {"module_id": str(module.id), "user_ids": [str(learner.id)]}
        assigned, left = await race(
            [
                committed_api.post("/enrollments/bulk", admin, json=bulk),
                committed_api.post(path, learner),
            ]
        )
        assert (assigned.status_code, left.status_code) in {(200, 200), (200, 403)}
        held = (Enrollment.module_id == module.id, Enrollment.status == EnrollmentStatus.ACTIVE)
        assert await count(session, Enrollment, *held, ASSIGNED) == 1


async def test_completions_of_different_sections_add_up(
    committed_api: Api, committed_database: Database, session: AsyncSession, learner: User
) -> None:
    for number in range(1, ROUNDS + 1):
        module = await published(session, committed_database, 10)
        enrollment_id = await enroll(committed_api, learner, module)
        answers = await race(
            complete(committed_api, learner, enrollment_id, section.id)
            for section in module.sections
        )
        assert statuses(answers) == {200: 10}
        seen = sorted(answer.json()["enrollment"]["progress_percent"] for answer in answers)
        assert seen == list(range(10, 101, 10))
        final = (await committed_api.get(f"/enrollments/{enrollment_id}", learner)).json()
        assert (final["status"], final["progress_percent"]) == ("completed", 100)
        assert await count(session, TrainingRecord) == number
    result = await verify(committed_database)
    assert (result.records, result.broken) == (ROUNDS, None)


async def test_reports_of_several_enrollments_share_the_time(
    committed_api: Api, committed_database: Database, session: AsyncSession
) -> None:
    modules = [await published(session, committed_database, 1) for _ in range(5)]
    for _ in range(ROUNDS):
        learner = await make_user(session)
        enrollments = [await enroll(committed_api, learner, module) for module in modules]
        await as_owner(
            session,
            "UPDATE enrollments SET enrolled_at = enrolled_at - interval '11 s'"  # noqa: S608  # an id of ours
            f" WHERE user_id = '{learner.id}'",
        )
        await session.commit()
        started = time.monotonic()
        answers = await race(
            committed_api.put(
                f"/enrollments/{enrollment_id}/sections/{module.sections[0].id}/progress",
                learner,
                json={"seconds_spent": 11},
            )
            for enrollment_id, module in zip(enrollments, modules, strict=True)
        )
        assert statuses(answers) == {200: 5}
        credited = sum(answer.json()["section"]["seconds_spent"] for answer in answers)
        assert 11 <= credited <= 12 + time.monotonic() - started


async def test_repeated_completions_issue_one_record(
    committed_api: Api, committed_database: Database, session: AsyncSession, learner: User
) -> None:
    for number in range(1, ROUNDS + 1):
        module = await published(session, committed_database, 1)
        enrollment_id = await enroll(committed_api, learner, module)
        answers = await race(
            complete(committed_api, learner, enrollment_id, module.sections[0].id)
            for _ in range(50)
        )
        assert statuses(answers) == {200: 50}
        assert len({answer.json()["enrollment"]["completed_at"] for answer in answers}) == 1
        assert await count(session, TrainingRecord) == number
        assert await audited(session, "training_record:issued") == number


async def test_completions_of_several_enrollments_make_one_chain(
    committed_api: Api, committed_database: Database, session: AsyncSession
) -> None:
    modules = [await published(session, committed_database, 1) for _ in range(10)]
    for _ in range(ROUNDS):
        learner = await make_user(session)
        enrollments = [await enroll(committed_api, learner, module) for module in modules]
        answers = await race(
            complete(committed_api, learner, enrollment_id, module.sections[0].id)
            for enrollment_id, module in zip(enrollments, modules, strict=True)
        )
        assert statuses(answers) == {200: 10}
        numbers = await session.scalars(
            select(TrainingRecord.sequence).where(TrainingRecord.user_id == learner.id)
        )
        assert sorted(numbers) == list(range(1, 11))
    result = await verify(committed_database)
    assert (result.records, result.people, result.broken) == (ROUNDS * 10, ROUNDS, None)


async def test_acknowledgements_make_one_signature(
    committed_api: Api, committed_database: Database, session: AsyncSession, learner: User
) -> None:
    for number in range(1, ROUNDS + 1):
        module = await make_module(session, acknowledgement_section())
        await publish(committed_database, module)
        enrollment_id = await enroll(committed_api, learner, module)
        path = f"/enrollments/{enrollment_id}/sections/{module.sections[0].id}/acknowledge"
        payload = {"printed_name": learner.display_name, "meaning": "I have read the policy."}
        answers = await race(committed_api.post(path, learner, json=payload) for _ in range(50))
        assert statuses(answers) == {200: 50}
        assert len({answer.json()["signature"]["id"] for answer in answers}) == 1
        assert await count(session, Signature) == number
        assert await audited(session, "section:acknowledged") == number
        assert await count(session, TrainingRecord) == number


async def test_withdrawal_and_completion_exclude_each_other(
    committed_api: Api, committed_database: Database, session: AsyncSession, learner: User
) -> None:
    for number in range(ROUNDS):
        module = await published(session, committed_database, 1)
        enrollment_id = await enroll(committed_api, learner, module)
        calls = [
            committed_api.post(f"/enrollments/{enrollment_id}/withdraw", learner),
            complete(committed_api, learner, enrollment_id, module.sections[0].id),
        ]
        answers = await race(calls if number % 2 else reversed(calls))
        assert statuses(answers) == {200: 1, 409: 1}
        final = (await committed_api.get(f"/enrollments/{enrollment_id}", learner)).json()
        records = await count(
            session, TrainingRecord, TrainingRecord.enrollment_id == uuid.UUID(enrollment_id)
        )
        assert (final["status"], records) in {("completed", 1), ("withdrawn", 0)}
