"""Deleted sections and questions of a draft, and how they come back."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import AuditEvent, ModuleSection, QuizQuestion, TrainingModule, User
from tests.factories.media import make_media, video_section
from tests.factories.module import make_module, publish, quiz_section, single_choice, text_section
from tests.routers.problems import assert_anonymous, assert_problem, pointers
from tests.support import Api, RollbackDatabase

ANY = {"If-Match": "*"}


@pytest.fixture
async def module(session: AsyncSession) -> TrainingModule:
    quiz = quiz_section(*(single_choice(prompt=prompt) for prompt in ("One?", "Two?", "Three?")))
    return await make_module(session, text_section(), quiz, text_section())


def quiz(module: TrainingModule) -> str:
    return f"/modules/{module.id}/sections/{module.sections[1].id}"


def question(module: TrainingModule, place: int = 1) -> str:
    return f"{quiz(module)}/questions/{module.sections[1].questions[place].id}"


async def draft_of(api: Api, author: User, module: TrainingModule) -> dict[str, Any]:
    return dict((await api.get(f"/modules/{module.id}", author)).json())


def content_of(draft: dict[str, Any]) -> Any:
    """Return the parts without what counts edits."""
    return [
        {name: part[name] for name in ("id", "title", "position", "body", "settings")}
        | {"questions": [(each["id"], each["position"]) for each in part["questions"]]}
        for part in draft["sections"]
    ]


async def delete(api: Api, author: User, *paths: str) -> None:
    for path in paths:
        assert (await api.delete(path, author, headers=ANY)).status_code == 204


class TestSection:
    async def test_anonymous(self, api: Api, module: TrainingModule) -> None:
        assert_anonymous(await api.post(f"{quiz(module)}/restore"))

    async def test_learners_may_not(self, api: Api, learner: User, module: TrainingModule) -> None:
        assert_problem(await api.post(f"{quiz(module)}/restore", learner), 403, "forbidden")

    async def test_not_those_of_other_modules(
        self, api: Api, author: User, module: TrainingModule, session: AsyncSession
    ) -> None:
        other = await make_module(session)
        await delete(api, author, quiz(module))
        path = f"/modules/{other.id}/sections/{module.sections[1].id}/restore"
        assert_problem(await api.post(path, author), 404, "section_not_found")

    async def test_is_as_it_was_and_where_it_was(
        self, api: Api, author: User, module: TrainingModule
    ) -> None:
        before = await draft_of(api, author, module)
        await delete(api, author, quiz(module))
        gone = await draft_of(api, author, module)
        assert [part["position"] for part in gone["sections"]] == [1, 2]
        assert gone["section_count"] == 2
        answer = (await api.post(f"{quiz(module)}/restore", author)).json()
        after = await draft_of(api, author, module)
        assert content_of(after) == content_of(before)
        assert (answer["etag"], answer["module_etag"]) == (
            after["sections"][1]["etag"],
            after["etag"],
        )

    async def test_goes_to_the_end_where_others_are_gone_too(
        self, api: Api, author: User, module: TrainingModule
    ) -> None:
        first, _, last = (f"/modules/{module.id}/sections/{each.id}" for each in module.sections)
        await delete(api, author, last, quiz(module), first)
        for path in (last, quiz(module), first):
            assert (await api.post(f"{path}/restore", author)).is_success
        ids = [part["id"] for part in (await draft_of(api, author, module))["sections"]]
        assert ids[0] == first.rpartition("/")[2]
        assert sorted(ids) == sorted(str(each.id) for each in module.sections)

    async def test_one_that_is_there_stays(
        self, api: Api, author: User, module: TrainingModule
    ) -> None:
        before = await draft_of(api, author, module)
        assert (await api.post(f"{quiz(module)}/restore", author)).is_success
        assert await draft_of(api, author, module) == before

    async def test_questions_deleted_before_it_stay_deleted(
        self, api: Api, author: User, module: TrainingModule
    ) -> None:
        await delete(api, author, question(module), quiz(module))
        section = (await api.post(f"{quiz(module)}/restore", author)).json()
        assert [each["prompt"] for each in section["questions"]] == ["One?", "Three?"]

    async def test_is_no_change_after_all(
        self, api: Api, author: User, module: TrainingModule, database: RollbackDatabase
    ) -> None:
        await publish(database, module)
        await delete(api, author, quiz(module))
        assert (await draft_of(api, author, module))["unpublished_changes"] is True
        await api.post(f"{quiz(module)}/restore", author)
        assert (await draft_of(api, author, module))["unpublished_changes"] is False

    async def test_versions_do_without_it(
        self, api: Api, author: User, module: TrainingModule, database: RollbackDatabase
    ) -> None:
        await delete(api, author, quiz(module))
        await publish(database, module)
        version = (await api.get(f"/modules/{module.id}/versions/1", author)).json()
        assert len(version["content"]["sections"]) == 2

    async def test_a_copy_of_the_module_does_without_it(
        self, api: Api, author: User, module: TrainingModule
    ) -> None:
        await delete(api, author, quiz(module))
        copy = (await api.post(f"/modules/{module.id}/duplicate", author)).json()
        assert len(copy["sections"]) == 2

    async def test_is_audited(
        self, api: Api, author: User, module: TrainingModule, session: AsyncSession
    ) -> None:
        await delete(api, author, quiz(module))
        await api.post(f"{quiz(module)}/restore", author)
        events = select(AuditEvent.action).where(AuditEvent.target_id == module.sections[1].id)
        assert set(await session.scalars(events)) == {"section:deleted", "section:restored"}


class TestQuestion:
    async def test_anonymous(self, api: Api, module: TrainingModule) -> None:
        assert_anonymous(await api.post(f"{question(module)}/restore"))

    async def test_learners_may_not(self, api: Api, learner: User, module: TrainingModule) -> None:
        assert_problem(await api.post(f"{question(module)}/restore", learner), 403, "forbidden")

    async def test_is_as_it_was_and_where_it_was(
        self, api: Api, author: User, module: TrainingModule
    ) -> None:
        before = await draft_of(api, author, module)
        await delete(api, author, question(module))
        answer = (await api.post(f"{question(module)}/restore", author)).json()
        after = await draft_of(api, author, module)
        assert content_of(after) == content_of(before)
        section = after["sections"][1]
        assert answer["section_etag"] == section["etag"]
        assert answer["module_etag"] == after["etag"]

    async def test_not_without_its_section(
        self, api: Api, author: User, module: TrainingModule
    ) -> None:
        await delete(api, author, question(module), quiz(module))
        response = await api.post(f"{question(module)}/restore", author)
        assert_problem(response, 404, "section_not_found")

    async def test_an_import_brings_it_back_under_its_id(
        self, api: Api, author: User, module: TrainingModule
    ) -> None:
        form = "questions/export?format=moodle_xml", "questions/import?format=moodle_xml"
        exported = await api.get(f"{quiz(module)}/{form[0]}", author)
        await delete(api, author, question(module))
        report = await api.post(
            f"{quiz(module)}/{form[1]}",
            author,
            content=exported.content,
            headers={"Content-Type": "application/xml"},
        )
        assert (report.json()["created"], report.json()["unchanged"]) == (1, 2)
        ids = {each["id"] for each in (await api.get(quiz(module), author)).json()["questions"]}
        assert ids == {str(each.id) for each in module.sections[1].questions}


class TestDeleted:
    async def test_anonymous(self, api: Api, module: TrainingModule) -> None:
        assert_anonymous(await api.get(f"/modules/{module.id}/sections/deleted"))

    async def test_learners_may_not(self, api: Api, learner: User, module: TrainingModule) -> None:
        response = await api.get(f"/modules/{module.id}/sections/deleted", learner)
        assert_problem(response, 403, "forbidden")

    async def test_lists_what_may_be_restored(
        self, api: Api, author: User, module: TrainingModule, session: AsyncSession
    ) -> None:
        other = await make_module(session)
        await delete(api, author, f"/modules/{other.id}/sections/{other.sections[0].id}")
        last = f"/modules/{module.id}/sections/{module.sections[2].id}"
        await delete(api, author, question(module), last)
        deleted = (await api.get(f"/modules/{module.id}/sections/deleted", author)).json()
        assert [each["id"] for each in deleted["sections"]] == [str(module.sections[2].id)]
        assert [each["prompt"] for each in deleted["questions"]] == ["Two?"]
        assert deleted["questions"][0]["section_id"] == str(module.sections[1].id)


async def grow_old(session: AsyncSession) -> None:
    """Let more than 30 days pass since every deletion."""
    long_ago = datetime.now(UTC) - timedelta(days=31)
    for part in (ModuleSection, QuizQuestion):
        await session.execute(
            update(part).where(part.deleted_at.is_not(None)).values(deleted_at=long_ago)
        )
    await session.commit()


async def test_not_after_thirty_days(
    api: Api, author: User, module: TrainingModule, session: AsyncSession
) -> None:
    last = f"/modules/{module.id}/sections/{module.sections[2].id}"
    await delete(api, author, question(module), last)
    await grow_old(session)
    deleted = (await api.get(f"/modules/{module.id}/sections/deleted", author)).json()
    assert deleted == {"sections": [], "questions": []}
    assert_problem(await api.post(f"{last}/restore", author), 404, "section_not_found")
    response = await api.post(f"{question(module)}/restore", author)
    assert_problem(response, 404, "question_not_found")


async def test_an_author_may_delete_its_file_all_the_same(
    api: Api, author: User, session: AsyncSession
) -> None:
    video = await make_media(session, author)
    module = await make_module(session, text_section(), video_section(video))
    path = f"/modules/{module.id}/sections/{module.sections[1].id}"
    await delete(api, author, path, f"/media/{video.id}")
    assert (await api.post(f"{path}/restore", author)).is_success
    refused = await api.post(f"/modules/{module.id}/publish", author)
    assert pointers(refused) == [("/sections/1/settings/media_id", "unknown_media")]
