import uuid
from http import HTTPStatus
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.actor import Role
from app.models import AuditEvent, User
from tests.factories.user import make_user
from tests.support import Api, etag

BASE = "/legal-holds"


async def place(api: Api, admin: User, user: User) -> dict[str, Any]:
    body = {"user_id": str(user.id), "reason": "Claim 17"}
    response = await api.post(BASE, admin, json=body)
    assert response.status_code == HTTPStatus.CREATED
    return dict(response.json())


class TestAccess:
    async def test_anonymous(self, api: Api) -> None:
        assert (await api.get(BASE)).status_code == HTTPStatus.UNAUTHORIZED
        assert (await api.post(BASE, json={})).status_code == HTTPStatus.UNAUTHORIZED

    @pytest.mark.parametrize("role", [Role.LEARNER, Role.MANAGER, Role.AUTHOR])
    async def test_admins_only(
        self, api: Api, role: Role, admin: User, session: AsyncSession
    ) -> None:
        user = await make_user(session, role=role)
        body = {"user_id": str(user.id), "reason": "Mine"}
        hold = await place(api, admin, user)
        for response in (
            await api.get(BASE, user),
            await api.post(BASE, user, json=body),
            await api.get(f"{BASE}/{hold['id']}", user),
            await api.delete(f"{BASE}/{hold['id']}", user, headers={"If-Match": "*"}),
        ):
            assert response.status_code == HTTPStatus.FORBIDDEN


class TestHold:
    async def test_is_placed_released_and_kept(
        self, api: Api, admin: User, learner: User, session: AsyncSession
    ) -> None:
        hold = await place(api, admin, learner)
        path = f"{BASE}/{hold['id']}"
        read = await api.get(path, admin)
        assert (await api.delete(path, admin)).status_code == HTTPStatus.PRECONDITION_REQUIRED
        released = await api.delete(path, admin, headers=etag(read))
        assert released.status_code == HTTPStatus.NO_CONTENT
        stale = await api.delete(path, admin, headers=etag(read))
        assert stale.status_code == HTTPStatus.PRECONDITION_FAILED
        assert (await api.get(path, admin)).json()["released_by_id"] == str(admin.id)
        listed = await api.get(BASE, admin, params={"in_force": "true"})
        assert listed.json()["items"] == []
        listed = await api.get(BASE, admin, params={"user_id": str(learner.id)})
        assert [item["reason"] for item in listed.json()["items"]] == ["Claim 17"]
        events = await session.scalars(
            select(AuditEvent.action)
            .where(AuditEvent.target_id == uuid.UUID(hold["id"]))
            .order_by(AuditEvent.created_at)
        )
        assert list(events) == ["legal_hold:placed", "legal_hold:released"]

    async def test_unknown_person(self, api: Api, admin: User) -> None:
        body = {"user_id": str(uuid.uuid4()), "reason": "Nobody"}
        response = await api.post(BASE, admin, json=body)
        assert response.json()["errors"][0]["code"] == "unknown_user"
