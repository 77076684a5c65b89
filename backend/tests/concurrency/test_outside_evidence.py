"""What two people decide at once is decided once."""

import uuid
from datetime import date

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.domain.actor import Role
from app.models import (
    EvidenceElsewhere,
    EvidenceWithdrawal,
    ExemptionRevocation,
    ModuleTeaching,
    Requirement,
    TrainingRecord,
    User,
)
from tests.concurrency.race import audited, count, race, statuses, verify
from tests.factories.evidence import live_section, make_live_session
from tests.factories.module import make_module, publish
from tests.factories.user import make_user
from tests.support import Api

pytestmark = pytest.mark.full

ROUNDS = 5
BLS = {
    "provider": "American Heart Association",
    "title": "BLS provider",
    "completed_on": "2026-03-01",
    "hours": 4,
    "credential_kind": "bls",
}


@pytest.fixture
async def admins(session: AsyncSession) -> list[User]:
    return [await make_user(session, role=Role.ADMIN) for _ in range(10)]


async def enter(api: Api, user: User) -> str:
    return str((await api.post("/external-trainings", user, json=BLS)).json()["id"])


async def test_verified_once(
    committed_api: Api, session: AsyncSession, learner: User, admins: list[User]
) -> None:
    for number in range(1, ROUNDS + 1):
        path = f"/external-trainings/{await enter(committed_api, learner)}/verify"
        answers = await race(
            committed_api.post(path, admin, json={"reason": "Seen"}) for admin in admins
        )
        assert statuses(answers) == {200: 1, 409: 9}
        assert await count(session, EvidenceElsewhere) == number
        assert await audited(session, "external_training:verified") == number


async def test_verified_or_rejected(
    committed_api: Api, session: AsyncSession, learner: User, admins: list[User]
) -> None:
    for _ in range(ROUNDS):
        path = f"/external-trainings/{await enter(committed_api, learner)}"
        answers = await race(
            committed_api.post(f"{path}/{verb}", admin, json={"reason": "Seen"})
            for verb, admin in zip(["verify", "reject"] * 5, admins, strict=True)
        )
        assert statuses(answers) == {200: 1, 409: 9}
    verified = await audited(session, "external_training:verified")
    rejected = await audited(session, "external_training:rejected")
    assert verified + rejected == ROUNDS
    assert await count(session, EvidenceElsewhere) == verified


async def test_verified_or_edited(
    committed_api: Api, session: AsyncSession, learner: User, admins: list[User]
) -> None:
    """What counts is what the reviewer read: nothing slips in between."""
    for _ in range(ROUNDS):
        training_id = await enter(committed_api, learner)
        path = f"/external-trainings/{training_id}"
        seen = {"If-Match": (await committed_api.get(path, admins[0])).headers["ETag"]}
        edit = {"completed_on": "2026-04-01"}
        calls = [
            committed_api.post(f"{path}/verify", admins[0], json={"reason": "Seen"}, headers=seen),
            committed_api.patch(path, learner, json=edit, headers=seen),
        ]
        verified, edited = await race(calls)
        assert (verified.status_code, edited.status_code) in {(200, 412), (200, 409), (412, 200)}
        if verified.status_code == 200:
            evidence = await session.get_one(EvidenceElsewhere, uuid.UUID(training_id))
            assert evidence.day == date(2026, 3, 1)


async def test_withdrawn_once(
    committed_api: Api, session: AsyncSession, learner: User, admins: list[User]
) -> None:
    path = f"/external-trainings/{await enter(committed_api, learner)}"
    await committed_api.post(f"{path}/verify", admins[0], json={"reason": "Seen"})
    answers = await race(
        committed_api.post(f"{path}/withdraw", admin, json={"reason": "Forged"}) for admin in admins
    )
    assert statuses(answers) == {200: 1, 409: 9}
    assert await count(session, EvidenceWithdrawal) == 1


async def test_closed_once(
    committed_api: Api,
    committed_database: Database,
    session: AsyncSession,
    learner: User,
    admins: list[User],
) -> None:
    module = await make_module(session, live_section())
    await publish(committed_database, module)
    for number in range(1, ROUNDS + 1):
        await committed_api.post("/enrollments", learner, json={"module_id": str(module.id)})
        live = await make_live_session(session, module, admins[0], learner)
        path = f"/live-sessions/{live.id}"
        attended = {"attended": [str(learner.id)]}
        await committed_api.put(f"{path}/attendance", admins[0], json=attended)
        answers = await race(committed_api.post(f"{path}/close", admin) for admin in admins)
        assert statuses(answers) == {200: 1, 409: 9}
        assert await count(session, TrainingRecord) == number
    assert (await verify(committed_database)).broken is None


async def test_two_sessions_complete_one_enrollment_once(
    committed_api: Api,
    committed_database: Database,
    session: AsyncSession,
    learner: User,
    admins: list[User],
) -> None:
    module = await make_module(session, live_section())
    await publish(committed_database, module)
    await committed_api.post("/enrollments", learner, json={"module_id": str(module.id)})
    lives = [await make_live_session(session, module, admins[0], learner) for _ in range(5)]
    attended = {"attended": [str(learner.id)]}
    for live in lives:
        path = f"/live-sessions/{live.id}/attendance"
        await committed_api.put(path, admins[0], json=attended)
    answers = await race(
        committed_api.post(f"/live-sessions/{live.id}/close", admins[0]) for live in lives
    )
    assert statuses(answers) == {200: 5}
    assert await count(session, TrainingRecord) == 1
    # The others found no open enrollment: they are evidence of their own.
    assert await count(session, EvidenceElsewhere) == 4


async def test_revoked_once(
    committed_api: Api, session: AsyncSession, learner: User, admins: list[User]
) -> None:
    requirement = Requirement(title="Fit test")
    session.add(requirement)
    await session.commit()
    body = {
        "kind": "waiver",
        "user_id": str(learner.id),
        "requirement_id": str(requirement.id),
        "reason": "Works from home",
        "starts_on": "2026-01-01",
    }
    granted = (await committed_api.post("/exemptions", admins[0], json=body)).json()
    path = f"/exemptions/{granted['id']}/revoke"
    answers = await race(
        committed_api.post(path, admin, json={"reason": "Back"}) for admin in admins
    )
    assert statuses(answers) == {200: 1, 409: 9}
    assert await count(session, ExemptionRevocation) == 1


async def test_teaching_is_made_once(
    committed_api: Api,
    committed_database: Database,
    session: AsyncSession,
    admins: list[User],
) -> None:
    module = await make_module(session)
    await publish(committed_database, module)
    path = f"/modules/{module.id}/teaching"
    seen = {"If-Match": (await committed_api.get(path, admins[0])).headers["ETag"]}
    contact = {"contact": {"name": "Ivy Instructor", "qualification": "RN"}}
    answers = await race(
        committed_api.put(path, admin, json=contact, headers=seen) for admin in admins
    )
    assert statuses(answers) == {200: 1, 412: 9}
    assert await count(session, ModuleTeaching) == 1
