from http import HTTPStatus
from itertools import product
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.models import User
from app.repositories.study.study import StudyRepository
from tests.concurrency.race import ROUNDS, race
from tests.factories.module import make_module, publish, text_section
from tests.factories.user import make_user
from tests.support import Api

pytestmark = pytest.mark.full


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """For each statement, how many requests shared it."""
    sizes: list[int] = []
    contents = StudyRepository.contents

    async def counted(self: StudyRepository, asked: Any) -> Any:
        sizes.append(len(asked))
        return await contents(self, asked)

    monkeypatch.setattr(StudyRepository, "contents", counted)
    return sizes


async def test_everybody_gets_their_own_and_nothing_else(
    batches: list[int],
    committed_api: Api,
    committed_database: Database,
    session: AsyncSession,
) -> None:
    people = [await make_user(session) for _ in range(6)]
    own = {person.id: await content_of(committed_api, session, committed_database, person)
           for person in people}  # fmt: skip
    asked = list(product(people, people))
    for _ in range(ROUNDS):
        answers = await race(committed_api.get(own[owner.id][0], reader) for reader, owner in asked)
        for (reader, owner), answer in zip(asked, answers, strict=True):
            if reader is owner:
                assert answer.content == own[owner.id][1]
            else:
                assert answer.status_code == HTTPStatus.NOT_FOUND
    assert max(batches) > len(people)


async def content_of(
    api: Api, session: AsyncSession, database: Database, person: User
) -> tuple[str, bytes]:
    """Enroll somebody in a module of their own; return its address and content."""
    module = await make_module(session, text_section(), title=f"For {person.id}")
    await publish(database, module)
    enrolled = await api.post("/enrollments", person, json={"module_id": str(module.id)})
    path = f"/enrollments/{enrolled.json()['id']}/content"
    answer = await api.get(path, person)
    assert str(person.id) in answer.text
    return path, answer.content
