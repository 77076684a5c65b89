import hashlib
import uuid
from http import HTTPStatus

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.content.canonical import canonical_json
from app.models import TrainingModule, User
from tests.factories.module import (
    acknowledgement_section,
    make_module,
    publish,
    quiz_section,
    single_choice,
    text_section,
)
from tests.routers.problems import assert_anonymous, assert_problem, pointers
from tests.support import Api, RollbackDatabase, etag

CARD = {
    "id",
    "slug",
    "title",
    "summary",
    "category",
    "tags",
    "status",
    "estimated_minutes",
    "section_count",
    "current_version",
}
ANY = {"If-Match": "*"}


@pytest.fixture
async def draft(session: AsyncSession) -> TrainingModule:
    return await make_module(session, title="Sharps", summary="Needles", tags=["osha"])


@pytest.fixture
async def module(session: AsyncSession, database: RollbackDatabase) -> TrainingModule:
    secret = single_choice(prompt="Which bin?", explanation="canary-explanation")
    module = await make_module(
        session,
        text_section(),
        quiz_section(secret),
        title="Hand hygiene",
        summary="Washing hands between patients",
        category="Infection control",
        tags=["cdc", "annual"],
    )
    await publish(database, module)
    return module


class TestListModules:
    async def test_anonymous(self, api: Api) -> None:
        assert_anonymous(await api.get("/modules"))

    async def test_learners_see_published_only(
        self, api: Api, learner: User, author: User, draft: TrainingModule, module: TrainingModule
    ) -> None:
        seen = (await api.get("/modules", learner)).json()["items"]
        assert [item["id"] for item in seen] == [str(module.id)]
        assert seen[0].keys() == CARD | {"language"}
        assert (seen[0]["section_count"], seen[0]["current_version"]) == (2, 1)
        everything = (await api.get("/modules", author)).json()["items"]
        assert {item["id"] for item in everything} == {str(draft.id), str(module.id)}

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("q=washed hand", True),
            ("q=infection", True),
            ("q=annual", True),
            ("q=hygiene -washing", False),
            ("q=zebra", False),
            ("q=hyg", True),
            ("q=higiene", True),
            ("q=hnad hygeine", True),
            ("q=infektion", True),
            ("q=hygeine -hand", False),
            ("q='); DROP TABLE users; --", False),
            ("category=INFECTION control", True),
            ("category=Other", False),
            ("tag=cdc", True),
            ("tag=CD", False),
            ("status=published", True),
            ("status=draft", False),
        ],
    )
    async def test_filters(
        self, api: Api, learner: User, module: TrainingModule, query: str, *, found: bool
    ) -> None:
        name, _, value = query.partition("=")
        response = await api.get("/modules", learner, params={name: value})
        assert [item["id"] for item in response.json()["items"]] == [str(module.id)] * found

    async def test_learners_see_what_was_published_not_the_draft(
        self, api: Api, learner: User, author: User, module: TrainingModule
    ) -> None:
        changed = {"title": "Secret new title", "category": "Other"}
        await api.patch(f"/modules/{module.id}", author, json=changed, headers=ANY)
        assert "Secret" not in (await api.get("/modules", learner)).text
        assert "Secret" not in (await api.get(f"/modules/{module.id}", learner)).text


class TestFacets:
    async def test_anonymous(self, api: Api) -> None:
        assert_anonymous(await api.get("/modules/facets"))

    async def test_learners_see_those_of_published_modules(
        self, api: Api, learner: User, draft: TrainingModule, module: TrainingModule
    ) -> None:
        assert draft.category is None
        assert (await api.get("/modules/facets", learner)).json() == {
            "categories": [{"value": "Infection control", "modules": 1}],
            "tags": [{"value": "annual", "modules": 1}, {"value": "cdc", "modules": 1}],
            "languages": [{"value": "en", "modules": 1}],
        }


