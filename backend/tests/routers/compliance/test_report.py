"""The matrix, its details, exports and direct reads agree, for every caller and filter."""

import codecs
import csv
import io
import zipfile
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from http import HTTPStatus
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.actor import Role
from app.models import Location, Requirement, User
from app.services.context import SYSTEM
from app.services.unit_of_work import UnitOfWork
from tests.factories.module import make_module, publish
from tests.factories.requirement import make_requirement
from tests.factories.user import make_location, make_user
from tests.factories.word import list_words
from tests.support import Api, RollbackDatabase, count_statements

PATH = "/reports/compliance"
STATUSES = {
    *("not_required", "exempt", "compliant", "due_soon"),
    *("due", "overdue", "expired", "never_trained"),
}


class Practice:
    """Two offices, a manager of one of them, and two requirements."""

    def __init__(self, people: dict[str, User], offices: list[Location]) -> None:
        self.people = people
        self.offices = offices
        self.requirements: list[Requirement] = []

    def __getitem__(self, name: str) -> User:
        return self.people[name]


@pytest.fixture
async def practice(session: AsyncSession, database: RollbackDatabase) -> Practice:
    here, there = await make_location(session), await make_location(session)
    await list_words(session, job_titles=["Hygienist"])
    people = {
        "admin": await make_user(session, role=Role.ADMIN),
        "manager": await make_user(session, role=Role.MANAGER, location_id=here.id),
        "learner": await make_user(session, location_id=here.id, job_title="Hygienist"),
        "stranger": await make_user(session, location_id=there.id, full_name="=HYPERLINK(1)"),
    }
    people["report"] = await make_user(
        session, location_id=there.id, manager_id=people["manager"].id, job_title="Hygienist"
    )
    practice = Practice(people, [here, there])
    for audience in ({"everyone": True}, {"location_ids": [str(there.id)]}):
        module = await make_module(session)
        await publish(database, module)
        practice.requirements.append(await make_requirement(database, module.id, audience=audience))
    return practice


