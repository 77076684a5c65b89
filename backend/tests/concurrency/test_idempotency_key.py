import uuid

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.models import Enrollment, TrainingModule, User
from tests.concurrency.race import ROUNDS, audited, count, race, statuses
from tests.factories.module import make_module, publish
from tests.support import Api

pytestmark = pytest.mark.full


def key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid.uuid4())}


async def test_retries_in_parallel_have_one_effect_and_one_answer(
    committed_api: Api, session: AsyncSession, author: User
) -> None:
    for number in range(1, ROUNDS + 1):
        headers, payload = key(), {"title": "Sharps"}
        answers = await race(
            committed_api.post("/modules", author, headers=headers, json=payload) for _ in range(50)
        )
        assert statuses(answers) == {201: 50}
        assert len({answer.content for answer in answers}) == 1
        assert len({(answer.headers["ETag"], answer.headers["Location"]) for answer in answers}) < 2
        replayed = [answer.headers.get("Idempotency-Replayed") for answer in answers]
        assert replayed.count("true") == 49
        assert await count(session, TrainingModule) == number
        assert await audited(session, "module:created") == number


async def test_retries_with_another_body_are_refused(
    committed_api: Api, session: AsyncSession, author: User
) -> None:
    for number in range(1, ROUNDS + 1):
        headers = key()
        answers = await race(
            committed_api.post("/modules", author, headers=headers, json={"title": f"Title {turn}"})
            for turn in range(10)
        )
        assert statuses(answers) == {201: 1, 422: 9}
        refused = {answer.json().get("code") for answer in answers if answer.is_error}
        assert refused == {"idempotency_key_reused"}
        assert await count(session, TrainingModule) == number


async def test_the_same_key_of_other_people_is_another_key(
    committed_api: Api,
    committed_database: Database,
    session: AsyncSession,
    learner: User,
    other_learner: User,
) -> None:
    for number in range(1, ROUNDS + 1):
        module = await make_module(session)
        await publish(committed_database, module)
        headers, payload = key(), {"module_id": str(module.id)}
        answers = await race(
            committed_api.post("/enrollments", person, headers=headers, json=payload)
            for person in (learner, other_learner) * 5
        )
        assert statuses(answers) == {201: 10}
        assert len({answer.json()["id"] for answer in answers}) == 2
        assert await count(session, Enrollment) == number * 2


async def test_a_failed_request_leaves_its_key_free(
    committed_api: Api, session: AsyncSession, author: User
) -> None:
    """A refusal is not kept with the key, so that a retry is decided anew."""
    for number in range(1, ROUNDS + 1):
        draft = (await committed_api.post("/modules", author, json={"title": "Draft"})).json()
        headers, path = key(), f"/modules/{draft['id']}"
        answers = await race(
            committed_api.post(f"{path}/publish", author, headers=headers) for _ in range(10)
        )
        assert statuses(answers) == {422: 10}
        section = {"kind": "text", "title": "Text", "body": "<p>Text.</p>"}
        await committed_api.post(f"{path}/sections", author, json=section)
        answers = await race(
            committed_api.post(f"{path}/publish", author, headers=headers) for _ in range(10)
        )
        assert statuses(answers) == {201: 10}
        assert len({answer.content for answer in answers}) == 1
        assert await audited(session, "module:published") == number
