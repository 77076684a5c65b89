import uuid
from http import HTTPStatus
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import TrainingModule, User
from tests.factories.module import make_module, quiz_section, text_section
from tests.routers.problems import assert_anonymous, assert_problem, pointers
from tests.support import Api, etag

ANY = {"If-Match": "*"}
QUESTION = {
    "kind": "single_choice",
    "prompt": "Which bin?",
    "metadata": {
        "options": [{"id": "a", "text": "Red"}, {"id": "b", "text": "Blue"}],
        "correct": ["a"],
    },
}


@pytest.fixture
async def module(session: AsyncSession) -> TrainingModule:
    return await make_module(session, text_section(), text_section(), quiz_section())


def sections(module: TrainingModule) -> str:
    return f"/modules/{module.id}/sections"


def questions(module: TrainingModule) -> str:
    return f"{sections(module)}/{module.sections[2].id}/questions"


async def titles(api: Api, author: User, module: TrainingModule) -> list[str]:
    draft = (await api.get(f"/modules/{module.id}", author)).json()
    assert [part["position"] for part in draft["sections"]] == [
        *range(1, len(draft["sections"]) + 1)
    ]
    return [part["title"] for part in draft["sections"]]


class TestCreateSection:
    async def test_anonymous(self, api: Api, module: TrainingModule) -> None:
        assert_anonymous(await api.post(sections(module), json={}))

    async def test_learners_and_managers_may_not(
        self, api: Api, learner: User, manager: User, module: TrainingModule
    ) -> None:
        body = {"kind": "text", "title": "T"}
        for user in (learner, manager):
            assert_problem(await api.post(sections(module), user, json=body), 403, "forbidden")

    async def test_at_the_end_or_where_it_is_wanted(
        self, api: Api, author: User, module: TrainingModule
    ) -> None:
        old = await titles(api, author, module)
        last = {"kind": "link", "title": "Last", "settings": {"url": "https://osha.gov"}}
        response = await api.post(sections(module), author, json=last)
        assert response.status_code == HTTPStatus.CREATED
        location = f"/api/v1{sections(module)}/{response.json()['id']}"
        assert response.headers["Location"] == location
        assert response.headers["ETag"]
        first = {"kind": "text", "title": "First", "position": 1}
        await api.post(sections(module), author, json=first)
        assert await titles(api, author, module) == ["First", *old, "Last"]

    async def test_quiz_settings_have_defaults(
        self, api: Api, author: User, module: TrainingModule
    ) -> None:
        body = {"kind": "quiz", "title": "Q", "settings": {"pass_mark": 90}}
        settings = (await api.post(sections(module), author, json=body)).json()["settings"]
        assert settings["pass_mark"] == 90
        assert settings.keys() >= {
            "pass_mark",
            "max_attempts",
            "time_limit_seconds",
            "draw",
            "shuffle",
            "feedback",
        }

    @pytest.mark.parametrize(
        ("change", "pointer"),
        [
            ({"kind": "podcast"}, "/kind"),
            ({"title": ""}, "/title"),
            ({"required": "yes"}, "/required"),
            ({"position": 0}, "/position"),
            ({"position": 2**63}, "/position"),
            ({"kind": "quiz", "settings": {"pass_mark": 101}}, "/settings/pass_mark"),
            ({"kind": "quiz", "settings": {"feedback": "now"}}, "/settings/feedback"),
            ({"settings": {"unknown": 1}}, "/settings/unknown"),
            ({"kind": "link", "settings": {"url": "javascript:x()"}}, "/settings/url"),
            ({"id": str(uuid.uuid4())}, "/id"),
        ],
    )
    async def test_nonsense(
        self, api: Api, author: User, module: TrainingModule, change: dict[str, Any], pointer: str
    ) -> None:
        body = {"kind": "text", "title": "T"} | change
        response = await api.post(sections(module), author, json=body)
        assert [found for found, _ in pointers(response)] == [pointer]

    async def test_unknown_module(self, api: Api, author: User) -> None:
        body = {"kind": "text", "title": "T"}
        response = await api.post(f"/modules/{uuid.uuid4()}/sections", author, json=body)
        assert_problem(response, 404, "module_not_found")


