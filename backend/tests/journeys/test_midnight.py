"""A group's day while its offices, and whoever has none, do not all have the same one."""

import io
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.domain.actor import Role
from app.models import TrainingModule, User
from app.services.compliance.reconciliation import ReconciliationService
from app.services.context import SYSTEM
from devstack.postgres import EmbeddedPostgres
from devstack.town.clock import SetClock
from tests.factories.module import make_module, publish, text_section
from tests.factories.requirement import rule_json
from tests.factories.user import make_location, make_user
from tests.support import Api

pytestmark = pytest.mark.full

LOS_ANGELES, TOKYO = "America/Los_Angeles", "Asia/Tokyo"
LAST, FIRST = "Pacific/Pago_Pago", "Pacific/Kiritimati"
"""The zones that reach a day last and first: at any hour they have different days."""

BETWEEN = datetime(2026, 11, 29, 1, tzinfo=UTC)
"""The 29th in UTC and at offices in Asia, the 28th still at offices in America."""

SIDES_OF_MIDNIGHT = [
    pytest.param(BETWEEN, LOS_ANGELES, "2026-11-28"),
    *(
        pytest.param(datetime.fromisoformat(instant), zone, day, marks=pytest.mark.full)
        for instant, zone, day in (
            ("2026-11-28T23:30+00:00", LOS_ANGELES, "2026-11-28"),
            ("2026-11-29T08:30+00:00", LOS_ANGELES, "2026-11-29"),
            ("2026-11-28T14:30+00:00", TOKYO, "2026-11-28"),
            ("2026-11-28T15:30+00:00", TOKYO, "2026-11-29"),
            ("2026-11-29T10:30+00:00", LAST, "2026-11-28"),
            ("2026-11-28T10:30+00:00", FIRST, "2026-11-29"),
        )
    ),
]
ANYHOW = {"If-Match": "*"}


@pytest.fixture
async def clock(
    request: pytest.FixtureRequest, postgres: EmbeddedPostgres, committed_database: Database
) -> AsyncIterator[SetClock]:
    """Set the database's clock, before anything connects to it."""
    name = committed_database.engine.url.database
    assert name is not None
    async with SetClock.set(postgres.dsn(name), request.param) as clock:
        yield clock


@dataclass
class Group:
    """Who keeps the rules has no office; the module exists before the first office does."""

    clock: SetClock
    api: Api
    session: AsyncSession
    keeper: User
    module: TrainingModule
    database: Database

    async def read(self, reader: User, path: str, **query: str) -> Any:
        response = await self.api.get(path, reader, params=query)
        assert response.is_success, response.text
        return response.json()

    async def page(self, reader: User, user_id: object, **query: str) -> Any:
        return await self.read(reader, f"/users/{user_id}/compliance", **query)

    async def lines(self, user_id: object) -> list[dict[str, Any]]:
        report = await self.read(self.keeper, "/reports/compliance.json", user_id=str(user_id))
        return list(report["items"])

    async def pack(self, user_id: object) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        query = {"user_id": str(user_id)}
        response = await self.api.get("/audit-packs", self.keeper, params=query)
        with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
            manifest = orjson.loads(archive.read("manifest.json"))
            return manifest["compliance"], orjson.loads(archive.read("compliance.json"))

    async def require(self) -> str:
        payload = {"title": "Hygiene", "rule": self._rule()}
        made = await self.api.post("/requirements", self.keeper, json=payload)
        assert made.is_success, made.text
        return f"/requirements/{made.json()['id']}"

    async def exclude(self, rule: str, people: list[User]) -> None:
        payload = {"rule": self._rule(*people), "confirm": True}
        assert (await self.api.patch(rule, self.keeper, json=payload, headers=ANYHOW)).is_success

    async def move(self, person: User, location_id: object) -> None:
        change = {"location_id": str(location_id)}
        moved = await self.api.patch(
            f"/users/{person.id}", self.keeper, json=change, headers=ANYHOW
        )
        assert moved.is_success, moved.text

    async def office(self, person: User) -> str:
        read = await self.read(self.keeper, f"/users/{person.id}")
        return str(read["location_id"])

    async def reconcile(self) -> None:
        await ReconciliationService(self.database, SYSTEM).run()

    def _rule(self, *exclude: User) -> dict[str, Any]:
        """Ask no admin: nobody ends alone what they have to do themselves."""
        excluded = [str(person.id) for person in exclude]
        audience = {"roles": ["learner", "manager"], "exclude": excluded}
        return rule_json(self.module.id, audience=audience)

    async def managers(self) -> list[User]:
        """Make an office with a manager where a day begins last, and one where it does first."""
        offices = [await make_location(self.session, time_zone=zone) for zone in (LAST, FIRST)]
        return [
            await make_user(self.session, role=Role.MANAGER, location_id=office.id)
            for office in offices
        ]


@pytest.fixture
async def group(
    clock: SetClock, committed_api: Api, committed_database: Database
) -> AsyncIterator[Group]:
    async with committed_database.writing() as session:
        keeper = await make_user(session, role=Role.ADMIN)
        module = await make_module(session, text_section())
        await publish(committed_database, module)
        yield Group(clock, committed_api, session, keeper, module, committed_database)


