import uuid
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.domain.actor import Role
from app.models import Enrollment, TrainingModule, User
from tests.concurrency.race import ROUNDS, audited, count, race
from tests.factories.module import make_module, publish
from tests.factories.requirement import rule_json
from tests.factories.user import make_user
from tests.support import Api

pytestmark = pytest.mark.full

ANY = {"If-Match": "*"}
SETTLED = {200, 201, 409, 503}


@pytest.fixture
async def second(session: AsyncSession) -> User:
    return await make_user(session, role=Role.ADMIN)


@pytest.fixture
async def module(session: AsyncSession, committed_database: Database) -> TrainingModule:
    module = await make_module(session)
    await publish(committed_database, module)
    return module


HIRED = date(2026, 1, 5)


def training(user: User, module: TrainingModule) -> dict[str, Any]:
    return {
        "user_id": str(user.id),
        "provider": "Dental society",
        "title": "Bloodborne pathogens",
        "completed_on": (datetime.now(UTC).date() - timedelta(days=1)).isoformat(),
        "hours": 2,
        "module_id": str(module.id),
    }


def waiver(user: User, requirement: str) -> dict[str, Any]:
    days = {"starts_on": datetime.now(UTC).date().isoformat(), "ends_on": None}
    whose = {"user_id": str(user.id), "requirement_id": requirement}
    return {"kind": "waiver", "reason": "On leave soon.", **whose, **days}


async def required(api: Api, admin: User, module: TrainingModule) -> str:
    rule = rule_json(module.id, audience={"everyone": True})
    body = {"title": "Bloodborne", "rule": rule, "effective_from": "2026-01-01"}
    response = await api.post("/requirements", admin, json=body)
    assert response.status_code == HTTPStatus.CREATED, response.text
    return str(response.json()["id"])


async def propose(api: Api, admin: User, user_id: uuid.UUID, merged_id: uuid.UUID) -> str:
    body = {"user_id": str(user_id), "merged_id": str(merged_id), "reason": "One person"}
    response = await api.post("/merges", admin, json=body)
    assert response.status_code == HTTPStatus.CREATED, response.text
    return f"/merges/{response.json()['id']}/confirm"


async def test_two_merges_never_make_a_circle(
    committed_api: Api,
    session: AsyncSession,
    admin: User,
    second: User,
) -> None:
    for _ in range(ROUNDS):
        one, two, three = [(await make_user(session)).id for _ in range(3)]
        pairs = [(one, two), (two, three), (three, one)]
        paths = [await propose(committed_api, admin, *pair) for pair in pairs]
        answers = await race(committed_api.post(path, second, headers=ANY) for path in paths)
        assert {each.status_code for each in answers} <= SETTLED
        assert any(each.is_success for each in answers)
        await session.rollback()
        chosen = select(User.id, User.merged_into_id).where(User.id.in_([one, two, three]))
        into = {row[0]: row[1] for row in await session.execute(chosen)}
        roots = [entry for entry, continues in into.items() if continues is None]
        assert roots
        assert {each for each in into.values() if each is not None} <= set(roots)
        await session.commit()


async def test_no_enrollment_is_left_to_nobody(
    committed_api: Api, session: AsyncSession, admin: User, second: User, module: TrainingModule
) -> None:
    """Enrolling beside a merge comes before it, and is withdrawn, or after it, and is refused."""
    ended = select(User.id).where(User.merged_into_id.is_not(None))
    orphaned = (Enrollment.status == "active") & Enrollment.user_id.in_(ended)
    merged = 0
    for _ in range(ROUNDS):
        person, twin = [await make_user(session) for _ in range(2)]
        path = await propose(committed_api, admin, person.id, twin.id)
        wanted = {"module_id": str(module.id), "user_ids": [str(twin.id)]}
        confirmed, *others = await race(
            [
                committed_api.post(path, second, headers=ANY),
                committed_api.post("/enrollments", twin, json={"module_id": str(module.id)}),
                committed_api.post("/enrollments/bulk", admin, json=wanted),
            ]
        )
        assert confirmed.status_code in SETTLED, confirmed.text
        assert {each.status_code for each in others} <= SETTLED | {401, 403}
        merged += confirmed.is_success
        assert await count(session, Enrollment, orphaned) == 0
        await session.commit()
    assert merged


async def test_is_confirmed_once(
    committed_api: Api, session: AsyncSession, admin: User, second: User
) -> None:
    third = await make_user(session, role=Role.ADMIN)
    for _ in range(ROUNDS):
        person, twin = [await make_user(session) for _ in range(2)]
        path = await propose(committed_api, admin, person.id, twin.id)
        refused = path.replace("confirm", "refuse")
        before = await audited(session, "merge:confirmed") + await audited(session, "merge:refused")
        answers = await race(
            [
                committed_api.post(path, second, headers=ANY),
                committed_api.post(path, third, headers=ANY),
                committed_api.post(refused, admin, headers=ANY),
            ]
        )
        assert sorted(each.status_code for each in answers) == [200, 409, 409]
        after = await audited(session, "merge:confirmed") + await audited(session, "merge:refused")
        assert after == before + 1


async def test_what_counts_beside_a_merge_counts_for_the_person(
    committed_api: Api, session: AsyncSession, admin: User, second: User, module: TrainingModule
) -> None:
    """Whichever comes first: evidence that is verified, and a waiver that is revoked."""
    rule = await required(committed_api, admin, module)
    for _ in range(ROUNDS):
        person, twin = [await make_user(session, hired_on=HIRED) for _ in range(2)]
        path = await propose(committed_api, admin, person.id, twin.id)
        entered = await committed_api.post(
            "/external-trainings", admin, json=training(twin, module)
        )
        waived = await committed_api.post("/exemptions", admin, json=waiver(twin, rule))
        review = f"/external-trainings/{entered.json()['id']}/verify"
        end = f"/exemptions/{waived.json()['id']}/revoke"
        confirmed, *others = await race(
            [
                committed_api.post(path, second, headers=ANY),
                committed_api.post(review, second, json={"reason": "I saw it."}),
                committed_api.post(end, second, json={"reason": "By mistake."}),
            ]
        )
        for each, again in zip(others, (review, end), strict=True):
            if each.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
                repeated = await committed_api.post(again, second, json={"reason": "Again."})
                assert repeated.is_success, repeated.text
        if not confirmed.is_success:
            assert (await committed_api.post(path, second, headers=ANY)).is_success
        query = {"user_id": str(person.id)}
        read = await committed_api.get("/reports/compliance/people", admin, params=query)
        [line] = read.json()["items"]
        assert (line["status"], line["met_by"]) == ("compliant", entered.json()["id"])
