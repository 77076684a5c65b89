import uuid
from datetime import date
from http import HTTPStatus
from typing import Any

import pytest
from httpx import Response
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import AuditEvent, Location, Position, TrainingModule, User
from tests.factories.module import make_module, publish
from tests.factories.requirement import rule_json
from tests.factories.user import make_location, make_user
from tests.routers.problems import assert_anonymous, assert_problem, pointers
from tests.support import Api, RollbackDatabase

ANY = {"If-Match": "*"}
FIRST = "2026-03-02"
WORKING = date(2026, 1, 5)


@pytest.fixture
async def module(session: AsyncSession, database: RollbackDatabase) -> TrainingModule:
    module = await make_module(session)
    await publish(database, module)
    return module


@pytest.fixture
async def here(session: AsyncSession) -> Location:
    return await make_location(session, country="US", state="US-CA")


@pytest.fixture
async def there(session: AsyncSession) -> Location:
    return await make_location(session, country="US", state="US-TX")


@pytest.fixture
async def person(session: AsyncSession, here: Location) -> User:
    return await make_user(session, location_id=here.id, hired_on=WORKING)


def path(person: User, position: str = "") -> str:
    return f"/users/{person.id}/positions{position and '/' + position}"


async def post(api: Api, actor: User, person: User, location: Location, **fields: Any) -> Response:
    body = {"location_id": str(location.id), "starts_on": FIRST, **fields}
    return await api.post(path(person), actor, json=body)


async def posted(
    api: Api, actor: User, person: User, location: Location, **fields: Any
) -> dict[str, Any]:
    response = await post(api, actor, person, location, **fields)
    assert response.status_code == HTTPStatus.CREATED, response.text
    return dict(response.json())


async def rule(api: Api, admin: User, module: TrainingModule, **audience: Any) -> str:
    body = {
        "title": f"Rule {uuid.uuid4()}",
        "rule": rule_json(module.id, audience=audience),
        "effective_from": "2026-01-01",
    }
    response = await api.post("/requirements", admin, json=body)
    assert response.status_code == HTTPStatus.CREATED, response.text
    return str(response.json()["id"])


async def status(api: Api, admin: User, person: User, as_of: str | None = None) -> str:
    query = {"as_of": as_of} if as_of else {}
    lines = await api.get(f"/users/{person.id}/compliance", admin, params=query)
    (line,) = lines.json()["items"]
    return str(line["status"])


async def counted(api: Api, actor: User, **query: str) -> dict[str, int]:
    report = await api.get("/reports/compliance", actor, params=query)
    return {group["label"]: group["people"] for group in report.json()["groups"]}


class TestList:
    async def test_anonymous(self, api: Api, person: User) -> None:
        assert_anonymous(await api.get(path(person)))

    async def test_hidden_from_other_managers(
        self, api: Api, session: AsyncSession, person: User
    ) -> None:
        stranger = await make_user(session, role="manager")
        assert_problem(await api.get(path(person), stranger), 404, "user_not_found")

    async def test_has_the_primary_position_first(
        self, api: Api, admin: User, person: User, here: Location, there: Location
    ) -> None:
        made = await posted(api, admin, person, there)
        primary, further = (await api.get(path(person), admin)).json()["items"]
        assert (primary["is_primary"], further["is_primary"]) == (True, False)
        assert (primary["id"], further["id"]) == (str(person.id), made["id"])
        assert (primary["location_id"], further["location_id"]) == (str(here.id), str(there.id))

    async def test_comes_in_pages(
        self, api: Api, admin: User, person: User, there: Location
    ) -> None:
        made = [await posted(api, admin, person, there) for _ in range(2)]
        seen, query = [], {"limit": 1, "include_total": True}
        while True:
            page = (await api.get(path(person), admin, params=query)).json()
            seen += [each["id"] for each in page["items"]]
            if page["next_cursor"] is None:
                break
            query["cursor"] = page["next_cursor"]
        assert seen == [str(person.id), *(each["id"] for each in made)]
        assert page["total"] == len(seen)