@pytest.mark.parametrize(("clock", "zone", "day"), SIDES_OF_MIDNIGHT, indirect=["clock"])
class TestOneOffice:
    async def test_a_newcomer_is_asked_at_once_and_everywhere_of_one_day(
        self, group: Group, zone: str, day: str
    ) -> None:
        """Also by a rule that is older than the office, of a day that the office never had."""
        await group.require()
        office = await make_location(group.session, time_zone=zone)
        newcomer = {"email": "new@unified.example", "location_id": str(office.id)}
        invited = await group.api.post("/users/invite", group.keeper, json=newcomer)
        user_id = invited.json()["id"]
        page = await group.page(group.keeper, user_id)
        [line] = page["items"]
        due_on = date.fromisoformat(day) + timedelta(days=30)
        assert (page["as_of"], page["known_on"]) == (day, day)
        assert (line["status"], line["due_on"]) == ("due", str(due_on))
        listed = await group.lines(user_id)
        assert [(each["as_of"], each["due_on"]) for each in listed] == [(day, str(due_on))]
        assert await group.pack(user_id) == ({"as_of": day, "known_on": None}, listed)

    async def test_who_has_no_office_lives_by_the_days_of_the_organisation(
        self, group: Group, zone: str, day: str
    ) -> None:
        await make_location(group.session, time_zone=zone)
        person = await make_user(group.session)
        await group.require()
        page = await group.page(person, person.id)
        assert (page["as_of"], page["items"][0]["status"]) == (day, "due")
        [enrollment] = (await group.read(person, "/enrollments"))["items"]
        path = f"/enrollments/{enrollment['id']}/sections/{group.module.sections[0].id}/progress"
        assert (await group.api.put(path, person, json={"completed": True})).is_success
        [record] = (await group.read(person, "/training-records"))["items"]
        assert (record["local_date"], record["time_zone"]) == (day, zone)
        [line] = (await group.page(person, person.id))["items"]
        assert (line["status"], line["periods"][0]["met_on"]) == ("compliant", day)
        assert [each["status"] for each in await group.lines(person.id)] == ["compliant"]


@pytest.mark.parametrize("clock", [BETWEEN], indirect=True)
class TestOfficesOfDifferentDays:
    DAYS = ("2026-11-28", "2026-11-29")

    async def test_rules_change_at_once_on_the_day_of_each_office(self, group: Group) -> None:
        people = await group.managers()
        rule = await group.require()
        for person, day in zip(people, self.DAYS, strict=True):
            page = await group.page(person, person.id)
            [line] = page["items"]
            assert (page["as_of"], line["status"]) == (day, "due")
            assert line["periods"][0]["window_start"] == day
            [training] = (await group.read(person, f"/users/{person.id}/trainings"))["items"]
            assert training["requirement"]["status"] == "due"
            listed = await group.read(person, "/reports/compliance.json", user_id=str(person.id))
            assert [each["as_of"] for each in listed["items"]] == [day]
        await group.exclude(rule, people)
        for person in people:
            [line] = (await group.page(person, person.id))["items"]
            assert line["status"] == "not_required"
        assert (await group.api.delete(rule, group.keeper, headers=ANYHOW)).is_success
        for person in people:
            assert (await group.page(person, person.id))["items"] == []

    async def test_an_edit_leaves_days_alone_that_are_over(self, group: Group) -> None:
        people = await group.managers()
        rule = await group.require()
        await group.clock.wait(timedelta(days=1))
        await group.exclude(rule, people)
        for person, day in zip(people, self.DAYS, strict=True):
            for known in ({}, {"known_on": day}):
                [line] = (await group.page(person, person.id, as_of=day, **known))["items"]
                assert line["status"] == "due"


@pytest.mark.parametrize("clock", [BETWEEN], indirect=True)
class TestWhoMovesWest:
    """Their day does not begin again: what was recorded for them still holds."""

    async def test_works_at_the_new_office_from_then_on(self, group: Group) -> None:
        east, west = [await make_location(group.session, time_zone=z) for z in (TOKYO, LOS_ANGELES)]
        hired = date(2026, 1, 5)
        person = await make_user(group.session, location_id=east.id, hired_on=hired)
        await group.move(person, west.id)
        await group.reconcile()
        assert await group.office(person) == str(west.id)

    async def test_has_lines_at_once(self, group: Group) -> None:
        """Also on the day of entry, which at the new office has not come yet."""
        await group.require()
        person = await make_user(group.session)
        office = await make_location(group.session, time_zone=LOS_ANGELES)
        await group.move(person, office.id)
        await group.reconcile()
        page = await group.page(group.keeper, person.id)
        [line] = page["items"]
        assert (page["as_of"], line["status"]) == ("2026-11-29", "due")
        [training] = (await group.read(person, f"/users/{person.id}/trainings"))["items"]
        assert training["requirement"]["status"] == "due"
