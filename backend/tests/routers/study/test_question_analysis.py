import uuid
from http import HTTPStatus
from statistics import correlation
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import User
from tests.factories.attempt import Quiz, make_quiz, question
from tests.factories.user import make_user
from tests.support import Api, RollbackDatabase

RIGHT, HALF, WRONG = ["a", "c"], ["a"], ["b"]
# The answers of each person to three questions; no answer is None.
PEOPLE: list[tuple[str | None, list[str] | None, bool | None]] = [
    ("b", RIGHT, True),
    ("b", RIGHT, False),
    ("b", HALF, True),
    ("a", WRONG, False),
    ("c", None, None),
]


@pytest.fixture
async def quiz(session: AsyncSession, database: RollbackDatabase) -> Quiz:
    kinds = ("single_choice", "multiple_choice", "true_false")
    return await make_quiz(session, database, *(question(kind) for kind in kinds), pass_mark=60)


def path(quiz: Quiz) -> str:
    return f"/modules/{quiz.module.id}/versions/1/sections/{quiz.section.id}/analysis"


async def answer_all(api: Api, session: AsyncSession, quiz: Quiz) -> None:
    for answers in PEOPLE:
        user = await make_user(session)
        enrollment_id = await quiz.enroll(api, user)
        ids = (str(each.id) for each in quiz.questions)
        await quiz.take(api, user, enrollment_id, dict(zip(ids, answers, strict=True)))


async def analysis(api: Api, author: User, quiz: Quiz) -> dict[str, Any]:
    response = await api.get(path(quiz), author)
    assert response.status_code == HTTPStatus.OK, response.text
    body: dict[str, Any] = response.json()
    return body


async def test_authors_only(api: Api, quiz: Quiz, learner: User, manager: User) -> None:
    assert (await api.get(path(quiz))).status_code == HTTPStatus.UNAUTHORIZED
    for user in (learner, manager):
        assert (await api.get(path(quiz), user)).status_code == HTTPStatus.FORBIDDEN


async def test_unknown(api: Api, quiz: Quiz, author: User) -> None:
    for wrong in (path(quiz).replace("/1/", "/2/"), path(quiz).replace("sections/", "sections/x")):
        assert (await api.get(wrong, author)).status_code in {404, 422}
    unknown = path(quiz).replace(str(quiz.section.id), str(uuid.uuid4()))
    assert (await api.get(unknown, author)).json()["code"] == "section_not_found"


async def test_nothing_yet(api: Api, quiz: Quiz, author: User) -> None:
    body = await analysis(api, author, quiz)
    assert (body["attempts"], body["pass_rate"], body["mean_score"]) == (0, None, None)
    assert [each["shown"] for each in body["questions"]] == [0, 0, 0]
    assert sum(band["attempts"] for band in body["distribution"]) == 0


async def test_quiz(api: Api, quiz: Quiz, author: User, session: AsyncSession) -> None:
    await answer_all(api, session, quiz)
    await quiz.begin(api, author)
    body = await analysis(api, author, quiz)
    # The scores are 3, 2, 2.5, 0 and 0 of 3.
    assert (body["attempts"], body["open"], body["people"]) == (5, 1, 6)
    assert (body["passed"], body["pass_rate"]) == (3, 0.6)
    assert body["mean_score"] == pytest.approx((100 + 66.67 + 83.33) / 5)
    assert body["median_score"] == pytest.approx(66.67)
    bands = {band["from_percent"]: band["attempts"] for band in body["distribution"]}
    assert bands == {**dict.fromkeys(range(0, 100, 10), 0), 0: 2, 60: 1, 80: 1, 90: 1}


async def test_questions(api: Api, quiz: Quiz, author: User, session: AsyncSession) -> None:
    await answer_all(api, session, quiz)
    single, multiple, truth = (await analysis(api, author, quiz))["questions"]
    assert [each["shown"] for each in (single, multiple, truth)] == [5, 5, 5]
    assert [each["answered"] for each in (single, multiple, truth)] == [5, 4, 4]
    assert [each["share_right"] for each in (single, multiple, truth)] == [0.6, 0.4, 0.4]
    rest_of_single = [2, 1, 1.5, 0, 0]
    assert single["discrimination"] == pytest.approx(correlation([1, 1, 1, 0, 0], rest_of_single))
    assert {each["choice"]: each["count"] for each in single["choices"]} == {
        "a": 1,
        "b": 3,
        "c": 1,
    }
    assert {each["choice"]: each["count"] for each in multiple["choices"]} == {
        "a": 3,
        "b": 1,
        "c": 2,
    }
    assert [(each["choice"], each["correct"], each["count"]) for each in truth["choices"]] == [
        ("true", True, 2),
        ("false", False, 2),
    ]
    assert all(each["median_seconds"] > 0 for each in (single, multiple, truth))


async def test_follows_corrections(
    api: Api, quiz: Quiz, author: User, session: AsyncSession
) -> None:
    await answer_all(api, session, quiz)
    payload = {
        "section_id": str(quiz.section.id),
        "question_id": str(quiz.questions[0].id),
        "kind": "credit",
        "note": "Ambiguous.",
    }
    corrections = f"/modules/{quiz.module.id}/versions/1/corrections"
    assert (await api.post(corrections, author, json=payload)).status_code == HTTPStatus.CREATED
    single = (await analysis(api, author, quiz))["questions"][0]
    assert (single["share_right"], single["discrimination"]) == (1, None)
