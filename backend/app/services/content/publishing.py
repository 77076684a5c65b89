"""From a locked draft to an immutable version, within the caller's unit of work."""

import asyncio
import math
import uuid
from dataclasses import replace
from decimal import Decimal
from typing import Final

import orjson

from app.core.errors import ConflictError, FieldError, InvalidPayloadError
from app.domain.audit import AuditAction
from app.domain.content.draft import ModuleDraft
from app.domain.content.media.use import media_of_module
from app.domain.content.publishing import NotPublishableError, Publication, publish
from app.domain.content.section_kind import rules_of
from app.models import AnswerKey, ModuleVersion, TrainingModule, VersionSection
from app.models.content.module import ModuleStatus
from app.schemas.content.module import Publish, VersionRead
from app.services.content.authoring import draft_of
from app.services.content.media_use import media_faults
from app.services.unit_of_work import UnitOfWork

MINUTES_PER_HOUR: Final = 60


class NothingToPublishError(ConflictError):
    code = "nothing_to_publish"
    title = "Nothing has changed since the current version"


class ModuleNotPublishableError(InvalidPayloadError):
    code = "module_not_publishable"
    title = "This module cannot be published yet"


async def publish_module(
    uow: UnitOfWork, module: TrainingModule, payload: Publish
) -> ModuleVersion:
    """Freeze the draft as the next version; the caller holds the module's lock.

    Raises ModuleNotPublishableError (422) with every reason, NothingToPublishError (409).
    """
    draft = replace(draft_of(module), minutes_owed=await _minutes_owed(uow, module.id))
    named = list(media_of_module(draft))
    publication = await _publication(draft, await media_faults(uow, named))
    await _refuse_unchanged(uow, module, publication)
    version = await _add_version(uow, module, publication, payload)
    await uow.media.add_to_version(version.id, {each.media_id for each in named})
    module.draft_sha256 = module.published_draft_sha256 = draft.sha256()
    module.current_version_id = version.id
    module.status = ModuleStatus.PUBLISHED
    module.published_at = version.created_at
    await uow.modules.save(module)
    after = {"number": version.number, "content_sha256": version.content_sha256}
    await uow.audit(AuditAction.MODULE_PUBLISHED, module, after=after)
    return version


def version_read(version: ModuleVersion, module_etag: str | None = None) -> VersionRead:
    return VersionRead(
        id=version.id,
        module_id=version.module_id,
        number=version.number,
        title=version.title,
        note=version.note,
        material_change=version.material_change,
        content_sha256=version.content_sha256,
        answer_key_sha256=version.answer_key_sha256,
        published_at=version.created_at,
        module_etag=module_etag,
    )


async def _add_version(
    uow: UnitOfWork, module: TrainingModule, publication: Publication, payload: Publish
) -> ModuleVersion:
    version = await uow.versions.add(
        ModuleVersion(
            module_id=module.id,
            number=await uow.versions.next_number(module.id),
            title=module.title,
            summary=module.summary,
            category=module.category,
            tags=module.tags,
            language=module.language,
            estimated_minutes=module.estimated_minutes,
            content=publication.content,
            content_sha256=publication.content_sha256,
            answer_key_sha256=publication.answer_key_sha256,
            outline=publication.outline,
            note=payload.note,
            material_change=payload.material_change,
            published_by_id=uow.actor_id,
            by_office=publication.by_office or None,
        )
    )
    await uow.versions.add_parts(
        _version_sections(module, version, publication),
        [
            AnswerKey(version_id=version.id, section_id=uuid.UUID(section_id), key=key)
            for section_id, key in publication.answer_key.items()
        ],
    )
    return version


async def _minutes_owed(uow: UnitOfWork, module_id: uuid.UUID) -> int:
    """Return the most minutes that records of the module credit or that a rule asks of them."""
    teaching = await uow.module_teachings.of_module(module_id)
    credited = teaching.ce_hours if teaching and teaching.ce_hours else Decimal(0)
    asked = await uow.requirements.minutes_asked(module_id)
    return max(math.ceil(credited * MINUTES_PER_HOUR), asked)


async def _publication(draft: ModuleDraft, of_media: list[FieldError]) -> Publication:
    try:
        publication = await asyncio.to_thread(publish, draft)
    except NotPublishableError as error:
        raise ModuleNotPublishableError((*error.reasons, *of_media)) from None
    if of_media:
        raise ModuleNotPublishableError(tuple(of_media))
    return publication


def _version_sections(
    module: TrainingModule, version: ModuleVersion, publication: Publication
) -> list[VersionSection]:
    documents = {
        section["id"]: section.get("document_sha256")
        for section in orjson.loads(publication.content)["sections"]
    }
    rows = []
    for section in module.sections:
        thresholds = publication.thresholds[section.id]
        rows.append(
            VersionSection(
                version_id=version.id,
                section_id=section.id,
                position=section.position,
                kind=section.kind,
                completed_by=rules_of(section.kind).completed_by,
                title=section.title,
                required=section.required,
                minimum_seconds=thresholds.minimum_seconds,
                minimum_position=thresholds.minimum_position,
                document_sha256=documents[str(section.id)],
                states=sorted(section.states) or None,
                site_facts=publication.site_facts[section.id] or None,
            )
        )
    return rows


async def _refuse_unchanged(
    uow: UnitOfWork, module: TrainingModule, publication: Publication
) -> None:
    if module.current_version_id is None:
        return
    current = await uow.versions.by_id(module.current_version_id)
    if (
        current is not None
        and current.content_sha256 == publication.content_sha256
        and current.answer_key_sha256 == publication.answer_key_sha256
    ):
        raise NothingToPublishError