class TestUpdateSection:
    async def test_anonymous(self, api: Api, module: TrainingModule) -> None:
        assert_anonymous(await api.patch(f"{sections(module)}/{module.sections[0].id}"))

    async def test_of_another_module(
        self, api: Api, author: User, module: TrainingModule, session: AsyncSession
    ) -> None:
        other = await make_module(session)
        path = f"{sections(other)}/{module.sections[0].id}"
        response = await api.patch(path, author, json={"title": "X"}, headers=ANY)
        assert_problem(response, 404, "section_not_found")

    async def test_needs_the_current_version(
        self, api: Api, author: User, module: TrainingModule
    ) -> None:
        path, body = f"{sections(module)}/{module.sections[0].id}", {"title": "New"}
        assert_problem(await api.patch(path, author, json=body), 428, "precondition_required")
        known = etag(await api.get(f"/modules/{module.id}", author))
        done = await api.patch(path, author, json=body, headers=known)
        assert (done.status_code, done.json()["title"]) == (200, "New")
        assert_problem(
            await api.patch(path, author, json=body, headers=known), 412, "precondition_failed"
        )
        more = await api.patch(path, author, json={"required": False}, headers=etag(done))
        assert (more.status_code, more.json()["required"]) == (200, False)

    async def test_moves(self, api: Api, author: User, module: TrainingModule) -> None:
        first, second, third = await titles(api, author, module)
        path = f"{sections(module)}/{module.sections[0].id}"
        await api.patch(path, author, json={"position": 99}, headers=ANY)
        assert await titles(api, author, module) == [second, third, first]


class TestDeleteSection:
    async def test_anonymous(self, api: Api, module: TrainingModule) -> None:
        assert_anonymous(await api.delete(f"{sections(module)}/{module.sections[0].id}"))

    async def test_closes_the_gap(
        self, api: Api, author: User, learner: User, module: TrainingModule
    ) -> None:
        first, second, third = await titles(api, author, module)
        path = f"{sections(module)}/{module.sections[1].id}"
        assert_problem(await api.delete(path, learner, headers=ANY), 403, "forbidden")
        assert (await api.delete(path, author)).status_code == 428
        assert (await api.delete(path, author, headers=ANY)).status_code == 204
        assert await titles(api, author, module) == [first, third]
        assert second not in await titles(api, author, module)


class TestRead:
    async def test_one_part_with_its_own_etag(
        self, api: Api, author: User, learner: User, module: TrainingModule
    ) -> None:
        part = f"{sections(module)}/{module.sections[2].id}"
        question = f"{questions(module)}/{module.sections[2].questions[0].id}"
        draft = (await api.get(f"/modules/{module.id}", author)).json()["sections"][2]
        for path, expected in ((part, draft), (question, draft["questions"][0])):
            assert_anonymous(await api.get(path))
            assert_problem(await api.get(path, learner), 403, "forbidden")
            read = await api.get(path, author)
            owners = {name for name in read.json() if name not in expected}
            assert owners == {"module_etag"} | ({"section_etag"} if path == question else set())
            assert read.json() | expected == read.json()
            same = {"position": expected["position"]}
            changed = await api.patch(path, author, json=same, headers=etag(read))
            assert changed.status_code == HTTPStatus.OK

    async def test_what_is_not_there(self, api: Api, author: User, module: TrainingModule) -> None:
        nothing = uuid.uuid4()
        read = await api.get(f"{questions(module)}/{nothing}", author)
        assert_problem(read, 404, "question_not_found")
        read = await api.get(f"{sections(module)}/{nothing}", author)
        assert_problem(read, 404, "section_not_found")
        read = await api.get(f"/modules/{nothing}/sections/{nothing}", author)
        assert_problem(read, 404, "module_not_found")


class TestReorder:
    async def test_anonymous(self, api: Api, module: TrainingModule) -> None:
        assert_anonymous(await api.put(f"{sections(module)}/order", json={"section_ids": []}))

    async def test_needs_the_current_version(
        self, api: Api, author: User, learner: User, module: TrainingModule
    ) -> None:
        path = f"{sections(module)}/order"
        body = {"section_ids": [str(part.id) for part in reversed(module.sections)]}
        assert_problem(await api.put(path, learner, json=body, headers=ANY), 403, "forbidden")
        assert_problem(await api.put(path, author, json=body), 428, "precondition_required")
        old = await titles(api, author, module)
        known = etag(await api.get(f"/modules/{module.id}", author))
        done = await api.put(path, author, json=body, headers=known)
        assert (done.status_code, done.json()["section_ids"]) == (200, body["section_ids"])
        assert await titles(api, author, module) == old[::-1]
        assert_problem(
            await api.put(path, author, json=body, headers=known), 412, "precondition_failed"
        )

    @pytest.mark.parametrize("fault", ["missing", "twice", "foreign", "none"])
    async def test_only_permutations(
        self, api: Api, author: User, module: TrainingModule, fault: str
    ) -> None:
        ids = [str(part.id) for part in module.sections]
        wrong = {
            "missing": ids[1:],
            "twice": [*ids, ids[0]],
            "foreign": [*ids[1:], str(uuid.uuid4())],
            "none": [],
        }[fault]
        response = await api.put(
            f"{sections(module)}/order", author, json={"section_ids": wrong}, headers=ANY
        )
        assert pointers(response) == [("/section_ids", "not_a_permutation")]


