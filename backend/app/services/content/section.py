"""The ordered parts of a module's draft."""

import asyncio
import uuid
from typing import Any

from pydantic import MISSING, ValidationError

from app.core.concurrency import Precondition
from app.core.errors import InvalidPayloadError
from app.core.ids import new_id
from app.domain.audit import AuditAction
from app.domain.content.html import sanitise
from app.domain.content.html_limits import TooComplexError
from app.domain.content.media.picture import picture_faults
from app.domain.content.media.use import media_of_body, media_of_settings
from app.domain.content.section_kind import parse_settings
from app.domain.content.section_settings import SectionKind
from app.models import ModuleSection, TrainingModule
from app.schemas.content.question import ChangedDraft
from app.schemas.content.section import (
    DeletedParts,
    DeletedQuestion,
    DeletedSection,
    SectionCreate,
    SectionOrder,
    SectionOrderRead,
    SectionRead,
    SectionUpdate,
)
from app.services.answer import Answer
from app.services.base import apply, found
from app.services.content.authoring import (
    AuthoringService,
    audit_copies,
    copy_of_section,
    invalid,
    place,
    put_back,
    renumber,
    save_part,
    section_of,
    take_out,
)
from app.services.content.media_use import refuse_unusable_media
from app.services.unit_of_work import UnitOfWork


