import uuid
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.concurrency import Precondition
from app.core.errors import (
    AppError,
    InvalidPayloadError,
    PreconditionFailedError,
    PreconditionRequiredError,
)
from app.core.pagination import PageRequest
from app.domain.audit import AuditAction
from app.models import AuditEvent, User
from app.repositories.content.module import ModuleFilter
from app.schemas.content.module import ModuleCreate, ModuleDraft, ModuleUpdate, Publish
from app.schemas.content.section import SectionCreate, SectionRead
from app.services.answer import Answer
from app.services.content.module import ModuleService
from app.services.content.section import SectionService
from tests.services.conftest import acting
from tests.support import RollbackDatabase

ANY = Precondition(frozenset({"*"}))


class Desk:
    """An author at work, through the services alone."""

    def __init__(self, database: RollbackDatabase, session: AsyncSession, user: User) -> None:
        self.session = session
        self.modules = ModuleService(database, acting(user))
        self.sections = SectionService(database, acting(user))

    async def draft(self, title: str = "Hand Hygiene", **fields: Any) -> dict[str, Any]:
        answer = await self.modules.create(ModuleCreate(title=title, **fields))
        return {"etag": answer.value.etag, **answer.value.model_dump(mode="json")}

    async def text(self, module_id: str, body: str = "<p>Wash.</p>") -> Answer[SectionRead]:
        payload = SectionCreate(kind="text", title="Text", body=body)
        return await self.sections.create(uuid.UUID(module_id), payload)

    async def publish(self, module_id: str) -> dict[str, Any]:
        answer = await self.modules.publish(uuid.UUID(module_id), Publish(), ANY)
        return dict(answer.value.model_dump(mode="json"))

    async def read(self, module_id: str) -> dict[str, Any]:
        draft = (await self.modules.get(uuid.UUID(module_id))).value
        assert isinstance(draft, ModuleDraft)
        return {"etag": draft.etag, **draft.model_dump(mode="json")}

    async def events(self, target: str) -> list[str]:
        statement = select(AuditEvent.action).where(AuditEvent.target_id == uuid.UUID(target))
        return list(await self.session.scalars(statement.order_by(AuditEvent.created_at)))


@pytest.fixture
def desk(database: RollbackDatabase, session: AsyncSession, author: User) -> Desk:
    return Desk(database, session, author)


class TestDrafts:
    async def test_slugs_are_made_of_titles(self, desk: Desk) -> None:
        slugs = [(await desk.draft("Hand Hygiene!"))["slug"] for _ in range(3)]
        assert slugs == ["hand-hygiene", "hand-hygiene-2", "hand-hygiene-3"]

    async def test_a_slug_stays_when_the_title_changes(self, desk: Desk) -> None:
        draft = await desk.draft()
        await desk.modules.update(uuid.UUID(draft["id"]), ModuleUpdate(title="Care"), ANY)
        after = await desk.read(draft["id"])
        assert (after["title"], after["slug"]) == ("Care", "hand-hygiene")

    async def test_only_what_was_sent_changes(self, desk: Desk) -> None:
        draft = await desk.draft(summary="Why", category="Safety", tags=["osha"])
        await desk.modules.update(uuid.UUID(draft["id"]), ModuleUpdate(category=None), ANY)
        after = await desk.read(draft["id"])
        assert (after["summary"], after["category"], after["tags"]) == ("Why", None, ["osha"])

    async def test_an_edit_names_the_version_it_changes(self, desk: Desk) -> None:
        draft = await desk.draft()
        module_id, payload = uuid.UUID(draft["id"]), ModuleUpdate(title="Care")
        known = Precondition.parse(draft["etag"])
        with pytest.raises(PreconditionRequiredError):
            await desk.modules.update(module_id, payload, Precondition(None))
        edited = await desk.modules.update(module_id, payload, known)
        assert edited.value.etag != draft["etag"]
        with pytest.raises(PreconditionFailedError):
            await desk.modules.update(module_id, payload, known)

    async def test_an_edit_of_nothing_leaves_no_trace(self, desk: Desk) -> None:
        draft = await desk.draft()
        same = ModuleUpdate(title="Hand Hygiene")
        answer = await desk.modules.update(uuid.UUID(draft["id"]), same, ANY)
        assert answer.value.etag == draft["etag"]
        assert await desk.events(draft["id"]) == [AuditAction.MODULE_CREATED]

    async def test_parts_count_as_edits(self, desk: Desk) -> None:
        draft = await desk.draft()
        await desk.text(draft["id"])
        assert (await desk.read(draft["id"]))["revision"] > draft["revision"]


