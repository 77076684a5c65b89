"""What is announced of people is read before its day by admins and compliance officers alone."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import pytest
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