class SectionService(AuthoringService):
    async def get(self, module_id: uuid.UUID, section_id: uuid.UUID) -> Answer[SectionRead]:
        async with self.reading() as uow:
            module = found(await uow.modules.not_deleted(module_id), "module")
            return _answer(module, section_of(module, section_id))

    async def create(self, module_id: uuid.UUID, payload: SectionCreate) -> Answer[SectionRead]:
        body = await _clean(payload.body)
        async with self.work() as uow:
            module = await self.locked(uow, module_id)
            await refuse_unusable_media(uow, media_of_body(body))
            section = ModuleSection(
                id=new_id(),
                kind=payload.kind,
                title=payload.title,
                body=body,
                required=payload.required,
                settings=await _settings(uow, payload.kind, payload.settings),
                states=payload.states,
                position=len(module.sections) + 1,
                questions=[],
            )
            place(module.sections, section, payload.position)
            await save_part(uow, module)
            after = {"module_id": module.id, "kind": section.kind, "title": section.title}
            await uow.audit(AuditAction.SECTION_CREATED, section, after=after)
            return await uow.answer(_answer(module, section, created=True))

    async def duplicate(self, module_id: uuid.UUID, section_id: uuid.UUID) -> Answer[SectionRead]:
        """Copy a section with its questions, to the place after it."""
        async with self.work() as uow:
            module = await self.locked(uow, module_id)
            source = section_of(module, section_id)
            section = copy_of_section(source)
            place(module.sections, section, source.position + 1)
            await save_part(uow, module)
            await audit_copies(uow, [section])
            return await uow.answer(_answer(module, section, created=True))

    async def update(
        self,
        module_id: uuid.UUID,
        section_id: uuid.UUID,
        payload: SectionUpdate,
        precondition: Precondition,
    ) -> Answer[SectionRead]:
        body = "" if payload.body is MISSING else await _clean(payload.body)
        async with self.work() as uow:
            module = await self.locked(uow, module_id)
            section = section_of(module, section_id)
            precondition.require(section.etag, module.etag)
            # Checked before the row is changed: the checks query the database, and before a query
            # SQLAlchemy would already write the changes made so far.
            await refuse_unusable_media(uow, media_of_body(body))
            if payload.settings is not MISSING:
                payload.settings = await _settings(uow, section.kind, payload.settings)
            before, after = apply(section, payload, ("title", "required", "settings", "states"))
            if payload.body is not MISSING:
                # The audit event only says that the body changed; the text itself is kept in the
                # versions.
                section.body = body
                after["body_changed"] = True
            if payload.position is not MISSING:
                before["position"], after["position"] = section.position, payload.position
                place(module.sections, section, payload.position)
            await save_part(uow, module)
            await uow.audit(AuditAction.SECTION_UPDATED, section, before=before, after=after)
            return _answer(module, section)

    async def delete(
        self, module_id: uuid.UUID, section_id: uuid.UUID, precondition: Precondition
    ) -> ChangedDraft:
        async with self.work() as uow:
            module = await self.locked(uow, module_id)
            section = section_of(module, section_id)
            precondition.require(section.etag, module.etag)
            await take_out(uow, module, section)
            renumber(module.sections)
            await save_part(uow, module)
            before = {"module_id": module.id, "kind": section.kind, "title": section.title}
            await uow.audit(AuditAction.SECTION_DELETED, section, before=before)
            return ChangedDraft(module_etag=module.etag)

    async def deleted(self, module_id: uuid.UUID) -> DeletedParts:
        """List the parts of a draft that may be restored, the last one deleted first."""
        async with self.reading() as uow:
            module = found(await uow.modules.not_deleted(module_id), "module")
            sections = await uow.modules.deleted_sections(module_id)
            questions = await uow.questions.restorable_of([each.id for each in module.sections])
            return DeletedParts(
                sections=[DeletedSection.model_validate(each) for each in sections],
                questions=[DeletedQuestion.model_validate(each) for each in questions],
            )

    async def restore(self, module_id: uuid.UUID, section_id: uuid.UUID) -> Answer[SectionRead]:
        """Undo a deletion: with its questions, to the place that it had."""
        async with self.work() as uow:
            module = await self.locked(uow, module_id)
            section = await uow.modules.deleted_section(module_id, section_id)
            if section is not None:
                position = section.position
                await put_back(uow, module, section)
                place(module.sections, section, position)
                await save_part(uow, module)
                after = {"module_id": module.id, "kind": section.kind, "title": section.title}
                await uow.audit(AuditAction.SECTION_RESTORED, section, after=after)
            return await uow.answer(_answer(module, section_of(module, section_id)))

    async def reorder(
        self, module_id: uuid.UUID, payload: SectionOrder, precondition: Precondition
    ) -> Answer[SectionOrderRead]:
        async with self.work() as uow:
            module = await self.locked(uow, module_id)
            precondition.require(module.etag)
            by_id = {section.id: section for section in module.sections}
            if sorted(by_id) != sorted(payload.section_ids):
                raise InvalidPayloadError.at(
                    "/section_ids",
                    "not_a_permutation",
                    "Name every section of the module exactly once",
                )
            before = {"section_ids": [section.id for section in module.sections]}
            after = {"section_ids": payload.section_ids}
            if after == before:
                return _order(module)
            renumber([by_id[section_id] for section_id in payload.section_ids])
            module.sections.sort(key=lambda section: section.position)
            await save_part(uow, module)
            await uow.audit(AuditAction.SECTIONS_REORDERED, module, before=before, after=after)
            return _order(module)


async def _clean(body: str) -> str:
    """Sanitise a body in a thread, and before any row is locked, because it may take a second."""
    try:
        clean = await asyncio.to_thread(sanitise, body)
    except TooComplexError as error:
        raise InvalidPayloadError.at("/body", "too_complex", error.detail) from None
    if faults := list(picture_faults("/body", clean)):
        raise InvalidPayloadError(faults)
    return clean


def _order(module: TrainingModule) -> Answer[SectionOrderRead]:
    section_ids = [section.id for section in module.sections]
    return Answer(SectionOrderRead(section_ids=section_ids, etag=module.etag))


async def _settings(uow: UnitOfWork, kind: SectionKind, raw: dict[str, Any]) -> dict[str, Any]:
    """Return settings as they are kept; refuse what the kind, or a file they name, forbids."""
    try:
        settings = parse_settings(kind, raw).as_json()
    except ValidationError as error:
        raise invalid(error, "/settings") from None
    await refuse_unusable_media(uow, media_of_settings(kind, settings))
    return settings


def _answer(
    module: TrainingModule, section: ModuleSection, *, created: bool = False
) -> Answer[SectionRead]:
    return Answer(SectionRead.of(section, module), created)