class TestCreateModule:
    async def test_anonymous(self, api: Api) -> None:
        assert_anonymous(await api.post("/modules", json={"title": "T"}))

    async def test_learners_and_managers_may_not(
        self, api: Api, learner: User, manager: User
    ) -> None:
        for user in (learner, manager):
            response = await api.post("/modules", user, json={"title": "T"})
            assert_problem(response, 403, "forbidden")

    async def test_created(self, api: Api, author: User) -> None:
        body = {
            "title": "Röntgen & Safety",
            "summary": "ALARA",
            "category": "Radiation",
            "tags": ["nrc"],
            "language": "de",
            "estimated_minutes": 25,
        }
        response = await api.post("/modules", author, json=body)
        assert response.status_code == HTTPStatus.CREATED
        created = response.json()
        assert created | body == created
        assert (created["status"], created["sections"]) == ("draft", [])
        read = await api.get(response.headers["Location"].removeprefix("/api/v1"), author)
        assert (read.json(), read.headers["ETag"]) == (created, response.headers["ETag"])

    async def test_slugs_are_unique(self, api: Api, author: User) -> None:
        slugs = [
            (await api.post("/modules", author, json={"title": "Same"})).json()["slug"]
            for _ in range(3)
        ]
        assert len(set(slugs)) == len(slugs)

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("title", ""),
            ("title", None),
            ("title", "x" * 201),
            ("tags", ["x"] * 31),
            ("tags", "osha"),
            ("estimated_minutes", 0),
            ("estimated_minutes", True),
            ("estimated_minutes", 2**63),
            ("language", "english please"),
            ("prerequisite_ids", [str(uuid.uuid4())]),
            ("slug", "mine"),
            ("status", "published"),
        ],
    )
    async def test_nonsense(self, api: Api, author: User, field: str, value: object) -> None:
        response = await api.post("/modules", author, json={"title": "T", field: value})
        assert {pointer for pointer, _ in pointers(response)} == {f"/{field}"}


class TestReadModule:
    async def test_anonymous(self, api: Api, module: TrainingModule) -> None:
        assert_anonymous(await api.get(f"/modules/{module.id}"))

    async def test_drafts_do_not_exist_for_learners(
        self, api: Api, learner: User, manager: User, draft: TrainingModule
    ) -> None:
        for user in (learner, manager):
            assert_problem(await api.get(f"/modules/{draft.id}", user), 404, "module_not_found")

    async def test_learners_see_an_outline_without_answers(
        self, api: Api, learner: User, module: TrainingModule
    ) -> None:
        response = await api.get(f"/modules/{module.id}", learner)
        outline = response.json()
        assert outline.keys() == CARD | {"language", "prerequisite_ids", "sections"}
        assert outline["sections"][1] == {
            "section_id": str(module.sections[1].id),
            "kind": "quiz",
            "title": module.sections[1].title,
            "required": True,
            "states": [],
        }
        for secret in ("correct", "canary-explanation", "Which bin?"):
            assert secret not in response.text

    async def test_authors_see_the_draft_with_answers(
        self, api: Api, author: User, module: TrainingModule
    ) -> None:
        response = await api.get(f"/modules/{module.id}", author)
        question = response.json()["sections"][1]["questions"][0]
        assert question["metadata"]["correct"] == ["a"]
        assert question["explanation"] == "canary-explanation"
        assert response.headers["ETag"]


class TestUpdateModule:
    async def test_anonymous(self, api: Api, draft: TrainingModule) -> None:
        assert_anonymous(await api.patch(f"/modules/{draft.id}", json={}))

    async def test_learners_may_not(self, api: Api, learner: User, draft: TrainingModule) -> None:
        response = await api.patch(f"/modules/{draft.id}", learner, json={}, headers=ANY)
        assert_problem(response, 403, "forbidden")

    async def test_needs_the_current_version(
        self, api: Api, author: User, draft: TrainingModule
    ) -> None:
        path, body = f"/modules/{draft.id}", {"summary": "New"}
        assert_problem(await api.patch(path, author, json=body), 428, "precondition_required")
        current = etag(await api.get(path, author))
        done = await api.patch(path, author, json=body, headers=current)
        assert (done.status_code, done.json()["summary"]) == (200, "New")
        lost = await api.patch(path, author, json={"summary": "Lost"}, headers=current)
        assert_problem(lost, 412, "precondition_failed")
        assert (await api.get(path, author)).json()["summary"] == "New"

    async def test_weak_and_foreign_etags_do_not_match(
        self, api: Api, author: User, draft: TrainingModule
    ) -> None:
        path = f"/modules/{draft.id}"
        current = (await api.get(path, author)).headers["ETag"]
        for sent in (f"W/{current}", current.strip('"'), '""', "x"):
            response = await api.patch(path, author, json={}, headers={"If-Match": sent})
            assert_problem(response, 412, "precondition_failed")
        listed = {"If-Match": f'"other", {current}'}
        response = await api.patch(path, author, json={}, headers=listed)
        assert response.status_code == HTTPStatus.OK

    async def test_prerequisites_form_no_cycle(
        self, api: Api, author: User, draft: TrainingModule, module: TrainingModule
    ) -> None:
        path = f"/modules/{draft.id}"
        first = {"prerequisite_ids": [str(module.id)]}
        response = await api.patch(path, author, json=first, headers=ANY)
        assert response.json()["prerequisite_ids"] == [str(module.id)]
        back = {"prerequisite_ids": [str(draft.id)]}
        response = await api.patch(f"/modules/{module.id}", author, json=back, headers=ANY)
        assert pointers(response) == [("/prerequisite_ids", "prerequisite_cycle")]


