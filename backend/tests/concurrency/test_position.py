import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.models import Position, User
from tests.concurrency.race import ROUNDS, race, statuses
from tests.concurrency.test_reconcile_races import COUNTED, COUNTED_ANEW, OVERLAPPING, begin
from tests.factories.user import make_location, make_user
from tests.support import Api

pytestmark = pytest.mark.full

CORRECTIONS = 6
ANY = {"If-Match": "*"}


async def test_corrections_moves_and_rules_at_once_leave_one_history(
    committed_api: Api, committed_database: Database, session: AsyncSession, admin: User
) -> None:
    offices = [await make_location(session) for _ in range(3)]
    person = await make_user(session, location_id=offices[0].id)
    # From the start not for the admin, who could not free themselves.
    turn = await begin(
        committed_api, committed_database, audience={"location_ids": [str(offices[2].id)]}
    )
    path = f"/users/{person.id}/positions"
    for number in range(ROUNDS):
        body = {"location_id": str(offices[1].id), "starts_on": "2026-11-02"}
        made = await committed_api.post(path, admin, json=body)
        position, etag = made.json()["id"], {"If-Match": made.headers["ETag"]}
        here = offices[number % 2]
        meant = [str(office.id) for office in offices[1 + number % 2 :]]
        moved, edited, *corrected = await race(
            [
                committed_api.patch(
                    f"/users/{person.id}", admin, json={"location_id": str(here.id)}, headers=ANY
                ),
                turn.edits_the_rule(admin, audience={"location_ids": meant}),
                *(
                    committed_api.patch(
                        f"{path}/{position}",
                        admin,
                        json={"location_id": str(offices[2].id), "starts_on": f"2026-11-{day:02}"},
                        headers=etag,
                    )
                    for day in range(3, 3 + CORRECTIONS)
                ),
            ]
        )
        assert moved.is_success
        assert edited.is_success
        assert statuses(corrected) == {200: 1, 412: CORRECTIONS - 1}
        said = await session.scalars(
            select(Position.number).where(Position.position_id == position)
        )
        assert sorted(said) == [1, 2]
        assert (await turn.reconciles()).changed == 0
        assert await session.scalar(text(OVERLAPPING)) == 0
        counted = await session.execute(text(COUNTED))
        anew = await session.execute(text(COUNTED_ANEW))
        assert {tuple(row) for row in counted} == {tuple(row) for row in anew}
        await session.commit()
        lines = await committed_api.get(f"/users/{person.id}/compliance", admin)
        (line,) = lines.json()["items"]
        assert line["status"] != "not_required"
