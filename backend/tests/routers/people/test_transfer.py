"""Who sees somebody after a move to another office, and that the answer says so."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.actor import Role
from app.domain.people.manager_change import Oversight
from app.models import Location, LocationManager, User
from app.repositories.people.visibility import managing
from app.services.compliance.reconciliation import ReconciliationService
from app.services.context import SYSTEM
from app.services.unit_of_work import UnitOfWork
from tests.factories.user import make_location, make_user
from tests.routers.problems import assert_problem
from tests.support import Api, RollbackDatabase, etag

DAY = timedelta(days=1)
NOBODY = "00000000-0000-7000-8000-000000000000"


@dataclass(frozen=True, slots=True)
class Scene:
    """Somebody works at the old office. `boss` works elsewhere and is their manager by name."""

    api: Api
    session: AsyncSession
    database: RollbackDatabase
    admin: User
    person: User
    boss: User
    old: Location
    new: Location

    async def today(self) -> date:
        async with UnitOfWork(self.database, SYSTEM) as uow:
            return await uow.employment.today_of(self.person.id)

    async def post(self, what: str, **payload: Any) -> dict[str, Any]:
        path = f"/users/{self.person.id}/{what}"
        response = await self.api.post(path, self.admin, json=payload)
        assert response.status_code == 201, response.text
        return dict(response.json())

    async def move(self, day: date | None = None, **payload: Any) -> dict[str, Any]:
        day = day or await self.today()
        return await self.post("transfer", effective_on=str(day), **payload)

    async def edit(self, **change: Any) -> dict[str, Any]:
        path = f"/users/{self.person.id}"
        headers = etag(await self.api.get(path, self.admin))
        response = await self.api.patch(path, self.admin, json=change, headers=headers)
        assert response.status_code == 200, response.text
        return dict(response.json())

    async def sees(self, manager: User, person: User | None = None) -> bool:
        path = f"/users/{(person or self.person).id}"
        status = (await self.api.get(path, manager)).status_code
        assert status in {200, 404}
        return status == 200

    async def put_clock(self, zone: str) -> None:
        office = update(Location).where(Location.id == self.old.id)
        await self.session.execute(office.values(time_zone=zone))
        await self.session.commit()

    async def nightly(self) -> None:
        await ReconciliationService(self.database, SYSTEM).run()


@pytest.fixture
async def scene(api: Api, session: AsyncSession, database: RollbackDatabase, admin: User) -> Scene:
    old, new = await make_location(session), await make_location(session)
    boss = await make_user(session, role=Role.MANAGER)
    hired_on = date(2024, 1, 8)
    person = await make_user(session, location_id=old.id, manager_id=boss.id, hired_on=hired_on)
    return Scene(api, session, database, admin, person, boss, old, new)


@pytest.fixture
def there(scene: Scene) -> dict[str, Any]:
    return {"location_id": str(scene.new.id)}


def seen(user: User) -> dict[str, str]:
    return {"id": str(user.id), "display_name": user.display_name}


class TestManager:
    async def test_ends_with_the_move(self, scene: Scene, there: dict[str, Any]) -> None:
        assert await scene.sees(scene.boss)
        assert (await scene.move(**there))["manager_id"] is None
        assert not await scene.sees(scene.boss)

    async def test_ends_today_where_the_move_was_earlier(
        self, scene: Scene, there: dict[str, Any]
    ) -> None:
        """Also where somebody named the manager after that day, not knowing of the move."""
        other = await make_user(scene.session, role=Role.MANAGER)
        await scene.edit(manager_id=str(other.id))
        await scene.move(await scene.today() - 9 * DAY, **there)
        assert not await scene.sees(other)

    async def test_stays_where_the_office_stays(self, scene: Scene) -> None:
        moved = await scene.move(role="author")
        assert moved["manager_id"] == str(scene.boss.id)
        assert (moved["newly_seen_by"], moved["no_longer_seen_by"]) == ([], [])
        assert await scene.sees(scene.boss)

    async def test_is_kept_by_naming_them(self, scene: Scene, there: dict[str, Any]) -> None:
        moved = await scene.move(**there, manager_id=str(scene.boss.id))
        assert moved["manager_id"] == str(scene.boss.id)
        assert await scene.sees(scene.boss)

    async def test_is_replaced(self, scene: Scene, there: dict[str, Any]) -> None:
        other = await make_user(scene.session, role=Role.MANAGER)
        await scene.move(**there, manager_id=str(other.id))
        assert (await scene.sees(other), await scene.sees(scene.boss)) == (True, False)

    async def test_is_ended_by_null(self, scene: Scene) -> None:
        await scene.move(manager_id=None)
        assert not await scene.sees(scene.boss)

    async def test_is_another_person(self, scene: Scene) -> None:
        path = f"/users/{scene.person.id}/transfer"
        for wrong in (str(scene.person.id), NOBODY):
            body = {"effective_on": str(await scene.today()), "manager_id": wrong}
            refused = await scene.api.post(path, scene.admin, json=body)
            assert_problem(refused, 422, "invalid_payload")
            assert refused.json()["errors"][0]["pointer"] == "/manager_id"

    async def test_ends_with_an_edit_of_the_office(
        self, scene: Scene, there: dict[str, Any]
    ) -> None:
        assert (await scene.edit(**there))["manager_id"] is None
        assert not await scene.sees(scene.boss)

    async def test_is_kept_by_an_edit_that_names_them(
        self, scene: Scene, there: dict[str, Any]
    ) -> None:
        await scene.edit(**there, manager_id=str(scene.boss.id))
        assert await scene.sees(scene.boss)

    async def test_ends_with_a_rehire_elsewhere(self, scene: Scene, there: dict[str, Any]) -> None:
        today = await scene.today()
        await scene.post("terminate", effective_on=str(today - DAY))
        rehired = await scene.post("rehire", hired_on=str(today), **there)
        assert rehired["manager_id"] is None
        assert not await scene.sees(scene.boss)


class TestOnItsDay:
    """The office's clock is 25 hours behind, and then put forward."""

    @pytest.fixture
    async def day(self, scene: Scene) -> date:
        await scene.put_clock("Pacific/Pago_Pago")
        return await scene.today() + DAY

    async def test_the_manager_ends(self, scene: Scene, there: dict[str, Any], day: date) -> None:
        assert (await scene.move(day, **there))["manager_id"] is None
        await scene.nightly()
        assert await scene.sees(scene.boss)
        await scene.put_clock("Pacific/Kiritimati")
        await scene.nightly()
        assert not await scene.sees(scene.boss)

    async def test_the_manager_ends_with_what_is_recorded_that_day(
        self, scene: Scene, there: dict[str, Any], day: date
    ) -> None:
        """Not only with the nightly run."""
        await scene.move(day, **there)
        await scene.put_clock("Pacific/Kiritimati")
        await scene.post("leave", starts_on=str(day))
        assert not await scene.sees(scene.boss)

    async def test_the_last_word_for_a_day_holds(
        self, scene: Scene, there: dict[str, Any], day: date
    ) -> None:
        await scene.move(day, **there)
        again = await scene.move(day, manager_id=str(scene.boss.id))
        assert (again["newly_seen_by"], again["no_longer_seen_by"]) == ([seen(scene.boss)], [])
        await scene.put_clock("Pacific/Kiritimati")
        await scene.nightly()
        assert await scene.sees(scene.boss)

    async def test_an_edit_of_that_day_holds(
        self, scene: Scene, there: dict[str, Any], day: date
    ) -> None:
        """Before the nightly run has applied what was announced."""
        await scene.move(day, **there)
        await scene.put_clock("Pacific/Kiritimati")
        other = await make_user(scene.session, role=Role.MANAGER)
        await scene.edit(manager_id=str(other.id))
        await scene.nightly()
        assert (await scene.sees(other), await scene.sees(scene.boss)) == (True, False)


