"""Copies of modules, sections and questions, and questions that are added together."""

from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import TrainingModule, User
from tests.factories.module import (
    make_module,
    publish,
    quiz_section,
    single_choice,
    text_section,
)
from tests.routers.problems import assert_anonymous, assert_problem, pointers
from tests.support import Api, RollbackDatabase

TRUE_FALSE = {"kind": "true_false", "prompt": "Is it?", "metadata": {"correct": True}}
OWNERS = {"section_etag", "module_etag"}
CHANGING = OWNERS | {"id", "etag", "revision", "created_at", "updated_at", "position"}


@pytest.fixture
async def module(session: AsyncSession) -> TrainingModule:
    quiz = quiz_section(single_choice(prompt="Which bin?"), single_choice(prompt="Which cap?"))
    return await make_module(
        session,
        text_section(),
        quiz,
        text_section(),
        title="Hand hygiene",
        category="Infection control",
        tags=["cdc"],
    )


def sections(module: TrainingModule) -> str:
    return f"/modules/{module.id}/sections"


def questions(module: TrainingModule) -> str:
    return f"{sections(module)}/{module.sections[1].id}/questions"


def without_ids(value: Any) -> Any:
    """Leave out what a copy has of its own."""
    if isinstance(value, dict):
        return {name: without_ids(each) for name, each in value.items() if name not in CHANGING}
    return [without_ids(each) for each in value] if isinstance(value, list) else value


def without_owners(part: dict[str, Any]) -> dict[str, Any]:
    """Return a part as it is shown within the draft."""
    return {name: value for name, value in part.items() if name not in OWNERS}


def ids(draft: dict[str, Any]) -> set[str]:
    parts = [draft, *draft["sections"]]
    parts += [question for section in draft["sections"] for question in section["questions"]]
    return {part["id"] for part in parts}


async def draft_of(api: Api, author: User, module: TrainingModule) -> dict[str, Any]:
    draft: dict[str, Any] = (await api.get(f"/modules/{module.id}", author)).json()
    return draft


class TestModule:
    async def test_anonymous(self, api: Api, module: TrainingModule) -> None:
        assert_anonymous(await api.post(f"/modules/{module.id}/duplicate"))

    async def test_learners_may_not(self, api: Api, learner: User, module: TrainingModule) -> None:
        response = await api.post(f"/modules/{module.id}/duplicate", learner)
        assert_problem(response, 403, "forbidden")

    async def test_is_a_draft_of_the_same_content(
        self, api: Api, author: User, module: TrainingModule, database: RollbackDatabase
    ) -> None:
        await publish(database, module)
        source = await draft_of(api, author, module)
        response = await api.post(f"/modules/{module.id}/duplicate", author)
        copy = response.json()
        assert response.status_code == 201
        assert response.headers["Location"] == f"/api/v1/modules/{copy['id']}"
        assert (copy["title"], copy["slug"]) == ("Hand hygiene (copy)", "hand-hygiene-copy")
        assert (copy["status"], copy["current_version"]) == ("draft", None)
        assert without_ids(copy["sections"]) == without_ids(source["sections"])
        assert (copy["category"], copy["tags"]) == ("Infection control", ["cdc"])
        assert not ids(copy) & ids(source)
        assert await draft_of(api, author, module) == source

    async def test_a_second_copy_has_an_address_of_its_own(
        self, api: Api, author: User, module: TrainingModule
    ) -> None:
        copies = [await api.post(f"/modules/{module.id}/duplicate", author) for _ in range(2)]
        assert len({copy.json()["slug"] for copy in copies}) == 2

    async def test_the_longest_title_keeps_its_length(
        self, api: Api, author: User, session: AsyncSession
    ) -> None:
        module = await make_module(session, title="x" * 200)
        copy = (await api.post(f"/modules/{module.id}/duplicate", author)).json()
        assert copy["title"] == "x" * 193 + " (copy)"

    async def test_changes_of_the_copy_stay_there(
        self, api: Api, author: User, module: TrainingModule
    ) -> None:
        source = await draft_of(api, author, module)
        copy = (await api.post(f"/modules/{module.id}/duplicate", author)).json()
        section = copy["sections"][1]
        question = section["questions"][0]
        path = f"/modules/{copy['id']}/sections/{section['id']}/questions/{question['id']}"
        changed = await api.patch(
            path, author, json={"prompt": "Changed"}, headers={"If-Match": "*"}
        )
        assert changed.status_code == 200
        assert await draft_of(api, author, module) == source

    async def test_the_audit_trail_says_of_what(
        self, api: Api, author: User, admin: User, module: TrainingModule
    ) -> None:
        copy = (await api.post(f"/modules/{module.id}/duplicate", author)).json()
        events = await api.get("/audit-events", admin, params={"target_id": copy["id"]})
        (event,) = events.json()["items"]
        assert event["action"] == "module:created"
        assert event["after"]["copy_of"] == str(module.id)
        for section in copy["sections"]:
            of_section = await api.get("/audit-events", admin, params={"target_id": section["id"]})
            assert [each["action"] for each in of_section.json()["items"]] == ["section:created"]


