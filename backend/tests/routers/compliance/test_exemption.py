import uuid
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.actor import Role
from app.domain.compliance.audience import Audience
from app.domain.compliance.requirement import DaysAfter, Modules, Rule
from app.models import (
    AuditEvent,
    CertificationPeriod,
    Requirement,
    RequirementVersion,
    TrainingModule,
    User,
)
from tests.factories.module import make_module, publish
from tests.factories.user import make_user
from tests.support import Api, RollbackDatabase

BASE = "/exemptions"
LONG_AGO = date(2020, 1, 1)


@pytest.fixture
async def module(session: AsyncSession, database: RollbackDatabase) -> TrainingModule:
    module = await make_module(session)
    await publish(database, module)
    return module


@pytest.fixture
async def requirement(session: AsyncSession, module: TrainingModule) -> Requirement:
    """Everybody studies the module within 30 days of being assigned."""
    rule = Rule(
        subject=Modules(any_of=frozenset({module.id})),
        audience=Audience(everyone=True),
        first_due=DaysAfter(event="assignment", days=30),
    )
    requirement = Requirement(title="Bloodborne pathogens")
    session.add(requirement)
    await session.flush()
    session.add(
        RequirementVersion(
            requirement_id=requirement.id,
            number=1,
            effective_from=LONG_AGO,
            recorded_on=LONG_AGO,
            rule=rule.model_dump(mode="json"),
        )
    )
    await session.commit()
    return requirement


def grant(user: User, requirement_id: uuid.UUID, **changes: Any) -> dict[str, Any]:
    return {
        "kind": "waiver",
        "user_id": str(user.id),
        "requirement_id": str(requirement_id),
        "reason": "Works from home",
        "starts_on": "2026-01-01",
        "ends_on": None,
        **changes,
    }


class TestGrant:
    async def test_anonymous(self, api: Api, learner: User) -> None:
        response = await api.post(BASE, json=grant(learner, uuid.uuid4()))
        assert response.status_code == HTTPStatus.UNAUTHORIZED

    @pytest.mark.parametrize("role", [Role.LEARNER, Role.MANAGER, Role.AUTHOR])
    async def test_admins_only(
        self, api: Api, session: AsyncSession, learner: User, role: Role
    ) -> None:
        user = await make_user(session, role=role)
        response = await api.post(BASE, user, json=grant(learner, uuid.uuid4()))
        assert response.status_code == HTTPStatus.FORBIDDEN

    async def test_not_to_oneself(self, api: Api, admin: User, requirement: Requirement) -> None:
        response = await api.post(BASE, admin, json=grant(admin, requirement.id))
        assert response.json()["code"] == "own_exemption"

    async def test_contradictions(
        self, api: Api, admin: User, learner: User, requirement: Requirement
    ) -> None:
        unknown = await api.post(BASE, admin, json=grant(learner, uuid.uuid4()))
        assert unknown.json()["errors"][0]["code"] == "unknown_requirement"
        body = grant(learner, requirement.id, ends_on="2025-12-31")
        backwards = await api.post(BASE, admin, json=body)
        assert backwards.json()["errors"][0]["code"] == "before_start"

    async def test_is_granted_and_read(  # noqa: PLR0913, PLR0917  # fixtures are asked for by parameter
        self,
        api: Api,
        admin: User,
        learner: User,
        other_learner: User,
        manager: User,
        requirement: Requirement,
    ) -> None:
        response = await api.post(BASE, admin, json=grant(learner, requirement.id))
        assert response.status_code == HTTPStatus.CREATED
        granted = response.json()
        assert granted["approved_by_id"] == str(admin.id)
        own = await api.get(BASE, learner)
        assert [item["id"] for item in own.json()["items"]] == [granted["id"]]
        for user in (other_learner, manager):
            assert (await api.get(BASE, user)).json()["items"] == []
        assert (await api.get(f"{BASE}/{granted['id']}", learner)).json() == granted
        concealed = await api.get(f"{BASE}/{granted['id']}", other_learner)
        assert concealed.json()["code"] == "exemption_not_found"
        hidden = await api.get(BASE, other_learner, params={"user_id": str(learner.id)})
        assert hidden.status_code == HTTPStatus.NOT_FOUND

    async def test_reaches_the_persons_compliance(
        self, api: Api, admin: User, learner: User, requirement: Requirement, session: AsyncSession
    ) -> None:
        today = datetime.now(UTC).date()
        body = grant(learner, requirement.id, starts_on=str(today - timedelta(days=1)))
        await api.post(BASE, admin, json=body)
        periods = await session.scalars(
            select(CertificationPeriod).where(CertificationPeriod.user_id == learner.id)
        )
        assert periods.all()


class TestRevoke:
    async def test_is_a_new_fact(
        self, api: Api, admin: User, learner: User, requirement: Requirement, session: AsyncSession
    ) -> None:
        granted = (await api.post(BASE, admin, json=grant(learner, requirement.id))).json()
        path = f"{BASE}/{granted['id']}/revoke"
        refused = await api.post(path, learner, json={"reason": "Back"})
        assert refused.status_code == HTTPStatus.FORBIDDEN
        revoked = await api.post(path, admin, json={"reason": "Back in the office"})
        assert revoked.json()["revocation_reason"] == "Back in the office"
        assert revoked.json()["reason"] == granted["reason"]
        again = await api.post(path, admin, json={"reason": "Again"})
        assert again.json()["code"] == "already_revoked"
        events = await session.scalars(
            select(AuditEvent.action)
            .where(AuditEvent.target_id == uuid.UUID(granted["id"]))
            .order_by(AuditEvent.created_at)
        )
        assert list(events) == ["exemption:granted", "exemption:revoked"]

    async def test_unknown(self, api: Api, admin: User) -> None:
        path = f"{BASE}/{uuid.uuid4()}/revoke"
        response = await api.post(path, admin, json={"reason": "Nothing"})
        assert response.status_code == HTTPStatus.NOT_FOUND
