"""Whether a draft says something that its current version does not."""

from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import TrainingModule, User
from tests.factories.module import make_module, publish, quiz_section, single_choice, text_section
from tests.routers.problems import assert_anonymous, assert_problem
from tests.support import Api, RollbackDatabase, etag

ANY = {"If-Match": "*"}
TRUE_FALSE = {"kind": "true_false", "prompt": "Is it?", "metadata": {"correct": True}}


@pytest.fixture
async def module(session: AsyncSession, database: RollbackDatabase) -> TrainingModule:
    parts = text_section(), quiz_section(single_choice(), single_choice(points=2))
    module = await make_module(session, *parts, title="Sharps", category="Safety")
    await publish(database, module)
    return module


async def changed(api: Api, author: User, module: TrainingModule) -> bool:
    """Return what the draft says, once the card has said the same."""
    draft = (await api.get(f"/modules/{module.id}", author)).json()
    cards = (await api.get("/modules", author)).json()["items"]
    (card,) = [each for each in cards if each["id"] == str(module.id)]
    assert card["unpublished_changes"] == draft["unpublished_changes"]
    assert card["etag"] == draft["etag"]
    return bool(draft["unpublished_changes"])


async def test_anonymous(api: Api) -> None:
    assert_anonymous(await api.get("/modules"))


async def test_learners_are_not_told(api: Api, learner: User, module: TrainingModule) -> None:
    (card,) = (await api.get("/modules", learner)).json()["items"]
    outline = (await api.get(f"/modules/{module.id}", learner)).json()
    assert card["id"] == outline["id"] == str(module.id)
    assert {"etag", "unpublished_changes"} & {*card, *outline} == set()


async def test_what_was_never_published_is_unpublished(
    api: Api, author: User, session: AsyncSession
) -> None:
    assert await changed(api, author, await make_module(session))


async def test_only_until_it_is_published(api: Api, author: User, module: TrainingModule) -> None:
    path = f"/modules/{module.id}"
    assert not await changed(api, author, module)
    await api.patch(path, author, headers=ANY, json={"title": "Needles"})
    assert await changed(api, author, module)
    assert (await api.post(f"{path}/publish", author)).is_success
    assert not await changed(api, author, module)


EDITS: list[tuple[str, str, Any]] = [
    ("PATCH", "", {"title": "Needles"}),
    ("PATCH", "/sections/{section}", {"body": "<p>Never.</p>"}),
    ("PATCH", "/sections/{quiz}", {"settings": {"pass_mark": 90}}),
    ("PUT", "/sections/order", {"section_ids": ["{quiz}", "{section}"]}),
    ("POST", "/sections", {"kind": "text", "title": "New"}),
    ("POST", "/sections/{section}/duplicate", None),
    ("DELETE", "/sections/{section}", None),
    ("PATCH", "/sections/{quiz}/questions/{question}", {"points": 3}),
    ("PATCH", "/sections/{quiz}/questions/{question}", {"position": 2}),
    ("POST", "/sections/{quiz}/questions", TRUE_FALSE),
    ("POST", "/sections/{quiz}/questions/bulk", {"items": [TRUE_FALSE]}),
    ("POST", "/sections/{quiz}/questions/{question}/duplicate", None),
    ("DELETE", "/sections/{quiz}/questions/{question}", None),
]


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: f"{edit[0]} {edit[1]}")
async def test_any_edit_counts(
    api: Api, author: User, module: TrainingModule, edit: tuple[str, str, Any]
) -> None:
    method, path, body = edit
    section, quiz = module.sections
    ids = {"section": section.id, "quiz": quiz.id, "question": quiz.questions[0].id}
    if isinstance(body, dict) and "section_ids" in body:
        body = {"section_ids": [each.format(**ids) for each in body["section_ids"]]}
    address = f"/modules/{module.id}{path.format(**ids)}"
    response = await api.request(method, address, author, headers=ANY, json=body)
    assert response.is_success, response.text
    assert await changed(api, author, module)


async def test_an_import_counts(api: Api, author: User, module: TrainingModule) -> None:
    path = f"/modules/{module.id}/sections/{module.sections[1].id}/questions/import?format=gift"
    headers = {"Content-Type": "text/plain"}
    assert (await api.post(path, author, content="Is it? {T}", headers=headers)).is_success
    assert await changed(api, author, module)


async def test_what_is_put_back_is_no_change(
    api: Api, author: User, module: TrainingModule
) -> None:
    quiz = module.sections[1]
    question = f"/modules/{module.id}/sections/{quiz.id}/questions/{quiz.questions[1].id}"
    for points, differs in ((3, True), (2, False)):
        await api.patch(question, author, headers=ANY, json={"points": points})
        assert await changed(api, author, module) is differs


@pytest.mark.parametrize("fields", [{"prerequisite_ids": []}, {"title": "Sharps"}])
async def test_what_no_version_has_is_no_change(
    api: Api, author: User, module: TrainingModule, fields: dict[str, Any]
) -> None:
    path = f"/modules/{module.id}"
    assert (await api.patch(path, author, headers=ANY, json=fields)).is_success
    await api.post(f"{path}/archive", author)
    await api.post(f"{path}/restore", author)
    assert not await changed(api, author, module)
    assert_problem(await api.post(f"{path}/publish", author), 409, "nothing_to_publish")


async def test_drafts_from_before_keep_what_the_migration_found(
    api: Api, author: User, module: TrainingModule, session: AsyncSession
) -> None:
    """Both hashes are missing where a draft was not edited since its publication."""
    for found, differs in ((None, False), ("0" * 64, True)):
        values = {"draft_sha256": found, "published_draft_sha256": None}
        await session.execute(update(TrainingModule).values(**values))
        await session.commit()
        assert await changed(api, author, module) is differs


class TestPublish:
    async def test_anonymous(self, api: Api, module: TrainingModule) -> None:
        assert_anonymous(await api.post(f"/modules/{module.id}/publish", headers=ANY))

    async def test_what_somebody_changed_meanwhile_is_not_published(
        self, api: Api, author: User, admin: User, module: TrainingModule
    ) -> None:
        path = f"/modules/{module.id}"
        read = etag(await api.get(path, author))
        assert (await api.patch(path, admin, headers=read, json={"title": "New"})).is_success
        refused = await api.post(f"{path}/publish", author, headers=read)
        assert_problem(refused, 412, "precondition_failed")
        published = await api.post(
            f"{path}/publish", author, headers=etag(await api.get(path, author))
        )
        assert published.json()["title"] == "New"

    async def test_an_author_goes_on_with_the_etag_of_the_answer(
        self, api: Api, author: User, module: TrainingModule
    ) -> None:
        path = f"/modules/{module.id}"
        await api.patch(path, author, headers=ANY, json={"title": "New"})
        published = (await api.post(f"{path}/publish", author)).json()
        assert published["module_etag"] == (await api.get(path, author)).headers["ETag"]
        listed = (await api.get(f"{path}/versions", author)).json()["items"]
        assert "module_etag" not in listed[0]
