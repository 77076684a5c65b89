"""The matrix is what a count of people gives, after every step of a random history."""

import random
import uuid
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import User
from tests.factories.module import make_module, publish, text_section
from tests.factories.requirement import make_requirement, rule_json
from tests.factories.user import make_location, make_user
from tests.support import Api, RollbackDatabase, etag

STEPS = 15
HIRED = date(2026, 1, 5)
Counts = Counter[tuple[str, str]]
"""People by requirement and status."""


def day_in(days: int) -> str:
    return (datetime.now(UTC).date() + timedelta(days=days)).isoformat()


class World:
    """What may happen: each step is one request, which the person's situation may refuse."""

    def __init__(self, api: Api, admin: User, people: list[User], dice: random.Random) -> None:
        self.api = api
        self.admin = admin
        self.people = people
        self.dice = dice
        self.offices: list[str] = []
        self.modules: list[str] = []
        self.requirements: list[str] = []
        self.done: Counter[str] = Counter()

    async def step(self) -> None:
        steps = (self.incident, self.training, self.leave, self.transfer, self.exempt, self.edit)
        await self.dice.choice(steps)(self.dice.choice(self.people))

    async def post(self, path: str, **body: Any) -> dict[str, Any]:
        response = await self.api.post(path, self.admin, json=body)
        assert response.status_code < 500, response.text
        self.done[path.rsplit("/", 1)[-1]] += response.is_success
        return dict(response.json()) if response.is_success else {}

    async def incident(self, user: User) -> None:
        made = await self.post(
            "/incidents",
            kind="near_miss",
            day=day_in(-self.dice.choice([0, 10, 60])),
            requirement_id=self.dice.choice(self.requirements),
            user_ids=[str(user.id)],
            retrain_by=day_in(self.dice.choice([3, 30])),
            description="A needlestick.",
        )
        if made and self.dice.random() < 0.3:
            await self.post(f"/incidents/{made['id']}/withdraw", reason="Another glove.")

    async def training(self, user: User) -> None:
        body = {
            "provider": "Safety Institute",
            "title": "Elsewhere",
            "completed_on": day_in(-self.dice.choice([0, 5, 30, 200])),
            "hours": 1,
            "module_id": self.dice.choice(self.modules),
        }
        entered = await self.api.post("/external-trainings", user, json=body)
        if entered.is_success:
            await self.post(f"/external-trainings/{entered.json()['id']}/verify", reason="Seen.")

    async def leave(self, user: User) -> None:
        kind = self.dice.choice(["leave", "return", "terminate"])
        await self.post(f"/users/{user.id}/{kind}", effective_on=day_in(-self.dice.choice([0, 3])))

    async def transfer(self, user: User) -> None:
        to = {"location_id": self.dice.choice(self.offices)}
        day = day_in(-self.dice.choice([0, 20]))
        await self.post(f"/users/{user.id}/transfer", effective_on=day, **to)

    async def exempt(self, user: User) -> None:
        await self.post(
            "/exemptions",
            user_id=str(user.id),
            requirement_id=self.dice.choice(self.requirements),
            kind="waiver",
            reason="Allergy.",
            starts_on=day_in(0),
            ends_on=day_in(self.dice.choice([1, 40])),
        )

    async def edit(self, _: User) -> None:
        place = self.dice.randrange(len(self.requirements))
        path = f"/requirements/{self.requirements[place]}"
        office = self.dice.choice([None, *self.offices])
        rule = rule_json(
            uuid.UUID(self.modules[place]),
            audience={"location_ids": [office]} if office else {"everyone": True},
            first_due={"kind": "days_after", "event": "hire", "days": self.dice.choice([0, 400])},
        )
        read = await self.api.get(path, self.admin)
        body = {"rule": rule, "confirm": True}
        edited = await self.api.patch(path, self.admin, json=body, headers=etag(read))
        if edited.status_code == HTTPStatus.FORBIDDEN:
            return  # it would have freed the admin, of whom the same is asked
        assert edited.is_success, edited.text
        self.done["edit"] += 1

    async def matrix(self, day: str) -> Counts:
        query = {"group_by": "location", "as_of": day}
        matrix = (await self.api.get("/reports/compliance", self.admin, params=query)).json()
        assert matrix["reconciling"] == []
        counted: Counts = Counter()
        for group in matrix["groups"]:
            for each in group["requirements"]:
                for status, number in each["counts"].items():
                    counted[each["id"], status] += number
        return asked(counted)

    async def asked_one_by_one(self, day: str) -> Counts:
        """Have the engine work out each person alone, from what is recorded."""
        counted: Counts = Counter()
        for user in [*self.people, self.admin]:
            path = f"/users/{user.id}/compliance"
            page = (await self.api.get(path, self.admin, params={"as_of": day})).json()
            counted.update((each["requirement"]["id"], each["status"]) for each in page["items"])
        return asked(counted)


def asked(counted: Counts) -> Counts:
    """Leave out of whom nothing is asked: the matrix counts those who are employed alone."""
    return Counter(
        {key: number for key, number in counted.items() if number and key[1] != "not_required"}
    )


@pytest.fixture
async def world(
    request: pytest.FixtureRequest,
    api: Api,
    session: AsyncSession,
    database: RollbackDatabase,
    admin: User,
) -> World:
    offices = [await make_location(session) for _ in range(2)]
    people = [
        await make_user(session, hired_on=HIRED, location_id=offices[number % 2].id)
        for number in range(4)
    ]
    made = World(api, admin, people, random.Random(request.param))  # noqa: S311  # a test's dice
    made.offices = [str(office.id) for office in offices]
    for _ in range(2):
        module = await make_module(session, text_section())
        await publish(database, module)
        made.modules.append(str(module.id))
        made.requirements.append(str((await make_requirement(database, module.id)).id))
    return made


@pytest.mark.full
@pytest.mark.parametrize("world", range(3), indirect=True)
async def test_at_every_step_of_a_random_history(world: World) -> None:
    for _ in range(STEPS):
        await world.step()
        for day in (day_in(0), day_in(35)):
            assert await world.matrix(day) == await world.asked_one_by_one(day), world.done
    assert sum(world.done.values()) > STEPS / 2