class TestSection:
    async def test_anonymous(self, api: Api, module: TrainingModule) -> None:
        path = f"{sections(module)}/{module.sections[1].id}/duplicate"
        assert_anonymous(await api.post(path))

    async def test_goes_after_its_source(
        self, api: Api, author: User, module: TrainingModule
    ) -> None:
        before = (await draft_of(api, author, module))["sections"]
        path = f"{sections(module)}/{module.sections[1].id}/duplicate"
        response = await api.post(path, author)
        assert response.status_code == 201
        after = (await draft_of(api, author, module))["sections"]
        assert [part["position"] for part in after] == [1, 2, 3, 4]
        assert [part["id"] for part in after if part["id"] != response.json()["id"]] == [
            part["id"] for part in before
        ]
        assert without_ids(after[2]) == without_ids(after[1])
        questions_of_both = [part["questions"] for part in after[1:3]]
        assert not {q["id"] for q in questions_of_both[0]} & {q["id"] for q in questions_of_both[1]}

    async def test_of_another_module(
        self, api: Api, author: User, module: TrainingModule, session: AsyncSession
    ) -> None:
        other = await make_module(session, text_section())
        path = f"{sections(module)}/{other.sections[0].id}/duplicate"
        assert_problem(await api.post(path, author), 404, "section_not_found")


class TestQuestion:
    async def test_anonymous(self, api: Api, module: TrainingModule) -> None:
        question = module.sections[1].questions[0]
        assert_anonymous(await api.post(f"{questions(module)}/{question.id}/duplicate"))

    async def test_goes_after_its_source(
        self, api: Api, author: User, module: TrainingModule
    ) -> None:
        question = module.sections[1].questions[0]
        response = await api.post(f"{questions(module)}/{question.id}/duplicate", author)
        assert response.status_code == 201
        quiz = (await draft_of(api, author, module))["sections"][1]
        assert [each["prompt"] for each in quiz["questions"]] == [
            "Which bin?",
            "Which bin?",
            "Which cap?",
        ]
        assert without_ids(quiz["questions"][0]) == without_ids(quiz["questions"][1])


class TestManyQuestions:
    async def test_anonymous(self, api: Api, module: TrainingModule) -> None:
        assert_anonymous(await api.post(f"{questions(module)}/bulk", json={"items": []}))

    async def test_are_added_in_their_order(
        self, api: Api, author: User, module: TrainingModule
    ) -> None:
        items = [TRUE_FALSE | {"prompt": f"Question {number}?"} for number in range(200)]
        response = await api.post(f"{questions(module)}/bulk", author, json={"items": items})
        assert response.status_code == 201
        made = response.json()["items"]
        assert [each["position"] for each in made] == [*range(3, 203)]
        quiz = (await draft_of(api, author, module))["sections"][1]
        assert quiz["questions"][2:] == [without_owners(each) for each in made]

    async def test_none_is_added_where_one_is_not_valid(
        self, api: Api, author: User, module: TrainingModule
    ) -> None:
        before = await draft_of(api, author, module)
        wrong = TRUE_FALSE | {"metadata": {"correct": "perhaps"}}
        body = {"items": [TRUE_FALSE, wrong]}
        response = await api.post(f"{questions(module)}/bulk", author, json=body)
        assert [pointer for pointer, _ in pointers(response)] == ["/items/1/metadata/correct"]
        assert await draft_of(api, author, module) == before

    @pytest.mark.parametrize("count", [0, 201])
    async def test_too_few_or_too_many(
        self, api: Api, author: User, module: TrainingModule, count: int
    ) -> None:
        body = {"items": [TRUE_FALSE] * count}
        response = await api.post(f"{questions(module)}/bulk", author, json=body)
        assert [pointer for pointer, _ in pointers(response)] == ["/items"]

    async def test_of_a_section_without_questions(
        self, api: Api, author: User, module: TrainingModule
    ) -> None:
        path = f"{sections(module)}/{module.sections[0].id}/questions/bulk"
        response = await api.post(path, author, json={"items": [TRUE_FALSE]})
        assert_problem(response, 409, "not_a_quiz")

    async def test_a_repeated_request_adds_nothing(
        self, api: Api, author: User, module: TrainingModule
    ) -> None:
        headers = {"Idempotency-Key": "9b2d5f3e"}
        body = {"items": [TRUE_FALSE]}
        path = f"{questions(module)}/bulk"
        first, second = [await api.post(path, author, json=body, headers=headers) for _ in range(2)]
        assert first.json() == second.json()
        assert len((await draft_of(api, author, module))["sections"][1]["questions"]) == 3