class TestQuestions:
    async def test_anonymous(self, api: Api, module: TrainingModule) -> None:
        path = f"{questions(module)}/{module.sections[2].questions[0].id}"
        assert_anonymous(await api.post(questions(module), json=QUESTION))
        assert_anonymous(await api.patch(path, json={}))
        assert_anonymous(await api.delete(path))

    async def test_learners_may_not(self, api: Api, learner: User, module: TrainingModule) -> None:
        assert_problem(await api.post(questions(module), learner, json=QUESTION), 403, "forbidden")

    async def test_created_changed_deleted(
        self, api: Api, author: User, module: TrainingModule
    ) -> None:
        created = await api.post(questions(module), author, json=QUESTION | {"position": 1})
        assert created.status_code == HTTPStatus.CREATED
        assert created.json() | QUESTION == created.json()
        assert (created.json()["points"], created.json()["position"]) == (1, 1)
        path = created.headers["Location"].removeprefix("/api/v1")
        assert path == f"{questions(module)}/{created.json()['id']}"
        assert_problem(
            await api.patch(path, author, json={"points": 2}), 428, "precondition_required"
        )
        changed = await api.patch(path, author, json={"points": 2.5}, headers=etag(created))
        assert (changed.json()["points"], changed.json()["prompt"]) == (2.5, "Which bin?")
        stale = await api.patch(path, author, json={"points": 3}, headers=etag(created))
        assert_problem(stale, 412, "precondition_failed")
        assert (await api.delete(path, author, headers=etag(changed))).status_code == 204
        assert_problem(await api.delete(path, author, headers=ANY), 404, "question_not_found")

    @pytest.mark.parametrize(
        ("kind", "metadata"),
        [
            ("multiple_choice", QUESTION["metadata"]),
            ("true_false", {"correct": True}),
            ("short_answer", {"accepted": ["Ten"], "case_sensitive": False}),
            ("numeric", {"correct": 12.5, "tolerance": 0.5}),
            (
                "matching",
                {
                    "left": [{"id": "l1", "text": "A"}, {"id": "l2", "text": "B"}],
                    "right": [{"id": "r1", "text": "1"}, {"id": "r2", "text": "2"}],
                    "pairs": {"l1": "r2", "l2": "r1"},
                },
            ),
            (
                "ordering",
                {
                    "items": [{"id": "a", "text": "1"}, {"id": "b", "text": "2"}],
                    "correct": ["b", "a"],
                },
            ),
        ],
    )
    async def test_every_kind(
        self, api: Api, author: User, module: TrainingModule, kind: str, metadata: object
    ) -> None:
        body = QUESTION | {"kind": kind, "metadata": metadata}
        response = await api.post(questions(module), author, json=body)
        assert response.status_code == HTTPStatus.CREATED, response.text
        assert response.json()["metadata"] == metadata

    @pytest.mark.parametrize(
        ("change", "pointer"),
        [
            ({"kind": "essay"}, "/kind"),
            ({"prompt": " "}, "/prompt"),
            ({"points": 0}, "/points"),
            ({"points": True}, "/points"),
            ({"metadata": {}}, "/metadata"),
            ({"metadata": []}, "/metadata"),
            ({"kind": "numeric", "metadata": {"correct": 10**300}}, "/metadata/correct"),
            ({"kind": "true_false", "metadata": {"correct": "canary"}}, "/metadata/correct"),
        ],
    )
    async def test_nonsense(
        self, api: Api, author: User, module: TrainingModule, change: dict[str, Any], pointer: str
    ) -> None:
        response = await api.post(questions(module), author, json=QUESTION | change)
        assert all(found.startswith(pointer) for found, _ in pointers(response)), response.text
        assert "canary" not in response.text

    async def test_only_in_quizzes(self, api: Api, author: User, module: TrainingModule) -> None:
        path = f"{sections(module)}/{module.sections[0].id}/questions"
        assert_problem(await api.post(path, author, json=QUESTION), 409, "not_a_quiz")