class TestDeleteModule:
    async def test_anonymous(self, api: Api, draft: TrainingModule) -> None:
        assert_anonymous(await api.delete(f"/modules/{draft.id}"))

    async def test_learners_may_not(self, api: Api, learner: User, draft: TrainingModule) -> None:
        response = await api.delete(f"/modules/{draft.id}", learner, headers=ANY)
        assert_problem(response, 403, "forbidden")

    async def test_drafts_only_and_can_be_undone(
        self, api: Api, author: User, draft: TrainingModule
    ) -> None:
        path = f"/modules/{draft.id}"
        assert (await api.delete(path, author)).status_code == 428
        current = etag(await api.get(path, author))
        assert (await api.delete(path, author, headers=current)).status_code == 204
        assert_problem(await api.get(path, author), 404, "module_not_found")
        assert (await api.post(f"{path}/restore", author)).json()["status"] == "draft"
        assert (await api.get(path, author)).status_code == HTTPStatus.OK

    async def test_published_ones_are_in_use(
        self, api: Api, author: User, module: TrainingModule
    ) -> None:
        response = await api.delete(f"/modules/{module.id}", author, headers=ANY)
        assert_problem(response, 409, "module_in_use")


class TestPublish:
    async def test_anonymous(self, api: Api, draft: TrainingModule) -> None:
        assert_anonymous(await api.post(f"/modules/{draft.id}/publish"))

    async def test_learners_may_not(self, api: Api, learner: User, draft: TrainingModule) -> None:
        response = await api.post(f"/modules/{draft.id}/publish", learner)
        assert_problem(response, 403, "forbidden")

    async def test_makes_a_version(self, api: Api, author: User, draft: TrainingModule) -> None:
        body = {"note": "First", "material_change": True}
        response = await api.post(f"/modules/{draft.id}/publish", author, json=body)
        assert response.status_code == HTTPStatus.CREATED
        version = response.json()
        assert version.keys() >= {"id", "number", "content_sha256", "published_at"}
        assert (version["number"], version["note"], version["material_change"]) == (
            1,
            "First",
            True,
        )
        location = f"/api/v1/modules/{draft.id}/versions/1"
        assert response.headers["Location"] == location
        read = await api.get(f"/modules/{draft.id}/versions/1", author)
        assert read.json()["id"] == version["id"]

    async def test_unchanged(self, api: Api, author: User, module: TrainingModule) -> None:
        response = await api.post(f"/modules/{module.id}/publish", author)
        assert_problem(response, 409, "nothing_to_publish")

    async def test_every_reason_at_once(
        self, api: Api, author: User, session: AsyncSession
    ) -> None:
        module = await make_module(
            session, text_section(required=False), quiz_section(required=False)
        )
        module.sections[0].body = ""
        module.sections[1].questions.clear()
        await session.commit()
        response = await api.post(f"/modules/{module.id}/publish", author, json={})
        problem = assert_problem(response, 422, "module_not_publishable")
        assert {(error["pointer"], error["code"]) for error in problem["errors"]} == {
            ("/sections", "no_required_section"),
            ("/sections/0/body", "body_missing"),
            ("/sections/1/questions", "no_questions"),
        }

    async def test_the_same_key_publishes_once(
        self, api: Api, author: User, draft: TrainingModule
    ) -> None:
        path, key = f"/modules/{draft.id}/publish", {"Idempotency-Key": "p-1"}
        first = await api.post(path, author, json={}, headers=key)
        again = await api.post(path, author, json={}, headers=key)
        assert (first.content, again.headers["Idempotency-Replayed"]) == (again.content, "true")
        other = await api.post(path, author, json={"note": "x"}, headers=key)
        assert_problem(other, 422, "idempotency_key_reused")