def total(groups: list[dict[str, Any]]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for group in groups:
        counts.update(group["counts"])
    return +counts


async def drilled(api: Api, user: User, query: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = (await api.get(f"{PATH}/people?{query}&limit=3{cursor}", user)).json()
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        cursor = f"&cursor={page['next_cursor']}"


class TestAccess:
    @pytest.mark.parametrize("path", ["", "/people", "/forecast", ".csv", ".json", ".xlsx"])
    async def test_managers_and_admins_only(self, api: Api, practice: Practice, path: str) -> None:
        assert (await api.get(PATH + path)).status_code == HTTPStatus.UNAUTHORIZED
        response = await api.get(PATH + path, practice["learner"])
        assert response.status_code == HTTPStatus.FORBIDDEN
        for name in ("manager", "admin"):
            assert (await api.get(PATH + path, practice[name])).status_code == HTTPStatus.OK


SCOPES = ["", "location={here}", "location={there}", "job_title=hygienist", "requirement={second}"]


class TestKnowledge:
    @pytest.mark.parametrize("path", ["", "/people", "/forecast", ".csv", ".json", ".xlsx"])
    async def test_every_form_takes_the_day_of_knowledge(
        self, api: Api, practice: Practice, path: str
    ) -> None:
        response = await api.get(f"{PATH}{path}?known_on=2001-01-01", practice["admin"])
        assert response.status_code == HTTPStatus.OK

    async def test_files_say_whose_knowledge_they_hold(self, api: Api, practice: Practice) -> None:
        admin = practice["admin"]
        path = f"{PATH}.json?as_of=2026-03-01&known_on=2026-03-02"
        response = await api.get(path, admin)
        assert (response.json()["as_of"], response.json()["known_on"]) == (
            "2026-03-01",
            "2026-03-02",
        )
        name = "compliance-2026-03-01-known-2026-03-02.json"
        assert name in response.headers["Content-Disposition"]
        [line, *_] = (await api.get(f"{PATH}.json", admin)).json()["items"]
        assert line["known_on"] is None

    async def test_before_anything_was_known_there_is_nothing(
        self, api: Api, practice: Practice
    ) -> None:
        admin = practice["admin"]
        today = (await api.get(PATH, admin)).json()["as_of"]
        report = (await api.get(f"{PATH}?as_of={today}&known_on=2001-01-01", admin)).json()
        assert (report["known_on"], report["groups"]) == ("2001-01-01", [])
        person = practice["learner"]
        path = f"/users/{person.id}/compliance?as_of={today}&known_on=2001-01-01"
        body = (await api.get(path, person)).json()
        assert (body["known_on"], body["items"]) == ("2001-01-01", [])

    async def test_nobody_knows_tomorrow(self, api: Api, practice: Practice) -> None:
        admin = practice["admin"]
        report = (await api.get(f"{PATH}?known_on=9999-01-01", admin)).json()
        assert report == (await api.get(PATH, admin)).json()


class TestAgreement:
    @pytest.mark.full
    @pytest.mark.parametrize("actor", ["admin", "manager"])
    @pytest.mark.parametrize("kept", [False, True])
    @pytest.mark.parametrize("scope", SCOPES)
    async def test_all_ways_to_ask(  # noqa: PLR0913  # fixtures, and a table of three columns
        self,
        api: Api,
        practice: Practice,
        database: RollbackDatabase,
        actor: str,
        scope: str,
        *,
        kept: bool,
    ) -> None:
        user = practice[actor]
        today = await keep_today(database, kept=kept)
        here, there = practice.offices
        query = f"as_of={today}&" + scope.format(
            here=here.id, there=there.name, second=practice.requirements[1].id
        )
        lines = await drilled(api, user, query)
        counts = Counter(line["status"] for line in lines)
        for group_by in ("location", "department", "title", "requirement"):
            report = (await api.get(f"{PATH}?{query}&group_by={group_by}", user)).json()
            assert (report["as_of"], report["group_by"]) == (str(today), group_by)
            assert total(report["groups"]) == counts
            assert all(set(group["counts"]) == STATUSES for group in report["groups"])
            in_rows = [row for group in report["groups"] for row in group["requirements"]]
            assert total(in_rows) == counts
        exported = (await api.get(f"{PATH}.json?{query}", user)).json()["items"]
        assert Counter(row["status"] for row in exported) == counts
        content = (await api.get(f"{PATH}.csv?{query}", user)).content
        assert content.startswith(codecs.BOM_UTF8)
        table = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
        assert {(row["user_id"], row["requirement_id"], row["status"]) for row in table} == {
            (line["user"]["id"], line["requirement"]["id"], line["status"]) for line in lines
        }
        for line in lines:
            path = f"/users/{line['user']['id']}/compliance?as_of={today}"
            direct = {
                item["requirement"]["id"]: item
                for item in (await api.get(path, user)).json()["items"]
            }[line["requirement"]["id"]]
            assert (direct["status"], direct["due_on"]) == (line["status"], line["due_on"])

    async def test_a_manager_sees_their_own_people(self, api: Api, practice: Practice) -> None:
        lines = await drilled(api, practice["manager"], "")
        own = {str(practice[name].id) for name in ("manager", "learner", "report")}
        assert {line["user"]["id"] for line in lines} == own
        everybody = {line["user"]["id"] for line in await drilled(api, practice["admin"], "")}
        assert everybody == {str(user.id) for user in practice.people.values()}

    async def test_counts_people_once(self, api: Api, practice: Practice) -> None:
        report = (await api.get(f"{PATH}?group_by=location", practice["admin"])).json()
        people = {group["label"]: group["people"] for group in report["groups"]}
        here, there = practice.offices
        assert people == {here.name: 2, there.name: 2, None: 1}

    async def test_one_statement(
        self, api: Api, practice: Practice, database: RollbackDatabase
    ) -> None:
        today = await keep_today(database, kept=True)
        path = f"{PATH}?as_of={today}"
        await api.get(path, practice["admin"])
        with count_statements(database.engine) as statements:
            await api.get(path, practice["admin"])
        asked = [each for each in statements.seen if "SAVEPOINT" not in each]
        assert len(asked) == 2  # who asks, and the report
        assert "compliance_counts" in asked[1]


class TestKeptMatrix:
    """Without a query an admin gets stored counts, which must be up to date at every request."""

    async def test_follows_every_change(
        self, api: Api, practice: Practice, database: RollbackDatabase, session: AsyncSession
    ) -> None:
        admin = practice["admin"]
        today = await self.keep(api, database, admin)
        module = await make_module(session)
        await publish(database, module)
        body = {"name": "Renamed"}
        office = f"/locations/{practice.offices[0].id}"
        etag = (await api.get(office, admin)).headers["ETag"]
        changes: list[Callable[[], Awaitable[object]]] = [
            lambda: make_requirement(database, module.id, title="One more"),
            lambda: api.patch(office, admin, json=body, headers={"If-Match": etag}),
            lambda: api.patch(
                f"/users/{practice['learner'].id}",
                admin,
                json={"location_id": str(practice.offices[1].id)},
                headers={"If-Match": "*"},
            ),
        ]
        seen = [await self.matrix(api, admin, today)]
        for change in changes:
            await change()
            seen.append(await self.matrix(api, admin, today))
        assert len(set(seen)) == len(seen)

    async def matrix(self, api: Api, admin: User, today: date) -> bytes:
        first = await api.get(PATH, admin)
        again = await api.get(PATH, admin)
        counted = await api.get(f"{PATH}?as_of={today}", admin)
        assert first.content == again.content == counted.content
        assert first.status_code == HTTPStatus.OK
        return first.content

    async def test_takes_one_statement_while_nothing_changes(
        self, api: Api, practice: Practice, database: RollbackDatabase
    ) -> None:
        await self.keep(api, database, practice["admin"])
        await api.get(PATH, practice["admin"])
        with count_statements(database.engine) as statements:
            await api.get(PATH, practice["admin"])
        assert len([each for each in statements.seen if "SAVEPOINT" not in each]) == 1

    async def test_is_for_admins(
        self, api: Api, practice: Practice, database: RollbackDatabase
    ) -> None:
        await self.keep(api, database, practice["admin"])
        whole = (await api.get(PATH, practice["admin"])).json()
        own = (await api.get(PATH, practice["manager"])).json()
        counted = await api.get(f"{PATH}?as_of={own['as_of']}", practice["manager"])
        assert own == counted.json()
        assert own["groups"] != whole["groups"]
        refused = await api.get(PATH, practice["learner"])
        assert refused.status_code == HTTPStatus.FORBIDDEN

    async def keep(self, api: Api, database: RollbackDatabase, admin: User) -> date:
        """Store the counts of the current day at the admin's location."""
        today = date.fromisoformat((await api.get(PATH, admin)).json()["as_of"])
        async with UnitOfWork(database, SYSTEM) as uow:
            await uow.compliance_segments.keep_days([today])
        return today


async def keep_today(database: RollbackDatabase, *, kept: bool) -> date:
    async with UnitOfWork(database, SYSTEM) as uow:
        today = await uow.requirements.organisation_day()
        await uow.compliance_segments.keep_days([today] if kept else [])
    return today


class TestKeptCounts:
    async def test_follow_changes(
        self, api: Api, practice: Practice, database: RollbackDatabase
    ) -> None:
        admin, learner = practice["admin"], practice["learner"]
        today = await keep_today(database, kept=True)
        leave = {"starts_on": str(today)}
        assert (await api.post(f"/users/{learner.id}/leave", admin, json=leave)).is_success
        report = (await api.get(f"{PATH}?as_of={today}", admin)).json()
        lines = await drilled(api, admin, f"as_of={today}")
        assert total(report["groups"]) == Counter(line["status"] for line in lines)
        assert total(report["groups"])["exempt"] == 1


class TestDays:
    async def test_before_anything_was_recorded(self, api: Api, practice: Practice) -> None:
        report = (await api.get(f"{PATH}?as_of=2001-01-01", practice["admin"])).json()
        assert report["groups"] == []

    async def test_days_to_come(self, api: Api, practice: Practice) -> None:
        later = date.today() + timedelta(days=60)  # noqa: DTZ011  # any day well ahead will do
        report = (await api.get(f"{PATH}?as_of={later}", practice["admin"])).json()
        assert total(report["groups"])["overdue"] == 7

    async def test_a_day_is_a_day(self, api: Api, practice: Practice) -> None:
        response = await api.get(f"{PATH}?as_of=soon", practice["admin"])
        assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY

    @pytest.mark.parametrize(("as_of", "weeks"), [("9999-12-30", 0), ("9999-12-11", 2)])
    async def test_forecast_ends_with_the_calendar(
        self, api: Api, practice: Practice, as_of: str, weeks: int
    ) -> None:
        forecast = await api.get(f"{PATH}/forecast?as_of={as_of}", practice["admin"])
        assert len(forecast.json()["weeks"]) == weeks

    async def test_forecast(self, api: Api, practice: Practice) -> None:
        weeks = (await api.get(f"{PATH}/forecast", practice["admin"])).json()["weeks"]
        assert len(weeks) == 52
        assert sum(week["due"] for week in weeks) == 7
        assert sum(week["expiring"] for week in weeks) == 0
        [busy] = [week for week in weeks if week["due"]]
        due = date.today() + timedelta(days=30)  # noqa: DTZ011  # weeks are wider than time zones
        assert abs((date.fromisoformat(busy["starts_on"]) - due).days) <= 8


class TestFiles:
    async def test_no_cell_becomes_a_formula(self, api: Api, practice: Practice) -> None:
        text = (await api.get(f"{PATH}.csv", practice["admin"])).content.decode("utf-8-sig")
        names = {row["name"] for row in csv.DictReader(io.StringIO(text))}
        assert "'=HYPERLINK(1)" in names
        assert not any(name.startswith("=") for name in names)

    async def test_json_is_lossless(self, api: Api, practice: Practice) -> None:
        items = (await api.get(f"{PATH}.json", practice["admin"])).json()["items"]
        assert "=HYPERLINK(1)" in {row["name"] for row in items}

    async def test_xlsx_holds_text(self, api: Api, practice: Practice) -> None:
        response = await api.get(f"{PATH}.xlsx", practice["admin"])
        assert response.headers["Content-Disposition"].startswith("attachment")
        with zipfile.ZipFile(io.BytesIO(response.content)) as book:
            sheet = book.read("xl/worksheets/sheet1.xml").decode()
        assert "=HYPERLINK(1)" in sheet
        assert "<f>" not in sheet
        lines = await drilled(api, practice["admin"], "")
        assert sheet.count("<row ") == len(lines) + 1