class TestCreate:
    async def test_anonymous(self, api: Api, person: User) -> None:
        assert_anonymous(await api.post(path(person), json={}))

    async def test_leads_to_the_position(
        self, api: Api, admin: User, person: User, there: Location
    ) -> None:
        response = await post(api, admin, person, there)
        location = response.headers["Location"].removeprefix("/api/v1")
        read = await api.get(location, admin)
        assert read.json()["starts_on"] == FIRST
        assert read.headers["ETag"] == response.headers["ETag"]

    async def test_nobody_for_themselves(self, api: Api, admin: User, there: Location) -> None:
        assert_problem(await post(api, admin, admin, there), 403, "own_position")

    async def test_wrong_values_are_named(
        self, api: Api, admin: User, person: User, there: Location
    ) -> None:
        wrong = {
            "location_id": str(uuid.uuid4()),
            "manager_id": str(person.id),
            "ends_on": "2026-03-01",
        }
        response = await post(api, admin, person, there, **wrong)
        assert dict(pointers(response)).keys() == {"/location_id", "/manager_id", "/ends_on"}

    async def test_a_word_in_no_list_is_asked_back(
        self, api: Api, admin: User, person: User, there: Location
    ) -> None:
        response = await post(api, admin, person, there, job_title="Hygenist")
        assert dict(pointers(response)) == {"/job_title": "unknown_job_title"}

    async def test_says_who_newly_sees_the_person(
        self, api: Api, session: AsyncSession, admin: User, person: User, there: Location
    ) -> None:
        lead = await make_user(session, role="manager", location_id=there.id)
        assert_problem(await api.get(f"/users/{person.id}", lead), 404, "user_not_found")
        made = await posted(api, admin, person, there)
        assert [each["id"] for each in made["newly_seen_by"]] == [str(lead.id)]
        assert (await api.get(f"/users/{person.id}", lead)).status_code == HTTPStatus.OK
        listed = (await api.get("/users", lead)).json()["items"]
        assert str(person.id) in {each["id"] for each in listed}

    async def test_a_manager_by_name_sees_the_person_while_it_lasts(
        self, api: Api, session: AsyncSession, admin: User, person: User, there: Location
    ) -> None:
        lead = await make_user(session, role="manager")
        made = await posted(api, admin, person, there, manager_id=str(lead.id))
        assert (await api.get(f"/users/{person.id}", lead)).status_code == HTTPStatus.OK
        await api.patch(path(person, made["id"]), admin, json={"ends_on": FIRST}, headers=ANY)
        assert_problem(await api.get(f"/users/{person.id}", lead), 404, "user_not_found")

    async def test_a_manager_answers_for_each_office_of_theirs(
        self, api: Api, session: AsyncSession, admin: User, person: User, here: Location
    ) -> None:
        lead = await make_user(session, role="manager")
        made = await posted(api, admin, lead, here)
        assert (await api.get(f"/users/{person.id}", lead)).status_code == HTTPStatus.OK
        await api.delete(path(lead, made["id"]), admin, headers=ANY)
        assert_problem(await api.get(f"/users/{person.id}", lead), 404, "user_not_found")


