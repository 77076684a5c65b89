"""When two people decide about evidence at once, only one decision counts."""

import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import cycle, repeat

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.domain.actor import Role
from app.models import (
    EvidenceWithdrawal,
    ExemptionRevocation,
    ModuleTeaching,
    Requirement,
    TrainingModule,
    TrainingRecord,
    User,
    VerifiedEvidence,
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
    "printed_expiry": "2099-12-31",
}


@pytest.fixture
async def admins(session: AsyncSession) -> list[User]:
    return [await make_user(session, role=Role.ADMIN) for _ in range(10)]


@dataclass(frozen=True, slots=True)
class Classroom:
    """A module that is taught live, its teacher and its learner."""

    api: Api
    session: AsyncSession
    module: TrainingModule
    teacher: User
    learner: User

    async def enroll(self) -> None:
        await self.api.post("/enrollments", self.learner, json={"module_id": str(self.module.id)})

    async def attended(self) -> str:
        """Hold a session that the learner attended; return its path."""
        live = await make_live_session(self.session, self.module, self.teacher, self.learner)
        path = f"/live-sessions/{live.id}"
        marks = {"attended": [str(self.learner.id)]}
        marked = await self.api.put(f"{path}/attendance", self.teacher, json=marks)
        assert marked.status_code == 200
        return path


@pytest.fixture
async def classroom(
    committed_api: Api,
    committed_database: Database,
    session: AsyncSession,
    learner: User,
    admin: User,
) -> Classroom:
    module = await make_module(session, live_section())
    await publish(committed_database, module)
    return Classroom(committed_api, session, module, admin, learner)


async def enter(api: Api, user: User) -> str:
    """Enter external evidence; return its path."""
    training = (await api.post("/external-trainings", user, json=BLS)).json()
    return f"/external-trainings/{training['id']}"


async def reviewed(api: Api, path: str, verbs: Iterable[str], admins: list[User]) -> Counter[int]:
    """Let all admins review at once, each with a decision of their own."""
    calls = (
        api.post(f"{path}/{verb}", admin, json={"reason": "Seen"})
        for verb, admin in zip(verbs, admins, strict=False)
    )
    return statuses(await race(calls))


async def test_verified_once(
    committed_api: Api, session: AsyncSession, learner: User, admins: list[User]
) -> None:
    for number in range(1, ROUNDS + 1):
        path = await enter(committed_api, learner)
        answers = await reviewed(committed_api, path, repeat("verify"), admins)
        assert answers == {200: 1, 409: 9}
        assert await count(session, VerifiedEvidence) == number
        assert await audited(session, "external_training:verified") == number


async def test_verified_or_rejected(
    committed_api: Api, session: AsyncSession, learner: User, admins: list[User]
) -> None:
    for _ in range(ROUNDS):
        path = await enter(committed_api, learner)
        answers = await reviewed(committed_api, path, cycle(["verify", "reject"]), admins)
        assert answers == {200: 1, 409: 9}
    verified = await audited(session, "external_training:verified")
    rejected = await audited(session, "external_training:rejected")
    assert verified + rejected == ROUNDS
    assert await count(session, VerifiedEvidence) == verified


async def test_verified_or_edited(
    committed_api: Api, session: AsyncSession, learner: User, admins: list[User]
) -> None:
    """An edit between the reviewer's reading and verifying never counts as verified."""
    for _ in range(ROUNDS):
        path = await enter(committed_api, learner)
        seen = {"If-Match": (await committed_api.get(path, admins[0])).headers["ETag"]}
        edit = {"completed_on": "2026-04-01"}
        calls = [
            committed_api.post(f"{path}/verify", admins[0], json={"reason": "Seen"}, headers=seen),
            committed_api.patch(path, learner, json=edit, headers=seen),
        ]
        verified, edited = await race(calls)
        assert (verified.status_code, edited.status_code) in {(200, 412), (200, 409), (412, 200)}
        if verified.status_code == 200:
            evidence = await session.get_one(VerifiedEvidence, uuid.UUID(path.rpartition("/")[2]))
            assert evidence.day == date(2026, 3, 1)


async def test_withdrawn_once(
    committed_api: Api, session: AsyncSession, learner: User, admins: list[User]
) -> None:
    path = await enter(committed_api, learner)
    assert await reviewed(committed_api, path, ["verify"], admins) == {200: 1}
    answers = await reviewed(committed_api, path, repeat("withdraw"), admins)
    assert answers == {200: 1, 409: 9}
    assert await count(session, EvidenceWithdrawal) == 1


async def test_closed_once(
    committed_database: Database,
    session: AsyncSession,
    classroom: Classroom,
    admins: list[User],
) -> None:
    for number in range(1, ROUNDS + 1):
        await classroom.enroll()
        path = await classroom.attended()
        answers = await race(classroom.api.post(f"{path}/close", admin) for admin in admins)
        assert statuses(answers) == {200: 1, 409: 9}
        assert await count(session, TrainingRecord) == number
    assert (await verify(committed_database)).broken is None


async def test_two_sessions_complete_one_enrollment_once(
    session: AsyncSession, classroom: Classroom
) -> None:
    await classroom.enroll()
    paths = [await classroom.attended() for _ in range(5)]
    answers = await race(classroom.api.post(f"{path}/close", classroom.teacher) for path in paths)
    assert statuses(answers) == {200: 5}
    assert await count(session, TrainingRecord) == 1
    # The others found no open enrollment: they are evidence of their own.
    assert await count(session, VerifiedEvidence) == 4


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
