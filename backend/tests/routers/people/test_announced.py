"""What is announced of people is read before its day by admins and compliance officers alone."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

import pytest
from httpx import Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.actor import Role
from app.models import User
from tests.factories.module import make_module, publish
from tests.factories.requirement import make_requirement
from tests.factories.user import make_location, make_user
from tests.routers.problems import assert_problem
from tests.support import Api, RollbackDatabase

LATER = (datetime.now(UTC).date() + timedelta(days=40)).isoformat()
AFTER = (datetime.now(UTC).date() + timedelta(days=41)).isoformat()


@pytest.fixture
async def manager(session: AsyncSession) -> User:
    office = await make_location(session)
    return await make_user(session, role=Role.MANAGER, location_id=office.id)


@pytest.fixture
async def colleague(session: AsyncSession, manager: User) -> User:
    return await make_user(session, location_id=manager.location_id)


@pytest.fixture(params=["manager", "colleague"])
async def leaver(
    request: pytest.FixtureRequest, api: Api, admin: User, manager: User, colleague: User
) -> User:
    person = {"manager": manager, "colleague": colleague}[request.param]
    path = f"/users/{person.id}/terminate"
    assert (await api.post(path, admin, json={"effective_on": LATER})).is_success
    return person


async def states(api: Api, reader: User, person: User) -> set[str]:
    answer = await api.get(f"/users/{person.id}/employment", reader)
    return {item["state"] for item in answer.json()["items"]}


async def test_managers_do_not_read_it(
    api: Api, admin: User, manager: User, leaver: User, session: AsyncSession
) -> None:
    officer = await make_user(session, role=Role.COMPLIANCE_OFFICER)
    assert await states(api, manager, leaver) == {"active"}
    for reader in (admin, officer):
        assert await states(api, reader, leaver) == {"active", "terminated"}


async def test_what_one_announced_oneself_is_shown(
    api: Api, manager: User, colleague: User
) -> None:
    body = {"starts_on": LATER}
    assert (await api.post(f"/users/{colleague.id}/leave", manager, json=body)).is_success
    assert await states(api, manager, colleague) == {"active", "leave"}


@pytest.fixture
async def required(session: AsyncSession, database: RollbackDatabase) -> None:
    module = await make_module(session)
    await publish(database, module)
    await make_requirement(database, module.id)


@pytest.mark.usefixtures("required")
async def test_a_page_of_a_day_to_come_does_not_tell(
    api: Api, admin: User, manager: User, leaver: User
) -> None:
    path = f"/users/{leaver.id}/compliance?as_of={AFTER}"
    for reader, lines in ((manager, 1), (leaver, 1), (admin, 0)):
        assert len((await api.get(path, reader)).json()["items"]) == lines


@pytest.mark.parametrize("form", ["", "/people", "/forecast", ".csv", ".json", ".xlsx"])
async def test_nor_do_reports(api: Api, admin: User, manager: User, form: str) -> None:
    report = f"/reports/compliance{form}?as_of={AFTER}"
    assert_problem(await api.get(report, manager), HTTPStatus.FORBIDDEN, "days_to_come")
    assert (await api.get(report, admin)).is_success


def day(days: int) -> str:
    return (datetime.now(UTC).date() + timedelta(days=days)).isoformat()


class TestLeave:
    """A manager records it as if nothing that they may not know were announced."""

    @pytest.fixture(params=["terminate", "transfer", "terminate and rehire", "leave"])
    async def announced(
        self, request: pytest.FixtureRequest, api: Api, admin: User, colleague: User
    ) -> str:
        what: str = request.param
        bodies = {
            "terminate": {"effective_on": day(20)},
            "rehire": {"hired_on": day(25), "role": "author"},
            "transfer": {"effective_on": day(20), "role": "author", "note": "Confidential"},
            "leave": {"starts_on": day(20), "returns_on": day(350), "note": "Confidential"},
        }
        for each in what.split(" and "):
            path = f"/users/{colleague.id}/{each}"
            assert (await api.post(path, admin, json=bodies[each])).is_success
        return what

    @pytest.fixture
    async def staying(self, session: AsyncSession, manager: User) -> User:
        return await make_user(session, location_id=manager.location_id)

    @pytest.mark.full
    @pytest.mark.usefixtures("announced", "required")
    async def test_tells_nothing(
        self, api: Api, manager: User, colleague: User, staying: User
    ) -> None:
        """Every answer is the same as for somebody of whom nothing is announced."""
        for series in (
            [("leave", {"starts_on": day(300)}), ("return", {"effective_on": day(310)})],
            [("leave", {"starts_on": day(280), "returns_on": day(320)})],
            [("leave", {"starts_on": day(5), "returns_on": day(270)})],
            [("return", {"effective_on": day(15)}), ("leave", {"starts_on": day(20)})],
            [("leave", {"starts_on": day(10)}), ("return", {"effective_on": day(30)})],
        ):
            for what, body in series:
                answers = [
                    _plain(await api.post(f"/users/{person.id}/{what}", manager, json=body))
                    for person in (colleague, staying)
                ]
                assert answers[0] == answers[1], (what, body)
            lists = [
                [_plain_item(item) for item in (await _history(api, manager, person))]
                for person in (colleague, staying)
            ]
            assert lists[0] == lists[1]

    @pytest.mark.usefixtures("required")
    async def test_shows_on_a_page_of_a_day_to_come_all_the_same(
        self, api: Api, admin: User, manager: User, colleague: User, staying: User
    ) -> None:
        body = {"starts_on": day(300), "returns_on": day(320)}
        series = {"terminate": {"effective_on": day(20)}, "rehire": {"hired_on": day(25)}}
        for what, announced in series.items():
            path = f"/users/{colleague.id}/{what}"
            assert (await api.post(path, admin, json=announced)).is_success
            lines = {}
            for person in (colleague, staying):
                await api.post(f"/users/{person.id}/leave", manager, json=body)
                lines[person.id] = [
                    (item["status"], item["due_on"])
                    for days in (10, 22, 100, 301, 330)
                    for item in (
                        await api.get(f"/users/{person.id}/compliance?as_of={day(days)}", manager)
                    ).json()["items"]
                ]
            assert lines[colleague.id] == lines[staying.id]
            assert len(lines[colleague.id]) == len((10, 22, 100, 301, 330))

    async def test_and_the_end_wins_on_its_day(
        self, api: Api, admin: User, manager: User, colleague: User
    ) -> None:
        ended = await api.post(
            f"/users/{colleague.id}/terminate", admin, json={"effective_on": day(20)}
        )
        body = {"starts_on": day(300), "returns_on": day(320)}
        assert (await api.post(f"/users/{colleague.id}/leave", manager, json=body)).is_success
        assert await holding(api, admin, colleague) == {
            day(20): "terminated",
            day(300): "terminated",
            day(320): "terminated",
        }
        void = f"/users/{colleague.id}/employment/{ended.json()['id']}/void"
        assert (await api.post(void, admin, json={"reason": "A mistake"})).is_success
        assert await holding(api, admin, colleague) == {
            day(20): "active",
            day(300): "leave",
            day(320): "active",
        }

    async def test_what_is_announced_within_it_stays_whose_it_was(
        self, api: Api, admin: User, manager: User, colleague: User
    ) -> None:
        """And holds: it is what others read who may."""
        move = {"effective_on": day(20), "role": "author", "note": "Confidential"}
        await api.post(f"/users/{colleague.id}/transfer", admin, json=move)
        body = {"starts_on": day(5), "returns_on": day(40)}
        assert (await api.post(f"/users/{colleague.id}/leave", manager, json=body)).is_success
        rows = {row["effective_on"]: row for row in reversed(await _history(api, admin, colleague))}
        moved, back = rows[day(20)], rows[day(40)]
        assert (moved["state"], moved["recorded_by_id"]) == ("leave", str(admin.id))
        assert moved["note"] == "Confidential"
        assert (back["state"], back["role"]) == ("active", "author")
        assert {row["role"] for row in await _history(api, manager, colleague)} == {"learner"}


async def _history(api: Api, reader: User, person: User) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await api.get(f"/users/{person.id}/employment", reader)).json()[
        "items"
    ]
    return items


async def holding(api: Api, reader: User, person: User) -> dict[str, str]:
    """Return the state that holds from each day to come: of two for one day the later."""
    rows = reversed(await _history(api, reader, person))
    return {row["effective_on"]: row["state"] for row in rows if row["effective_on"] > day(0)}


def _plain(answer: Response) -> tuple[int, dict[str, Any]]:
    return answer.status_code, _plain_item(answer.json())


def _plain_item(item: dict[str, Any]) -> dict[str, Any]:
    own = {"id", "user_id", "created_at", "instance", "request_id", "trace_id"}
    return {name: value for name, value in item.items() if name not in own}