class TestArchive:
    async def test_anonymous(self, api: Api, module: TrainingModule) -> None:
        assert_anonymous(await api.post(f"/modules/{module.id}/archive"))

    async def test_leaves_the_catalogue_and_comes_back(
        self, api: Api, author: User, learner: User, module: TrainingModule
    ) -> None:
        path = f"/modules/{module.id}"
        assert_problem(await api.post(f"{path}/archive", learner), 403, "forbidden")
        assert (await api.post(f"{path}/archive", author)).json()["status"] == "archived"
        assert_problem(await api.get(path, learner), 404, "module_not_found")
        enroll = {"module_id": str(module.id)}
        assert (await api.post("/enrollments", learner, json=enroll)).status_code == 404
        assert (await api.post(f"{path}/restore", author)).json()["status"] == "published"
        assert (await api.get(path, learner)).status_code == HTTPStatus.OK


class TestVersions:
    async def test_anonymous(self, api: Api, module: TrainingModule) -> None:
        assert_anonymous(await api.get(f"/modules/{module.id}/versions"))
        assert_anonymous(await api.get(f"/modules/{module.id}/versions/1"))

    async def test_learners_may_not(self, api: Api, learner: User, module: TrainingModule) -> None:
        for path in ("versions", "versions/1"):
            response = await api.get(f"/modules/{module.id}/{path}", learner)
            assert_problem(response, 403, "forbidden")

    async def test_content_is_what_was_hashed(
        self, api: Api, author: User, module: TrainingModule
    ) -> None:
        path = f"/modules/{module.id}/versions/1"
        version = await api.get(path, author)
        content = canonical_json(version.json()["content"])
        sha256 = hashlib.sha256(content).hexdigest()
        assert version.json()["content_sha256"] == sha256
        assert version.headers["ETag"] == f'"{sha256}"'
        known = {"If-None-Match": version.headers["ETag"]}
        cached = await api.get(path, author, headers=known)
        assert (cached.status_code, cached.content) == (304, b"")

    async def test_listed_and_immutable(
        self, api: Api, author: User, module: TrainingModule
    ) -> None:
        before = (await api.get(f"/modules/{module.id}/versions/1", author)).content
        await api.patch(f"/modules/{module.id}", author, json={"title": "New"}, headers=ANY)
        await api.post(f"/modules/{module.id}/publish", author)
        items = (await api.get(f"/modules/{module.id}/versions", author)).json()["items"]
        assert sorted(item["number"] for item in items) == [1, 2]
        assert (await api.get(f"/modules/{module.id}/versions/1", author)).content == before

    async def test_unknown(self, api: Api, author: User, module: TrainingModule) -> None:
        response = await api.get(f"/modules/{module.id}/versions/2", author)
        assert_problem(response, 404, "version_not_found")
        for number in (0, -1, 2**31, 2**63, "one"):
            response = await api.get(f"/modules/{module.id}/versions/{number}", author)
            assert response.status_code in {404, 422}
        response = await api.get(f"/modules/{uuid.uuid4()}/versions", author)
        assert_problem(response, 404, "module_not_found")


class TestContentIsSafe:
    async def test_scripts_never_arrive(
        self, api: Api, author: User, learner: User, session: AsyncSession
    ) -> None:
        module = await make_module(session, acknowledgement_section())
        body = (
            '<p onclick="x()">Hi</p><script>alert(1)</script><a href="javascript:x()">a</a>'
            '<img src="x" onerror="x()"><iframe src="https://evil.example"></iframe>'
        )
        section = f"/modules/{module.id}/sections/{module.sections[0].id}"
        saved = await api.patch(section, author, json={"body": body}, headers=ANY)
        await api.post(f"/modules/{module.id}/publish", author)
        enrolled = await api.post("/enrollments", learner, json={"module_id": str(module.id)})
        content = await api.get(f"/enrollments/{enrolled.json()['id']}/content", learner)
        for text in (saved.text, content.text):
            assert "Hi" in text
            for poison in ("script", "onclick", "onerror", "javascript:", "iframe"):
                assert poison not in text
