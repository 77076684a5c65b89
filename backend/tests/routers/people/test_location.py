import uuid
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Location, User
from tests.factories.user import make_location, make_user
from tests.routers.problems import assert_anonymous, assert_problem, pointers
from tests.support import Api, etag


@pytest.fixture
async def office(session: AsyncSession) -> Location:
    return await make_location(session)


class TestListLocations:
    async def test_anonymous(self, api: Api) -> None:
        assert_anonymous(await api.get("/locations"))

    async def test_everybody_sees_names_but_not_managers(
        self, api: Api, learner: User, office: Location
    ) -> None:
        (item,) = (await api.get("/locations", learner)).json()["items"]
        members = {"id", "name", "time_zone", "country", "state", "created_at", "updated_at"}
        assert item.keys() == members | {"etag"}
        assert item["name"] == office.name


class TestCreateLocation:
    async def test_anonymous(self, api: Api) -> None:
        assert_anonymous(await api.post("/locations", json={}))

    async def test_only_admins(self, api: Api, manager: User, author: User) -> None:
        body = {"name": "Main St", "time_zone": "America/Denver"}
        for user in (manager, author):
            assert_problem(await api.post("/locations", user, json=body), 403, "forbidden")

    async def test_created(self, api: Api, admin: User, manager: User) -> None:
        body = {
            "name": "Main St",
            "time_zone": "America/Denver",
            "manager_ids": [str(manager.id)],
        }
        response = await api.post("/locations", admin, json=body)
        assert response.status_code == HTTPStatus.CREATED
        path = response.headers["Location"].removeprefix("/api/v1")
        read = await api.get(path, admin)
        assert read.json() == response.json()
        assert read.json() | body == read.json()
        assert read.headers["ETag"] == response.headers["ETag"]

    async def test_names_are_unique_among_live_ones(
        self, api: Api, admin: User, office: Location
    ) -> None:
        body = {"name": office.name, "time_zone": "America/Denver"}
        assert_problem(await api.post("/locations", admin, json=body), 409, "location_name_taken")
        gone = await api.delete(f"/locations/{office.id}", admin, headers={"If-Match": "*"})
        assert gone.status_code == HTTPStatus.NO_CONTENT
        created = await api.post("/locations", admin, json=body)
        assert created.status_code == HTTPStatus.CREATED
        assert_problem(
            await api.post(f"/locations/{office.id}/restore", admin), 409, "location_name_taken"
        )

    @pytest.mark.parametrize("zone", ["PST8", "Mars/Base", "../etc/passwd", "", "\u0000"])
    async def test_unknown_time_zone(self, api: Api, admin: User, zone: str) -> None:
        response = await api.post("/locations", admin, json={"name": "A", "time_zone": zone})
        assert [pointer for pointer, _ in pointers(response)] == ["/time_zone"]

    async def test_is_in_a_state(self, api: Api, admin: User) -> None:
        body = {"name": "A", "time_zone": "America/Los_Angeles", "state": " us-ca "}
        made = await api.post("/locations", admin, json=body)
        assert (made.json()["country"], made.json()["state"]) == ("US", "US-CA")

    @pytest.mark.parametrize(
        ("place", "pointer", "code"),
        [
            ({"state": "US-XX"}, "/state", "unknown_state"),
            ({"state": "California"}, "/state", "string_pattern_mismatch"),
            ({"state": "CA"}, "/state", "string_pattern_mismatch"),
            ({"state": "U\u0131-CA"}, "/state", "string_pattern_mismatch"),
            ({"state": "US-" + "C" * 10_000}, "/state", "string_pattern_mismatch"),
            ({"country": "XX"}, "/country", "unknown_country"),
            ({"country": "MX", "state": "US-CA"}, "/state", "other_country"),
        ],
    )
    async def test_no_such_place(
        self, api: Api, admin: User, place: dict[str, str], pointer: str, code: str
    ) -> None:
        body = {"name": "A", "time_zone": "UTC", **place}
        assert pointers(await api.post("/locations", admin, json=body)) == [(pointer, code)]

    async def test_unknown_manager(self, api: Api, admin: User) -> None:
        body = {"name": "A", "time_zone": "UTC", "manager_ids": [str(uuid.uuid4())]}
        response = await api.post("/locations", admin, json=body)
        assert pointers(response) == [("/manager_ids", "unknown_user")]