class TestRules:
    async def test_the_rules_of_each_office_bind_from_its_first_day(
        self, api: Api, admin: User, person: User, there: Location, module: TrainingModule
    ) -> None:
        await rule(api, admin, module, location_ids=[str(there.id)])
        assert await status(api, admin, person) == "not_required"
        await posted(api, admin, person, there)
        assert await status(api, admin, person) == "overdue"
        assert await status(api, admin, person, "2026-03-01") == "not_required"

    async def test_the_state_of_a_further_office_counts(
        self, api: Api, admin: User, person: User, there: Location, module: TrainingModule
    ) -> None:
        await rule(api, admin, module, states=["US-TX"])
        await posted(api, admin, person, there)
        assert await status(api, admin, person) == "overdue"

    async def test_a_renamed_word_is_still_the_same(
        self, api: Api, admin: User, person: User, there: Location, module: TrainingModule
    ) -> None:
        word = (await api.post("/job-titles", admin, json={"name": "Assistant"})).json()
        await rule(api, admin, module, job_titles=["Assistant"])
        await posted(api, admin, person, there, job_title="assistant")
        renamed = {"name": "Dental assistant"}
        await api.patch(f"/job-titles/{word['id']}", admin, json=renamed, headers=ANY)
        assert await status(api, admin, person) == "overdue"
        groups = await counted(api, admin, group_by="title")
        assert groups["Dental assistant"] == 1

    async def test_the_matrix_counts_in_every_office_and_once_in_all(  # noqa: PLR0913, PLR0917  # fixtures
        self,
        api: Api,
        admin: User,
        person: User,
        here: Location,
        there: Location,
        module: TrainingModule,
    ) -> None:
        await rule(api, admin, module, location_ids=[str(here.id), str(there.id)])
        asked: list[dict[str, str]] = [{}, {"as_of": "2026-11-20"}]
        before = [await counted(api, admin, group_by="requirement", **query) for query in asked]
        await posted(api, admin, person, there)
        await posted(api, admin, person, there)
        for query, everybody in zip(asked, before, strict=True):
            groups = await counted(api, admin, group_by="location", **query)
            assert (groups[here.name], groups[there.name]) == (1, 1)
            assert await counted(api, admin, group_by="requirement", **query) == everybody

    async def test_a_filter_finds_people_at_each_of_their_offices(  # noqa: PLR0913, PLR0917  # fixtures
        self,
        api: Api,
        admin: User,
        person: User,
        here: Location,
        there: Location,
        module: TrainingModule,
    ) -> None:
        await api.post("/departments", admin, json={"name": "Hygiene"})
        await rule(api, admin, module, everyone=True)
        await posted(api, admin, person, there, department="Hygiene")
        for office in (here, there):
            query = {"location": office.name}
            lines = await api.get("/reports/compliance/people", admin, params=query)
            assert [line["location_id"] for line in lines.json()["items"]] == [str(office.id)]
            users = (await api.get("/users", admin, params=query)).json()["items"]
            assert [each["id"] for each in users] == [str(person.id)]
        there_and_hygiene = {"location": there.name, "department": "Hygiene"}
        here_and_hygiene = {"location": here.name, "department": "Hygiene"}
        for address in ("/users", "/reports/compliance/people"):
            found = await api.get(address, admin, params=there_and_hygiene)
            assert len(found.json()["items"]) == 1
            assert not (await api.get(address, admin, params=here_and_hygiene)).json()["items"]

    async def test_a_module_is_assigned_to_people_of_a_further_office(
        self, api: Api, admin: User, person: User, there: Location, module: TrainingModule
    ) -> None:
        await posted(api, admin, person, there)
        body = {"module_id": str(module.id), "filter": {"location_id": str(there.id)}}
        assigned = await api.post("/enrollments/bulk", admin, json=body)
        assert assigned.json()["created"] == 1

    async def test_ends_with_the_employment(
        self, api: Api, admin: User, person: User, there: Location, module: TrainingModule
    ) -> None:
        await rule(api, admin, module, location_ids=[str(there.id)])
        await posted(api, admin, person, there)
        users = f"/users/{person.id}"
        await api.post(f"{users}/terminate", admin, json={"effective_on": "2026-11-01"})
        await api.post(f"{users}/rehire", admin, json={"hired_on": "2026-11-20"})
        assert await status(api, admin, person) == "not_required"
        (primary, former) = (await api.get(path(person), admin)).json()["items"]
        assert (primary["starts_on"], former["ends_on"]) == ("2026-11-20", "2026-10-31")


