"""Lost updates: of the editors who have all read the same revision, exactly one wins.

Six resources, 20 rounds, 10 editors: 1,200 racing edits, and as many again over a module's parts.
"""

from collections.abc import Iterable

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import TrainingModule, User
from tests.concurrency.race import ROUNDS, audited, race, statuses
from tests.factories.module import make_module, quiz_section, text_section
from tests.factories.user import make_location
from tests.support import Api, etag

pytestmark = pytest.mark.full

EDITORS = 10
ONE_WINS = {200: 1, 412: EDITORS - 1}


def winner(answers: Iterable[httpx.Response]) -> httpx.Response:
    return next(answer for answer in answers if answer.is_success)


async def compete(
    api: Api, user: User, path: str, field: str, known: dict[str, str]
) -> dict[str, str]:
    """Let all editors send their text with the ETag of the last winner; return the final ETag."""
    for turn in range(ROUNDS):
        texts = [f"{turn} {editor}" for editor in range(EDITORS)]
        answers = await race(
            api.patch(path, user, headers=known, json={field: text}) for text in texts
        )
        assert statuses(answers) == ONE_WINS
        won = winner(answers)
        assert won.json()[field] == texts[answers.index(won)]
        assert etag(won) != known
        known = etag(won)
    assert (await api.patch(path, user, json={field: "blind"})).status_code == 428
    return known


async def compete_by_reading(api: Api, user: User, path: str, field: str) -> None:
    final = await compete(api, user, path, field, etag(await api.get(path, user)))
    stored = await api.get(path, user)
    assert etag(stored) == final
    assert stored.json()[field].startswith(f"{ROUNDS - 1} ")


@pytest.fixture
async def module(session: AsyncSession) -> TrainingModule:
    return await make_module(session, text_section(), quiz_section())


async def test_module(
    committed_api: Api, session: AsyncSession, author: User, module: TrainingModule
) -> None:
    await compete_by_reading(committed_api, author, f"/modules/{module.id}", "title")
    assert await audited(session, "module:updated") == ROUNDS


async def test_section(
    committed_api: Api, session: AsyncSession, author: User, module: TrainingModule
) -> None:
    section = module.sections[0]
    path = f"/modules/{module.id}/sections/{section.id}"
    await compete(committed_api, author, path, "title", {"If-Match": section.etag})
    assert await audited(session, "section:updated") == ROUNDS


async def test_question(
    committed_api: Api, session: AsyncSession, author: User, module: TrainingModule
) -> None:
    section = module.sections[1]
    question = section.questions[0]
    path = f"/modules/{module.id}/sections/{section.id}/questions/{question.id}"
    await compete(committed_api, author, path, "prompt", {"If-Match": question.etag})
    assert await audited(session, "question:updated") == ROUNDS


async def test_location(committed_api: Api, session: AsyncSession, admin: User) -> None:
    location = await make_location(session)
    await compete_by_reading(committed_api, admin, f"/locations/{location.id}", "name")
    assert await audited(session, "location:updated") == ROUNDS


async def test_person(
    committed_api: Api, session: AsyncSession, admin: User, learner: User
) -> None:
    await compete_by_reading(committed_api, admin, f"/users/{learner.id}", "full_name")
    assert await audited(session, "user:updated") == ROUNDS


async def test_own_profile(committed_api: Api, session: AsyncSession, learner: User) -> None:
    await compete_by_reading(committed_api, learner, "/users/me", "full_name")
    assert await audited(session, "user:updated") == ROUNDS


async def test_one_edit_of_a_module_or_of_any_of_its_parts_wins(
    committed_api: Api, author: User, module: TrainingModule
) -> None:
    path = f"/modules/{module.id}"
    ids = [str(section.id) for section in module.sections]
    for turn in range(ROUNDS):
        known = await committed_api.get(path, author)
        read, order = (
            etag(known),
            {"section_ids": [each["id"] for each in known.json()["sections"]][::-1]},
        )
        answers = await race(
            [
                committed_api.patch(path, author, headers=read, json={"title": f"Title {turn}"}),
                committed_api.put(f"{path}/sections/order", author, headers=read, json=order),
            ]
            + [
                committed_api.patch(
                    f"{path}/sections/{ids[editor % 2]}",
                    author,
                    headers=read,
                    json={"title": f"Section {turn} {editor}"},
                )
                for editor in range(EDITORS - 2)
            ]
        )
        assert statuses(answers) == ONE_WINS


async def test_editors_who_read_again_lose_nothing(
    committed_api: Api, author: User, module: TrainingModule
) -> None:
    path = f"/modules/{module.id}"

    async def add_tag(tag: str) -> httpx.Response:
        while True:
            read = await committed_api.get(path, author)
            tags = {"tags": [*read.json()["tags"], tag]}
            answer = await committed_api.patch(path, author, headers=etag(read), json=tags)
            if answer.status_code != httpx.codes.PRECONDITION_FAILED:
                return answer

    tags = {f"tag {editor}" for editor in range(EDITORS * 2)}
    assert statuses(await race(add_tag(tag) for tag in sorted(tags))) == {200: len(tags)}
    assert set((await committed_api.get(path, author)).json()["tags"]) == tags