class TestPrerequisites:
    async def test_are_other_live_modules_without_cycles(self, desk: Desk) -> None:
        first = await desk.draft("First")
        second = await desk.draft("Second", prerequisite_ids=[first["id"]])
        assert second["prerequisite_ids"] == [first["id"]]
        for required in (first["id"], second["id"], str(uuid.uuid4())):
            payload = ModuleUpdate(prerequisite_ids=[uuid.UUID(required)])
            with pytest.raises(InvalidPayloadError):
                await desk.modules.update(uuid.UUID(first["id"]), payload, ANY)


class TestDeletion:
    async def test_is_undone(self, desk: Desk) -> None:
        draft = await desk.draft()
        module_id = uuid.UUID(draft["id"])
        await desk.modules.delete(module_id, ANY)
        with pytest.raises(AppError) as caught:
            await desk.modules.get(module_id)
        assert caught.value.code == "module_not_found"
        restored = await desk.modules.restore(module_id)
        assert restored.value.model_dump(mode="json")["slug"] == "hand-hygiene"
        assert await desk.events(draft["id"]) == [
            "module:created",
            "module:deleted",
            "module:restored",
        ]

    @pytest.mark.parametrize("title", ["Hand Hygiene", "Renamed since"])
    async def test_a_taken_slug_is_numbered(self, desk: Desk, title: str) -> None:
        draft = await desk.draft()
        module_id = uuid.UUID(draft["id"])
        await desk.modules.update(module_id, ModuleUpdate(title=title), ANY)
        await desk.modules.delete(module_id, ANY)
        await desk.draft()
        restored = await desk.modules.restore(module_id)
        assert restored.value.model_dump(mode="json")["slug"] == "hand-hygiene-2"

    async def test_what_was_published_is_archived_instead(self, desk: Desk) -> None:
        draft = await desk.draft()
        await desk.text(draft["id"])
        await desk.publish(draft["id"])
        module_id = uuid.UUID(draft["id"])
        with pytest.raises(AppError) as caught:
            await desk.modules.delete(module_id, ANY)
        assert caught.value.code == "module_in_use"
        for expected, change in (
            ("archived", desk.modules.archive),
            ("archived", desk.modules.archive),
            ("published", desk.modules.restore),
        ):
            answer = await change(module_id)
            assert answer.value.model_dump(mode="json")["status"] == expected


class TestPublishing:
    async def test_makes_the_next_version(self, desk: Desk) -> None:
        draft = await desk.draft()
        await desk.text(draft["id"])
        first = await desk.publish(draft["id"])
        await desk.text(draft["id"])
        second = await desk.publish(draft["id"])
        assert (first["number"], second["number"]) == (1, 2)
        assert first["content_sha256"] != second["content_sha256"]
        versions = await desk.modules.versions(uuid.UUID(draft["id"]), PageRequest())
        assert [version.number for version in versions.items] == [2, 1]
        detail = (await desk.modules.version(uuid.UUID(draft["id"]), 1)).value
        assert len(detail.content["sections"]) == 1

    async def test_needs_a_change(self, desk: Desk) -> None:
        draft = await desk.draft()
        await desk.text(draft["id"])
        await desk.publish(draft["id"])
        with pytest.raises(AppError) as caught:
            await desk.publish(draft["id"])
        assert (caught.value.status, caught.value.code) == (409, "nothing_to_publish")

    async def test_says_every_reason_against_it(self, desk: Desk) -> None:
        draft = await desk.draft()
        await desk.text(draft["id"], body="")
        quiz = SectionCreate(kind="quiz", title="Quiz")
        await desk.sections.create(uuid.UUID(draft["id"]), quiz)
        with pytest.raises(InvalidPayloadError) as caught:
            await desk.publish(draft["id"])
        assert caught.value.code == "module_not_publishable"
        reasons: Any = caught.value.extra["errors"]
        assert {reason["code"] for reason in reasons} == {"body_missing", "no_questions"}

    async def test_learners_see_it_from_then_on(
        self, desk: Desk, database: RollbackDatabase, learner: User
    ) -> None:
        draft = await desk.draft()
        await desk.text(draft["id"])
        catalogue = ModuleService(database, acting(learner))
        before = await catalogue.list(ModuleFilter(), PageRequest(include_total=True))
        await desk.publish(draft["id"])
        after = await catalogue.list(ModuleFilter(), PageRequest(include_total=True))
        assert (before.total, after.total) == (0, 1)
        outline = (await catalogue.get(uuid.UUID(draft["id"]))).value.model_dump(mode="json")
        assert outline["sections"][0]["title"] == "Text"
        assert "body" not in outline["sections"][0]
