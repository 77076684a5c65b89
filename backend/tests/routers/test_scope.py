"""`scope` means the same in every list of what belongs to people, and so does leaving it out."""

from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.actor import Role
from app.models import User
from tests.factories.module import acknowledgement_section, make_module, publish
from tests.factories.user import make_location, make_user
from tests.routers.problems import assert_problem, pointers
from tests.support import Api, RollbackDatabase, count_statements

LISTS = ("/enrollments", "/training-records", "/external-trainings")
CARD = {
    "provider": "American Heart Association",
    "title": "BLS",
    "credential_kind": "bls",
    "completed_on": "2026-01-15",
    "printed_expiry": "2028-01-31",
    "hours": 4,
}

lists = pytest.mark.parametrize("path", LISTS)


class Office:
    """A manager and two people of one office, an admin, and somebody far away."""

    def __init__(self, api: Api, session: AsyncSession, database: RollbackDatabase) -> None:
        self.api, self.session, self.database = api, session, database

    async def open(self) -> None:
        office = await make_location(self.session)
        here = {"location_id": office.id}
        self.ada = await make_user(self.session, full_name="Ada Floss", **here)
        self.bob = await make_user(self.session, full_name="Bob Brush", **here)
        self.boss = await make_user(self.session, full_name="Cora Crown", role=Role.MANAGER, **here)
        self.far = await make_user(self.session, full_name="Dan Distant")
        self.admin = await make_user(self.session, full_name="Eve Enamel", role=Role.ADMIN)
        for user in (self.ada, self.bob, self.boss, self.far, self.admin):
            await self.train(user)

    async def train(self, user: User) -> None:
        """Enroll somebody, complete it, and enter a card of theirs."""
        module = await make_module(self.session, acknowledgement_section(), title="Policy")
        await publish(self.database, module)
        enrolled = await self.api.post("/enrollments", user, json={"module_id": str(module.id)})
        section = f"/enrollments/{enrolled.json()['id']}/sections/{module.sections[0].id}"
        signature = {"printed_name": user.full_name, "meaning": "I will follow it."}
        signed = await self.api.post(f"{section}/acknowledge", user, json=signature)
        assert signed.is_success, signed.text
        assert (await self.api.post("/external-trainings", user, json=CARD)).is_success

    async def names(self, path: str, user: User, **query: Any) -> list[str]:
        response = await self.api.get(path, user, params=query)
        assert response.is_success, response.text
        return sorted(item["user"]["display_name"][0] for item in response.json()["items"])


@pytest.fixture
async def office(api: Api, session: AsyncSession, database: RollbackDatabase) -> Office:
    office = Office(api, session, database)
    await office.open()
    return office


@lists
async def test_whose(office: Office, path: str) -> None:
    for user, expected in (
        (office.ada, {None: "A", "mine": "A", "team": "", "all": "A"}),
        (office.boss, {None: "C", "mine": "C", "team": "AB", "all": "ABC"}),
        (office.admin, {None: "E", "mine": "E", "team": "", "all": "ABCDE"}),
    ):
        for scope, letters in expected.items():
            query = {"scope": scope} if scope else {}
            assert await office.names(path, user, **query) == list(letters), (user.role, scope)


@lists
async def test_of_one_person(office: Office, path: str) -> None:
    ada = {"user_id": str(office.ada.id)}
    assert await office.names(path, office.boss, **ada) == ["A"]
    assert await office.names(path, office.boss, **ada, scope="team") == ["A"]
    assert await office.names(path, office.boss, **ada, scope="mine") == []
    far = {"user_id": str(office.far.id), "scope": "all"}
    assert_problem(await office.api.get(path, office.boss, params=far), 404, "user_not_found")


@lists
async def test_pages_neither_skip_nor_repeat(office: Office, path: str) -> None:
    for scope in ("mine", "team", "all"):
        seen: list[str] = []
        cursor = None
        while cursor is not None or not seen:
            query = {"scope": scope, "limit": "1"} | ({"cursor": cursor} if cursor else {})
            body = (await office.api.get(path, office.boss, params=query)).json()
            seen += [item["id"] for item in body["items"]]
            cursor = body["next_cursor"]
        whole = (await office.api.get(path, office.boss, params={"scope": scope})).json()
        assert seen == [item["id"] for item in whole["items"]]


@lists
async def test_a_list_takes_as_many_statements_for_all_as_for_one(
    office: Office, path: str
) -> None:
    counts = set()
    for limit in ("1", "50"):
        with count_statements(office.database.engine) as statements:
            await office.api.get(path, office.admin, params={"scope": "all", "limit": limit})
        counts.add(statements.count)
    assert len(counts) == 1


@lists
async def test_an_unknown_scope(office: Office, path: str) -> None:
    response = await office.api.get(path, office.boss, params={"scope": "everybody"})
    assert pointers(response) == [("query:scope", "enum")]


async def test_a_filter_that_is_repeated_means_any_of(office: Office) -> None:
    api, ada = office.api, office.ada
    for status, count in (("pending", 1), ("verified", 0)):
        found = await api.get("/external-trainings", ada, params={"status": status})
        assert len(found.json()["items"]) == count
    both = await api.get("/external-trainings?status=pending&status=verified", ada)
    assert len(both.json()["items"]) == 1
    either = await api.get("/enrollments?status=completed&status=withdrawn", ada)
    assert len(either.json()["items"]) == 1


async def test_items_carry_what_if_match_takes(office: Office) -> None:
    for path in ("/external-trainings", "/users", "/requirements", "/enrollments"):
        items = (await office.api.get(path, office.admin)).json()["items"]
        for item in items:
            alone = await office.api.get(f"{path}/{item['id']}", office.admin)
            assert alone.headers["ETag"] == item["etag"] == alone.json()["etag"]
