"""Nobody ends up at a location that is gone."""

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import EmploymentChange, Location, User
from tests.concurrency.race import ROUNDS, count, race
from tests.factories.user import make_location, make_user
from tests.support import Api, etag

pytestmark = pytest.mark.full


async def test_deleted_or_moved_into(
    committed_api: Api, session: AsyncSession, admin: User
) -> None:
    people = [await make_user(session) for _ in range(6)]
    refused = 0
    for turn in range(ROUNDS):
        office = await make_location(session)
        path = f"/locations/{office.id}"
        headers = etag(await committed_api.get(path, admin))
        read = [etag(await committed_api.get(f"/users/{user.id}", admin)) for user in people]
        move = {"location_id": str(office.id)}
        announced = {**move, "effective_on": f"{2100 + turn}-01-01"}
        moves = [
            *(
                committed_api.patch(f"/users/{user.id}", admin, json=move, headers=seen)
                for user, seen in zip(people[:3], read[:3], strict=True)
            ),
            *(
                committed_api.post(f"/users/{user.id}/transfer", admin, json=announced)
                for user in people[3:]
            ),
        ]
        # The deletion is sent first or last in turn, so that either side may win.
        place = len(moves) * (turn % 2)
        moves.insert(place, committed_api.delete(path, admin, headers=headers))
        answers = await race(moves)
        deleted = answers.pop(place)
        assert deleted.status_code in {204, 409}, deleted.text
        if deleted.status_code == 204:
            assert {moved.status_code for moved in answers} == {422}
            refused += 1
            assert await count(session, User, User.location_id == office.id) == 0
            here = EmploymentChange.location_id == office.id
            assert await count(session, EmploymentChange, here) == 0
        else:
            assert {moved.status_code for moved in answers} == {200, 201}
            assert await count(session, Location, Location.id == office.id) == 1
    assert 0 < refused < ROUNDS, "one side always won: that is no race"
