"""What differs between versions of a module, and between one and the draft."""

from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import TrainingModule, User
from tests.factories.module import make_module, publish, quiz_section, single_choice, text_section
from tests.routers.problems import assert_anonymous, assert_problem, pointers
from tests.support import Api, RollbackDatabase

ANY = {"If-Match": "*"}
NOTHING: dict[str, list[Any]] = {"added": [], "removed": [], "changed": [], "moved": []}


@pytest.fixture
async def module(session: AsyncSession, database: RollbackDatabase) -> TrainingModule:
    quiz = quiz_section(single_choice(prompt="One?"), single_choice(prompt="Two?"))
    module = await make_module(session, text_section(), quiz, text_section(), title="Sharps")
    await publish(database, module)
    return module


async def compared(api: Api, author: User, module: TrainingModule, query: str = "") -> Any:
    response = await api.get(f"/modules/{module.id}/comparison{query}", author)
    assert response.is_success, response.text
    return response.json()


async def test_anonymous(api: Api, module: TrainingModule) -> None:
    assert_anonymous(await api.get(f"/modules/{module.id}/comparison"))


async def test_learners_may_not(api: Api, learner: User, module: TrainingModule) -> None:
    response = await api.get(f"/modules/{module.id}/comparison", learner)
    assert_problem(response, 403, "forbidden")


async def test_not_versions_of_other_modules(
    api: Api, author: User, module: TrainingModule, session: AsyncSession
) -> None:
    other = await make_module(session)
    for query in ("", "?before=1", "?before=1&after=1"):
        response = await api.get(f"/modules/{other.id}/comparison{query}", author)
        assert_problem(response, 404, "version_not_found")


async def test_unknown_versions(api: Api, author: User, module: TrainingModule) -> None:
    for query in ("?before=2", "?after=2"):
        response = await api.get(f"/modules/{module.id}/comparison{query}", author)
        assert_problem(response, 404, "version_not_found")
    response = await api.get(f"/modules/{module.id}/comparison?before=0", author)
    assert pointers(response) == [("query:before", "greater_than_equal")]


async def test_nothing(api: Api, author: User, module: TrainingModule) -> None:
    nothing: dict[str, Any] = {
        "before": 1,
        "after": None,
        "fields": [],
        "sections": NOTHING,
        "questions": NOTHING,
    }
    assert await compared(api, author, module) == nothing
    same = await compared(api, author, module, "?before=1&after=1")
    assert same == nothing | {"after": 1}


async def test_everything(api: Api, author: User, module: TrainingModule) -> None:
    first, quiz, last = (each.id for each in module.sections)
    one, two = (each.id for each in module.sections[1].questions)
    path = f"/modules/{module.id}"
    await api.patch(path, author, headers=ANY, json={"title": "Needles"})
    settings = {"settings": {"pass_mark": 90, "max_attempts": 2}}
    await api.patch(f"{path}/sections/{quiz}", author, headers=ANY, json=settings)
    await api.patch(f"{path}/sections/{last}", author, headers=ANY, json={"position": 1})
    await api.delete(f"{path}/sections/{first}", author, headers=ANY)
    new = {"kind": "text", "title": "New", "body": "<p>New.</p>"}
    added = (await api.post(f"{path}/sections", author, json=new)).json()["id"]
    questions = f"{path}/sections/{quiz}/questions"
    asked = {"kind": "true_false", "prompt": "Is it?", "metadata": {"correct": True}}
    third = (await api.post(questions, author, json=asked)).json()["id"]
    await api.patch(f"{questions}/{two}", author, headers=ANY, json={"points": 2, "position": 1})
    found = await compared(api, author, module)
    assert found["fields"] == ["title"]
    assert found["sections"] == {
        "added": [{"section_id": added, "kind": "text", "title": "New", "position": 3}],
        "removed": [
            {
                "section_id": str(first),
                "kind": "text",
                "title": module.sections[0].title,
                "position": 1,
            }
        ],
        "changed": [
            {
                "section_id": str(quiz),
                "kind": "quiz",
                "title": module.sections[1].title,
                "fields": ["settings.pass_mark", "settings.max_attempts"],
            }
        ],
        "moved": [
            {
                "section_id": str(last),
                "kind": "text",
                "title": module.sections[2].title,
                "position_before": 3,
                "position_after": 1,
            }
        ],
    }
    of_quiz = {"section_id": str(quiz), "kind": "single_choice"}
    second = of_quiz | {"question_id": str(two), "prompt": "Two?"}
    assert found["questions"] == {
        "added": [
            {
                "section_id": str(quiz),
                "question_id": third,
                "kind": "true_false",
                "prompt": "Is it?",
                "position": 3,
            }
        ],
        "removed": [],
        "changed": [second | {"fields": ["points"]}],
        "moved": [second | {"position_before": 2, "position_after": 1}],
    }
    assert (await api.post(f"{path}/publish", author)).is_success
    between = await compared(api, author, module, "?before=1&after=2")
    assert between == found | {"after": 2}
    assert await compared(api, author, module) == {
        "before": 2,
        "after": None,
        "fields": [],
        "sections": NOTHING,
        "questions": NOTHING,
    }
    assert str(one) not in str(found)
