from http import HTTPStatus

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.actor import Role
from app.models import AuditEvent, User
from tests.factories.user import make_user
from tests.support import Api, etag

BASE = "/retention-periods"


class TestPeriods:
    async def test_anonymous(self, api: Api) -> None:
        assert (await api.get(BASE)).status_code == HTTPStatus.UNAUTHORIZED

    @pytest.mark.parametrize("role", [Role.LEARNER, Role.MANAGER, Role.AUTHOR])
    async def test_admins_only(self, api: Api, role: Role, session: AsyncSession) -> None:
        user = await make_user(session, role=role)
        assert (await api.get(BASE, user)).status_code == HTTPStatus.FORBIDDEN
        changed = await api.put(f"{BASE}/hipaa", user, json={"years": 9}, headers={"If-Match": "*"})
        assert changed.status_code == HTTPStatus.FORBIDDEN

    async def test_minimums_hold_until_lengthened(
        self, api: Api, admin: User, session: AsyncSession
    ) -> None:
        listed = (await api.get(BASE, admin)).json()["items"]
        years = {item["retention_class"]: item["years"] for item in listed}
        assert years == {"standard": 3, "osha_bloodborne": 3, "hipaa": 6}
        read = await api.get(f"{BASE}/hipaa", admin)
        for number in (7, 8):
            changed = await api.put(
                f"{BASE}/hipaa", admin, json={"years": number}, headers=etag(read)
            )
            assert changed.json()["years"] == number
            stale = await api.put(f"{BASE}/hipaa", admin, json={"years": 9}, headers=etag(read))
            assert stale.status_code == HTTPStatus.PRECONDITION_FAILED
            read = changed
        events = await session.scalars(
            select(AuditEvent.after).where(AuditEvent.action == "retention_period:set")
        )
        assert [event["years"] for event in events if event] == [7, 8]

    async def test_never_below_the_minimum(self, api: Api, admin: User) -> None:
        read = await api.get(f"{BASE}/hipaa", admin)
        response = await api.put(f"{BASE}/hipaa", admin, json={"years": 5}, headers=etag(read))
        assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert response.json()["errors"][0]["code"] == "below_minimum"

    async def test_unknown_class(self, api: Api, admin: User) -> None:
        response = await api.get(f"{BASE}/forever", admin)
        assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