class TestUpdate:
    async def test_a_correction_holds_from_the_start_and_is_on_record(  # noqa: PLR0913, PLR0917  # fixtures
        self,
        api: Api,
        session: AsyncSession,
        admin: User,
        person: User,
        there: Location,
        module: TrainingModule,
    ) -> None:
        await rule(api, admin, module, location_ids=[str(there.id)])
        made = await posted(api, admin, person, there)
        changed = await api.patch(
            path(person, made["id"]), admin, json={"starts_on": "2026-11-27"}, headers=ANY
        )
        assert changed.json()["starts_on"] == "2026-11-27"
        assert await status(api, admin, person, "2026-11-26") == "not_required"
        rows = await session.scalars(select(Position).order_by(Position.number))
        assert [str(row.starts_on) for row in rows] == [FIRST, "2026-11-27"]
        (event,) = await session.scalars(
            select(AuditEvent).where(AuditEvent.action == "position:updated")
        )
        assert (event.before, event.after) == (
            {"starts_on": FIRST},
            {"starts_on": "2026-11-27"},
        )

    async def test_needs_what_was_read(
        self, api: Api, admin: User, person: User, there: Location
    ) -> None:
        made = await posted(api, admin, person, there)
        address, body = path(person, made["id"]), {"ends_on": FIRST}
        stale = {"If-Match": f'"{made["id"]}.9"'}
        assert_problem(await api.patch(address, admin, json=body), 428, "precondition_required")
        response = await api.patch(address, admin, json=body, headers=stale)
        assert_problem(response, 412, "precondition_failed")

    async def test_the_primary_position_is_moved_by_a_transfer(
        self, api: Api, admin: User, person: User
    ) -> None:
        address = path(person, str(person.id))
        response = await api.patch(address, admin, json={"ends_on": FIRST}, headers=ANY)
        assert_problem(response, 409, "primary_position")

    async def test_a_position_of_somebody_else_is_not_found(
        self, api: Api, session: AsyncSession, admin: User, person: User, there: Location
    ) -> None:
        made, other = await posted(api, admin, person, there), await make_user(session)
        response = await api.patch(path(other, made["id"]), admin, json={}, headers=ANY)
        assert_problem(response, 404, "position_not_found")


class TestWithdraw:
    async def test_is_as_if_it_had_not_been(
        self, api: Api, admin: User, person: User, there: Location, module: TrainingModule
    ) -> None:
        await rule(api, admin, module, location_ids=[str(there.id)])
        made = await posted(api, admin, person, there)
        address = path(person, made["id"])
        assert (await api.delete(address, admin, headers=ANY)).status_code == HTTPStatus.NO_CONTENT
        assert await status(api, admin, person) == "not_required"
        assert_problem(await api.get(address, admin), 404, "position_not_found")
        assert len((await api.get(path(person), admin)).json()["items"]) == 1


async def test_an_office_where_somebody_has_a_position_is_not_deleted(
    api: Api, admin: User, person: User, there: Location
) -> None:
    made = await posted(api, admin, person, there, starts_on="2030-01-01")
    address = f"/locations/{there.id}"
    response = await api.delete(address, admin, headers=ANY)
    assert_problem(response, 409, "location_in_use")
    await api.delete(path(person, made["id"]), admin, headers=ANY)
    assert (await api.delete(address, admin, headers=ANY)).status_code == HTTPStatus.NO_CONTENT


