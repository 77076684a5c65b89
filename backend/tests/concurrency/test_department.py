import asyncio
from http import HTTPStatus

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.concurrency import Precondition
from app.core.database import Database
from app.domain.actor import Actor
from app.models import Department, JobTitleSpelling, Location, User
from app.schemas.people.user import UserUpdate
from app.services.context import RequestContext
from app.services.people.user import UserService
from tests.concurrency.race import ROUNDS, audited, count, race, statuses
from tests.factories.user import make_user
from tests.fakes.auth_admin import InMemoryAuthAdmin
from tests.support import Api

pytestmark = pytest.mark.full

SPELLINGS = ("Front Desk", "front desk", "FRONT DESK", "Front\u200d desk", "\uff26ront Desk")
PEOPLE = 20
ANY = {"If-Match": "*"}


async def test_a_word_is_listed_once(
    committed_api: Api, session: AsyncSession, admin: User
) -> None:
    for turn in range(1, ROUNDS + 1):
        answers = await race(
            committed_api.post(
                "/departments",
                admin,
                json={"name": f"{SPELLINGS[place % len(SPELLINGS)]} {turn}"},
            )
            for place in range(PEOPLE)
        )
        assert statuses(answers) == {201: 1, 409: PEOPLE - 1}
        assert await count(session, Department) == turn
        assert await audited(session, "department:created") == turn


async def test_a_new_department_of_many_people_is_one(
    committed_database: Database, session: AsyncSession, admin: User
) -> None:
    """Where the setting says that unknown words are added."""
    people = [await make_user(session) for _ in range(PEOPLE)]
    context = RequestContext(Actor(admin.id, admin.role))
    service = UserService(committed_database, context, InMemoryAuthAdmin(), adds_words=True)
    for turn in range(1, ROUNDS + 1):
        answers = await asyncio.gather(
            *(
                service.update(
                    person.id,
                    UserUpdate(department=f"{SPELLINGS[place % len(SPELLINGS)]} {turn}"),
                    Precondition.parse("*"),
                )
                for place, person in enumerate(people)
            )
        )
        assert len({answer.value.department for answer in answers}) == 1
        assert await count(session, Department) == turn


async def test_an_alias_and_a_name_do_not_both_get_a_word(
    committed_api: Api, session: AsyncSession, admin: User
) -> None:
    made = await committed_api.post("/job-titles", admin, json={"name": "Hygienist"})
    path, aliases = f"/job-titles/{made.json()['id']}", list[str]()
    for turn in range(1, ROUNDS + 1):
        word = f"Assistant {turn}"
        answers = await race(
            [
                committed_api.post("/job-titles", admin, json={"name": word}),
                committed_api.patch(
                    path,
                    admin,
                    json={"aliases": [*aliases, word.upper()]},
                    headers={"If-Match": "*"},
                ),
            ]
        )
        assert sorted(answer.is_success for answer in answers) == [False, True]
        assert sorted(answer.status_code for answer in answers)[1] == HTTPStatus.CONFLICT
        aliases += [word.upper()] * answers[1].is_success
        assert await count(session, JobTitleSpelling) == turn + 1


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


async def test_people_have_a_word_by_the_name_that_it_is_given_meanwhile(
    committed_api: Api, session: AsyncSession, admin: User
) -> None:
    """Those of a request that had found the old name kept it, as long as they had it as text."""
    people = [await make_user(session) for _ in range(5)]
    for turn in range(ROUNDS):
        fields = {"department": f"Care {turn}", "job_title": f"Nurse {turn}"}
        renamed = []
        for words, name in zip(("departments", "job-titles"), fields.values(), strict=True):
            made = (await committed_api.post(f"/{words}", admin, json={"name": name})).json()
            renamed.append((f"/{words}/{made['id']}", {"name": f"New {name}"}))
        invited = {"email": f"new{turn}@unified.example", **fields}
        answers = await race(
            [
                committed_api.post("/users/invite", admin, json=invited),
                *(
                    committed_api.patch(f"/users/{person.id}", admin, json=fields, headers=ANY)
                    for person in people
                ),
                *(
                    committed_api.patch(path, admin, json=name, headers=ANY)
                    for path, name in renamed
                ),
            ]
        )
        assert all(answer.is_success for answer in answers), [each.text for each in answers]
        query = {"department": fields["department"], "limit": 100}
        items = (await committed_api.get("/users", admin, params=query)).json()["items"]
        assert len(items) == len(people) + 1
        assert {(item["department"], item["job_title"]) for item in items} == {
            (f"New {fields['department']}", f"New {fields['job_title']}")
        }


async def test_people_who_are_given_a_word_have_the_one_that_it_is_merged_into(
    committed_api: Api, session: AsyncSession, admin: User
) -> None:
    people = [await make_user(session) for _ in range(5)]
    for turn in range(ROUNDS):
        fields = {"department": f"Care {turn}", "job_title": f"Nurse {turn}"}
        merges = []
        for words, name in zip(("departments", "job-titles"), fields.values(), strict=True):
            wrong, right = [
                (await committed_api.post(f"/{words}", admin, json={"name": each})).json()["id"]
                for each in (name, f"New {name}")
            ]
            merges.append((f"/{words}/{wrong}/merge", {"into_id": right}))
        invited = {"email": f"new{turn}@unified.example", **fields}
        answers = await race(
            [
                committed_api.post("/users/invite", admin, json=invited),
                *(
                    committed_api.patch(f"/users/{person.id}", admin, json=fields, headers=ANY)
                    for person in people
                ),
                *(committed_api.post(path, admin, json=into) for path, into in merges),
            ]
        )
        assert all(answer.is_success for answer in answers), [each.text for each in answers]
        query = {"department": fields["department"], "limit": 100}
        items = (await committed_api.get("/users", admin, params=query)).json()["items"]
        assert len(items) == len(people) + 1
        assert {(item["department"], item["job_title"]) for item in items} == {
            (f"New {fields['department']}", f"New {fields['job_title']}")
        }
