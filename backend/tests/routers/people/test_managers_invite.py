"""Managers invite people themselves: learners, and to offices of theirs."""

from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.actor import Role
from app.models import Location, LocationManager, User
from tests.factories.user import make_location, make_user
from tests.fakes.auth_admin import InMemoryAuthAdmin
from tests.routers.problems import assert_problem
from tests.support import Api

NEW = {"email": "new@unified.example"}


@pytest.fixture
async def office(session: AsyncSession) -> Location:
    return await make_location(session)


@pytest.fixture
async def elsewhere(session: AsyncSession) -> Location:
    return await make_location(session)


@pytest.fixture
async def boss(session: AsyncSession, office: Location) -> User:
    return await make_user(session, role=Role.MANAGER, location_id=office.id)


class TestInvite:
    async def test_to_their_office(
        self, api: Api, boss: User, office: Location, auth_admin: InMemoryAuthAdmin
    ) -> None:
        body = NEW | {"location_id": str(office.id), "manager_id": str(boss.id)}
        invited = await api.post("/users/invite", boss, json=body)
        assert invited.status_code == 201, invited.text
        assert auth_admin.invited == [NEW["email"]]
        assert (await api.get(f"/users/{invited.json()['id']}", boss)).status_code == 200

    async def test_to_an_office_they_were_given(
        self, api: Api, session: AsyncSession, elsewhere: Location
    ) -> None:
        regional = await make_user(session, role=Role.MANAGER)
        session.add(LocationManager(location_id=elsewhere.id, user_id=regional.id))
        await session.commit()
        body = NEW | {"location_id": str(elsewhere.id)}
        assert (await api.post("/users/invite", regional, json=body)).status_code == 201

    @pytest.mark.parametrize("role", ["manager", "author", "admin"])
    async def test_nobody_above_a_learner(
        self, api: Api, boss: User, office: Location, role: str
    ) -> None:
        await self._refused(api, boss, location_id=str(office.id), role=role)

    async def test_nowhere_else(self, api: Api, boss: User, elsewhere: Location) -> None:
        await self._refused(api, boss, location_id=str(elsewhere.id))
        await self._refused(api, boss)

    async def test_nobody_for_another_manager(
        self, api: Api, session: AsyncSession, boss: User, office: Location
    ) -> None:
        """Who might work elsewhere, and would see the person."""
        other = await make_user(session, role=Role.MANAGER)
        await self._refused(api, boss, location_id=str(office.id), manager_id=str(other.id))

    @pytest.fixture(autouse=True)
    def _nobody_was_written_to(self, auth_admin: InMemoryAuthAdmin) -> None:
        assert auth_admin.invited == []

    async def _refused(self, api: Api, boss: User, **fields: Any) -> None:
        refused = await api.post("/users/invite", boss, json=NEW | fields)
        assert_problem(refused, 403, "beyond_own_offices")


class TestInviteAgain:
    async def test_people_of_their_office(
        self, api: Api, session: AsyncSession, boss: User, office: Location
    ) -> None:
        other = await make_user(session, role=Role.MANAGER)
        person = await make_user(
            session, location_id=office.id, supabase_id=None, manager_id=other.id
        )
        assert (await api.post(f"/users/{person.id}/invite", boss)).status_code == 200

    async def test_nobody_else(
        self,
        api: Api,
        session: AsyncSession,
        boss: User,
        office: Location,
        auth_admin: InMemoryAuthAdmin,
    ) -> None:
        """Also not those whom they see without having their office, or who have more rights."""
        report = await make_user(session, supabase_id=None, manager_id=boss.id)
        author = await make_user(session, supabase_id=None, location_id=office.id, role=Role.AUTHOR)
        stranger = await make_user(session, supabase_id=None)
        for person in (report, author):
            refused = await api.post(f"/users/{person.id}/invite", boss)
            assert_problem(refused, 403, "beyond_own_offices")
        unknown = await api.post(f"/users/{stranger.id}/invite", boss)
        assert_problem(unknown, 404, "user_not_found")
        assert auth_admin.invited == []