class TestMakePrimary:
    async def test_anonymous(self, api: Api, person: User) -> None:
        assert_anonymous(await api.post(path(person, f"{person.id}/primary"), json={}))

    async def test_exchanges_the_two(
        self, api: Api, admin: User, person: User, here: Location, there: Location
    ) -> None:
        made = await posted(api, admin, person, there)
        response = await make_primary(api, admin, person, made["id"])
        assert response.status_code == HTTPStatus.CREATED, response.text
        moved = response.json()
        assert moved["location_id"] == str(there.id)
        assert (moved["newly_seen_by"], moved["no_longer_seen_by"]) == ([], [])
        primary, *others = (await api.get(path(person), admin)).json()["items"]
        assert primary["location_id"] == str(there.id)
        ended, former = sorted(others, key=lambda item: str(item["starts_on"]))
        assert (ended["id"], ended["ends_on"]) == (made["id"], "2026-05-03")
        assert (former["location_id"], former["starts_on"]) == (str(here.id), "2026-05-04")
        assert (await api.get(f"/users/{person.id}", admin)).json()["location_id"] == str(there.id)

    async def test_changes_nothing_that_is_asked(
        self, api: Api, session: AsyncSession, admin: User, module: TrainingModule
    ) -> None:
        here, there = await make_location(session), await make_location(session)
        person = await make_user(session, location_id=here.id, hired_on=WORKING)
        await rule(api, admin, module, location_ids=[str(here.id)])
        await rule(api, admin, module, location_ids=[str(there.id)])
        made = await posted(api, admin, person, there)
        before = await shown(api, admin, person)
        await make_primary(api, admin, person, made["id"])
        assert await shown(api, admin, person) == before
        groups = await counted(api, admin)
        assert (groups[here.name], groups[there.name]) == (1, 1)

    async def test_managers_of_both_go_on_seeing_the_person(
        self, api: Api, session: AsyncSession, admin: User, person: User, there: Location
    ) -> None:
        far = await make_user(session, role="manager", location_id=there.id)
        near = await make_user(session, role="manager", location_id=person.location_id)
        boss = await make_user(session, role="manager")
        made = await posted(api, admin, person, there, manager_id=str(boss.id))
        await make_primary(api, admin, person, made["id"])
        for manager in (far, near, boss):
            assert (await api.get(f"/users/{person.id}", manager)).is_success
        read = (await api.get(f"/users/{person.id}", admin)).json()
        assert read["manager_id"] == str(boss.id)

    async def test_from_a_day_to_come(
        self, api: Api, admin: User, person: User, here: Location, there: Location
    ) -> None:
        made = await posted(api, admin, person, there)
        response = await make_primary(api, admin, person, made["id"], "2100-01-01")
        assert response.status_code == HTTPStatus.CREATED, response.text
        primary, further, former = (await api.get(path(person), admin)).json()["items"]
        assert (primary["location_id"], further["ends_on"]) == (str(here.id), "2099-12-31")
        assert (former["location_id"], former["starts_on"]) == (str(here.id), "2100-01-01")

    async def test_needs_a_position_that_goes_on(
        self, api: Api, admin: User, person: User, there: Location
    ) -> None:
        ends = await posted(api, admin, person, there, ends_on="2026-12-31")
        assert_problem(await make_primary(api, admin, person, ends["id"]), 409, "not_held")
        later = await posted(api, admin, person, there, starts_on="2026-05-05")
        assert_problem(await make_primary(api, admin, person, later["id"]), 409, "not_held")

    async def test_is_not_the_primary_one_already(
        self, api: Api, admin: User, person: User
    ) -> None:
        response = await make_primary(api, admin, person, str(person.id))
        assert_problem(response, 409, "primary_position")

    async def test_not_by_oneself(self, api: Api, admin: User, there: Location) -> None:
        response = await make_primary(api, admin, admin, str(uuid.uuid4()))
        assert_problem(response, 403, "own_position")


async def make_primary(
    api: Api, actor: User, person: User, position: str, day: str = "2026-05-04"
) -> Response:
    body = {"effective_on": day}
    return await api.post(path(person, f"{position}/primary"), actor, json=body)


async def shown(api: Api, admin: User, person: User) -> list[tuple[str, ...]]:
    lines = (await api.get(f"/users/{person.id}/compliance", admin)).json()["items"]
    return [
        (line["requirement"]["id"], line["status"], line["due_on"], str(line["periods"]))
        for line in lines
    ]