class TestUpdateLocation:
    async def test_anonymous(self, api: Api, office: Location) -> None:
        assert_anonymous(await api.patch(f"/locations/{office.id}", json={}))

    async def test_only_admins(self, api: Api, manager: User, office: Location) -> None:
        assert_problem(await api.patch(f"/locations/{office.id}", manager), 403, "forbidden")

    async def test_needs_the_current_version(self, api: Api, admin: User, office: Location) -> None:
        path, body = f"/locations/{office.id}", {"name": "Renamed"}
        assert (await api.patch(path, admin, json=body)).status_code == 428
        current = etag(await api.get(path, admin))
        done = await api.patch(path, admin, json=body, headers=current)
        assert (done.status_code, done.json()["name"]) == (200, "Renamed")
        assert (await api.patch(path, admin, json=body, headers=current)).status_code == 412

    async def test_a_state_brings_its_country_and_leaves_it(
        self, api: Api, admin: User, office: Location
    ) -> None:
        path, everything = f"/locations/{office.id}", {"If-Match": "*"}
        for change, country, state in (
            ({"state": "US-CA"}, "US", "US-CA"),
            ({"state": "MX-JAL"}, "MX", "MX-JAL"),
            ({"name": "Elsewhere"}, "MX", "MX-JAL"),
            ({"state": None}, "MX", None),
            ({"country": "US", "state": "US-TX"}, "US", "US-TX"),
            ({"country": None}, "US", "US-TX"),
            ({"country": None, "state": None}, None, None),
        ):
            done = (await api.patch(path, admin, json=change, headers=everything)).json()
            assert (done["country"], done["state"]) == (country, state)
        await api.patch(path, admin, json={"state": "US-CA"}, headers=everything)
        refused = await api.patch(path, admin, json={"country": "MX"}, headers=everything)
        assert pointers(refused) == [("/state", "other_country")]


class TestDeleteLocation:
    async def test_anonymous(self, api: Api, office: Location) -> None:
        assert_anonymous(await api.delete(f"/locations/{office.id}"))

    async def test_only_admins(self, api: Api, manager: User, office: Location) -> None:
        response = await api.delete(f"/locations/{office.id}", manager, headers={"If-Match": "*"})
        assert_problem(response, 403, "forbidden")

    async def test_people_work_there(
        self, api: Api, admin: User, office: Location, session: AsyncSession
    ) -> None:
        await make_user(session, location_id=office.id)
        response = await api.delete(f"/locations/{office.id}", admin, headers={"If-Match": "*"})
        assert_problem(response, 409, "location_in_use")

    async def test_people_are_announced_there(
        self, api: Api, admin: User, learner: User, office: Location
    ) -> None:
        move = {"effective_on": "2100-01-01", "location_id": str(office.id)}
        transfer = f"/users/{learner.id}/transfer"
        assert (await api.post(transfer, admin, json=move)).status_code == HTTPStatus.CREATED
        everything = {"If-Match": "*"}
        response = await api.delete(f"/locations/{office.id}", admin, headers=everything)
        assert_problem(response, 409, "location_in_use")
        called_off = {**move, "location_id": None}
        assert (await api.post(transfer, admin, json=called_off)).is_success
        assert (await api.delete(f"/locations/{office.id}", admin, headers=everything)).is_success

    async def test_nobody_comes_back_to_it(
        self, api: Api, admin: User, office: Location, session: AsyncSession
    ) -> None:
        leaver = await make_user(session, location_id=office.id)
        path, everything = f"/users/{leaver.id}", {"If-Match": "*"}
        left = await api.patch(path, admin, json={"is_active": False}, headers=everything)
        assert left.status_code == HTTPStatus.OK
        assert (await api.delete(f"/locations/{office.id}", admin, headers=everything)).is_success
        unknown = [("/location_id", "unknown_location")]
        back = {"is_active": True}
        assert pointers(await api.patch(path, admin, json=back, headers=everything)) == unknown
        rehire = {"hired_on": (datetime.now(UTC).date() + timedelta(days=300)).isoformat()}
        assert pointers(await api.post(f"{path}/rehire", admin, json=rehire)) == unknown
        elsewhere = await make_location(session)
        rehire["location_id"] = str(elsewhere.id)
        assert (await api.post(f"{path}/rehire", admin, json=rehire)).is_success
        back_there = {"is_active": True, "location_id": str(elsewhere.id)}
        assert (await api.patch(path, admin, json=back_there, headers=everything)).is_success

    async def test_can_be_undone(self, api: Api, admin: User, office: Location) -> None:
        path = f"/locations/{office.id}"
        assert (await api.delete(path, admin)).status_code == 428
        deleted = await api.delete(path, admin, headers=etag(await api.get(path, admin)))
        assert (deleted.status_code, deleted.content) == (204, b"")
        assert_problem(await api.get(path, admin), 404, "location_not_found")
        assert (await api.post(f"{path}/restore", admin)).status_code == HTTPStatus.OK
        assert (await api.get(path, admin)).status_code == HTTPStatus.OK
