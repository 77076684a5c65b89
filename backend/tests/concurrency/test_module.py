import uuid

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.models import Enrollment, ModulePrerequisite, ModuleVersion, TrainingModule, User
from tests.concurrency.race import ROUNDS, audited, count, race, statuses
from tests.factories.module import make_module, publish
from tests.factories.user import make_user
from tests.support import Api, etag

pytestmark = pytest.mark.full


async def test_publishing_the_same_draft_makes_one_version(
    committed_api: Api, session: AsyncSession, author: User
) -> None:
    for number in range(1, ROUNDS + 1):
        module = await make_module(session)
        answers = await race(
            committed_api.post(f"/modules/{module.id}/publish", author) for _ in range(10)
        )
        assert statuses(answers) == {201: 1, 409: 9}
        assert await audited(session, "module:published") == number


async def test_versions_are_numbered_without_gap(
    committed_api: Api, session: AsyncSession, author: User
) -> None:
    module = await make_module(session)
    path = f"/modules/{module.id}"

    async def edit_and_publish(title: str) -> httpx.Response:
        edit = await committed_api.patch(
            path, author, headers={"If-Match": "*"}, json={"title": title}
        )
        assert edit.is_success
        return await committed_api.post(f"{path}/publish", author)

    published = 0
    for turn in range(ROUNDS):
        answers = await race(edit_and_publish(f"{turn} {editor}") for editor in range(10))
        assert set(statuses(answers)) <= {201, 409}
        published += statuses(answers)[201]
    numbers = await session.scalars(
        select(ModuleVersion.number).where(ModuleVersion.module_id == module.id)
    )
    assert sorted(numbers) == list(range(1, published + 1))
    assert published >= ROUNDS
    card = (await committed_api.get(path, author)).json()
    assert card["current_version"] == published


async def test_enrolling_goes_on_while_authors_publish(
    committed_api: Api, committed_database: Database, session: AsyncSession, author: User
) -> None:
    module = await make_module(session)
    await publish(committed_database, module)
    people = [await make_user(session) for _ in range(ROUNDS)]
    path = f"/modules/{module.id}"
    for turn, person in enumerate(people):
        await committed_api.patch(
            path, author, headers={"If-Match": "*"}, json={"title": f"Title {turn}"}
        )
        answers = await race(
            [
                committed_api.post(f"{path}/publish", author),
                committed_api.post("/enrollments", person, json={"module_id": str(module.id)}),
            ]
        )
        assert statuses(answers) == {201: 2}
        assert answers[1].json()["version"] in {turn + 1, turn + 2}
    assert await count(session, Enrollment) == len(people)


async def test_modules_of_one_title_get_slugs_of_their_own(
    committed_api: Api, author: User
) -> None:
    for turn in range(ROUNDS):
        answers = await race(
            committed_api.post("/modules", author, json={"title": f"Title {turn}"})
            for _ in range(10)
        )
        assert statuses(answers) == {201: 10}
        assert len({answer.json()["slug"] for answer in answers}) == 10


@pytest.mark.parametrize("length", [2, 3, 8])
async def test_prerequisites_never_close_a_cycle(
    committed_api: Api, session: AsyncSession, author: User, length: int
) -> None:
    """Each of a ring of modules is made to require the next one, all at once."""
    for _ in range(ROUNDS):
        ring = [await make_module(session) for _ in range(length)]
        answers = await race(
            require(committed_api, author, module, ring[(place + 1) % length])
            for place, module in enumerate(ring)
        )
        assert statuses(answers) == {200: length - 1, 422: 1}
        refused = next(answer.json() for answer in answers if answer.is_error)
        assert refused["errors"][0]["code"] == "prerequisite_cycle"
    assert not has_cycle(await prerequisites(session))


async def require(
    api: Api, author: User, module: TrainingModule, other: TrainingModule
) -> httpx.Response:
    path = f"/modules/{module.id}"
    read = etag(await api.get(path, author))
    return await api.patch(path, author, headers=read, json={"prerequisite_ids": [str(other.id)]})


async def prerequisites(session: AsyncSession) -> dict[uuid.UUID, set[uuid.UUID]]:
    graph: dict[uuid.UUID, set[uuid.UUID]] = {}
    rows = await session.execute(
        select(ModulePrerequisite.module_id, ModulePrerequisite.requires_id)
    )
    for module_id, requires_id in rows:
        graph.setdefault(module_id, set()).add(requires_id)
    return graph


def has_cycle(graph: dict[uuid.UUID, set[uuid.UUID]]) -> bool:
    """Take away modules that require nothing until none is left, or only cycles are."""
    while graph:
        free = {required for row in graph.values() for required in row} - graph.keys()
        remaining = {module: row - free for module, row in graph.items()}
        remaining = {module: row for module, row in remaining.items() if row}
        if remaining == graph:
            return True
        graph = remaining
    return False