class TestWhoSees:
    async def test_is_told_and_recorded(self, scene: Scene, there: dict[str, Any]) -> None:
        """Managers of either office and of both, a leaver, and somebody who is no manager."""
        session = scene.session
        here = await make_user(session, role=Role.MANAGER, location_id=scene.old.id)
        successor = await make_user(session, role=Role.MANAGER, location_id=scene.new.id)
        regional, author = await make_user(session, role=Role.MANAGER), await make_user(session)
        await _assign(scene, regional, author)
        await make_user(session, role=Role.MANAGER, location_id=scene.new.id, is_active=False)
        moved = await scene.move(**there)
        assert moved["newly_seen_by"] == [seen(successor)]
        gone = sorted([seen(scene.boss), seen(here)], key=lambda user: user["display_name"])
        assert moved["no_longer_seen_by"] == gone
        query = {"target": str(scene.person.id), "action": "user:employment_changed"}
        trail = await scene.api.get("/audit-events", scene.admin, params=query)
        (event,) = trail.json()["items"]
        assert event["before"] == {
            "location_id": str(scene.old.id),
            "manager_id": str(scene.boss.id),
        }
        assert event["after"]["manager_id"] is None
        assert event["after"]["newly_seen_by"] == [str(successor.id)]
        assert set(event["after"]["no_longer_seen_by"]) == {str(scene.boss.id), str(here.id)}

    async def test_is_who_may_read_the_person(self, scene: Scene) -> None:
        """The condition for a person and the one for a manager say the same of everybody."""
        session = scene.session
        here = await make_user(session, role=Role.MANAGER, location_id=scene.old.id)
        successor = await make_user(session, role=Role.MANAGER, location_id=scene.new.id)
        await _assign(scene, here)
        alone = await make_user(session, manager_id=successor.id)
        newcomer = await make_user(session, location_id=scene.new.id)
        for user in (scene.person, alone, newcomer):
            condition = managing(Oversight(user.location_id, user.manager_id))
            told = set(await session.scalars(select(User.id).where(condition)))
            managers = (scene.boss, successor, here)
            assert told == {each.id for each in managers if await scene.sees(each, user)}
            assert told


async def _assign(scene: Scene, *managers: User) -> None:
    """Let these people have both offices."""
    scene.session.add_all(
        LocationManager(location_id=office.id, user_id=manager.id)
        for office in (scene.old, scene.new)
        for manager in managers
    )
    await scene.session.commit()
