import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Department, Location, User
from tests.concurrency.race import ROUNDS, count, race, statuses
from tests.factories.user import make_user
from tests.support import Api, etag

pytestmark = pytest.mark.full

SPELLINGS = ("Front Desk", "front desk", "FRONT DESK", "Front desk", "front Desk")


async def test_a_new_department_of_many_people_is_one(
    committed_api: Api, session: AsyncSession, admin: User
) -> None:
    people = [await make_user(session) for _ in range(20)]
    for turn in range(1, ROUNDS + 1):
        read = [etag(await committed_api.get(f"/users/{person.id}", admin)) for person in people]
        answers = await race(
            committed_api.patch(
                f"/users/{person.id}",
                admin,
                headers=read[place],
                json={"department": f"{SPELLINGS[place % len(SPELLINGS)]} {turn}"},
            )
            for place, person in enumerate(people)
        )
        assert statuses(answers) == {200: len(people)}
        assert len({answer.json()["department"] for answer in answers}) == 1
        assert await count(session, Department) == turn


async def test_a_location_name_is_taken_once(
    committed_api: Api, session: AsyncSession, admin: User
) -> None:
    for turn in range(1, ROUNDS + 1):
        answers = await race(
            committed_api.post(
                "/locations",
                admin,
                json={"name": f"Office {turn}", "time_zone": "America/New_York"},
            )
            for _ in range(10)
        )
        assert statuses(answers) == {201: 1, 409: 9}
        assert await count(session, Location) == turn
