"""The catalogue and the drafts behind it."""

import uuid
from dataclasses import asdict

import orjson

from app.core.concurrency import Precondition
from app.core.errors import AppError, ConflictError, FieldError, InvalidPayloadError, NotFoundError
from app.core.pagination import PageRequest
from app.domain.audit import AuditAction
from app.domain.progress import report_rule
from app.domain.publishing import (
    ModuleDraft,
    NotPublishableError,
    Publication,
    QuestionDraft,
    SectionDraft,
    publish,
)
from app.domain.section_settings import parse_settings
from app.domain.slug import slugify, unused_slug
from app.models import AnswerKey, ModuleVersion, TrainingModule, VersionSection
from app.models.module import ModuleStatus
from app.repositories.module import Card, ModuleFilter
from app.schemas.base import ListOf
from app.schemas.module import (
    ModuleCard,
    ModuleCreate,
    ModuleOutline,
    ModuleUpdate,
    OutlineSection,
    Publish,
    VersionDetail,
    VersionRead,
)
from app.schemas.module import ModuleDraft as ModuleDraftRead
from app.schemas.section import SectionRead
from app.services.authoring import AuthoringService
from app.services.base import apply
from app.services.outcome import Outcome
from app.services.unit_of_work import UnitOfWork

EDITABLE = ("title", "summary", "category", "tags", "language", "estimated_minutes")


class ModuleInUseError(ConflictError):
    def __init__(self) -> None:
        super().__init__(
            "module_in_use",
            "A module that was published cannot be deleted",
            "Its records refer to it. Archive it instead.",
        )


class NothingToPublishError(ConflictError):
    def __init__(self) -> None:
        super().__init__("nothing_to_publish", "Nothing has changed since the current version")


class ModuleNotPublishableError(InvalidPayloadError):
    def __init__(self, reasons: tuple[FieldError, ...]) -> None:
        super().__init__(
            reasons,
            code="module_not_publishable",
            title="This module cannot be published yet",
        )


class ModuleService(AuthoringService):
    async def list(self, filters: ModuleFilter, request: PageRequest) -> ListOf[ModuleCard]:
        async with self.reading() as uow:
            page = await uow.modules.catalogue(self.actor, filters, request)
            return ListOf(
                items=[ModuleCard.model_validate(card) for card in page.items],
                next_cursor=page.next_cursor,
                total=page.total,
            )

    async def get(self, module_id: uuid.UUID) -> Outcome:
        """Return the draft with its answers to authors, the published outline to others."""
        async with self.reading() as uow:
            if self.actor.writes_modules:
                module = await uow.modules.live(module_id)
                if module is None:
                    raise NotFoundError("module")
                return await self._draft(uow, module)
            return await self._outline(uow, module_id)

    async def create(self, payload: ModuleCreate) -> Outcome:
        async with self.work() as uow:
            stem = slugify(payload.title)
            module = TrainingModule(
                slug=unused_slug(stem, await uow.modules.slugs_like(stem)),
                created_by_id=self.actor.id,
                sections=[],
                **{name: getattr(payload, name) for name in EDITABLE},
            )
            await uow.modules.add(module)
            await _set_prerequisites(uow, module.id, payload.prerequisite_ids)
            after = {"title": module.title, "slug": module.slug}
            await uow.audit(AuditAction.MODULE_CREATED, module, after=after)
            return await uow.answer(await self._draft(uow, module, created=True))

    async def update(
        self, module_id: uuid.UUID, payload: ModuleUpdate, precondition: Precondition
    ) -> Outcome:
        async with self.work() as uow:
            module = await self.locked(uow, module_id)
            precondition.require(module.etag)
            before, after = apply(module, payload, EDITABLE)
            if "prerequisite_ids" in payload.model_fields_set:
                before["prerequisite_ids"] = await uow.modules.prerequisite_ids(module.id)
                after["prerequisite_ids"] = payload.prerequisite_ids
                await _set_prerequisites(uow, module.id, payload.prerequisite_ids)
                module.touch()
            await uow.session.flush()
            await uow.audit(AuditAction.MODULE_UPDATED, module, before=before, after=after)
            return await self._draft(uow, module)

    async def delete(self, module_id: uuid.UUID, precondition: Precondition) -> None:
        async with self.work() as uow:
            module = await self.locked(uow, module_id)
            precondition.require(module.etag)
            if module.current_version_id is not None:
                raise ModuleInUseError
            module.deleted_at = await uow.now()
            await uow.audit(AuditAction.MODULE_DELETED, module)

    async def archive(self, module_id: uuid.UUID) -> Outcome:
        """Take the module out of the catalogue; those under way go on."""
        async with self.work() as uow:
            module = await self.locked(uow, module_id)
            if module.status is not ModuleStatus.ARCHIVED:
                before = {"status": module.status}
                module.status = ModuleStatus.ARCHIVED
                await uow.session.flush()
                after = {"status": module.status}
                await uow.audit(AuditAction.MODULE_ARCHIVED, module, before=before, after=after)
            return await uow.answer(await self._draft(uow, module))

    async def restore(self, module_id: uuid.UUID) -> Outcome:
        """Undo a deletion or an archiving."""
        async with self.work() as uow:
            module = await uow.modules.deleted(module_id)
            if module is not None:
                taken = await uow.modules.slugs_like(slugify(module.title))
                module.slug = unused_slug(module.slug, taken)
                module.deleted_at = None
            else:
                module = await self.locked(uow, module_id)
            if module.status is ModuleStatus.ARCHIVED:
                published = module.current_version_id is not None
                module.status = ModuleStatus.PUBLISHED if published else ModuleStatus.DRAFT
            await uow.session.flush()
            await uow.audit(AuditAction.MODULE_RESTORED, module, after={"status": module.status})
            return await uow.answer(await self._draft(uow, module))

    async def publish(self, module_id: uuid.UUID, payload: Publish) -> Outcome:
        """Freeze the draft as the next version; learners under way stay on theirs."""
        async with self.work() as uow:
            module = await self.locked(uow, module_id)
            publication = _publication(module)
            await _refuse_unchanged(uow, module, publication)
            version = await self._add_version(uow, module, publication, payload)
            module.current_version_id = version.id
            module.status = ModuleStatus.PUBLISHED
            module.published_at = version.created_at
            await uow.session.flush()
            after = {"number": version.number, "content_sha256": version.content_sha256}
            await uow.audit(AuditAction.MODULE_PUBLISHED, module, after=after)
            location = f"/modules/{module.id}/versions/{version.number}"
            return await uow.answer(Outcome.of(_version(version), created=True, location=location))

    async def versions(self, module_id: uuid.UUID, request: PageRequest) -> ListOf[VersionRead]:
        async with self.reading() as uow:
            if not await uow.modules.existing_ids([module_id]):
                raise NotFoundError("module")
            page = await uow.versions.list_of(module_id, request)
            return ListOf(
                items=[_version(version) for version in page.items],
                next_cursor=page.next_cursor,
                total=page.total,
            )

    async def version(self, module_id: uuid.UUID, number: int) -> Outcome:
        async with self.reading() as uow:
            version = await uow.versions.numbered(module_id, number)
            if version is None:
                raise NotFoundError("version")
            detail = VersionDetail(
                **_version(version).model_dump(), content=orjson.loads(version.content)
            )
            return Outcome.of(detail, etag=f'"{version.content_sha256}"')

    async def _add_version(
        self, uow: UnitOfWork, module: TrainingModule, publication: Publication, payload: Publish
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

    async def _draft(
        self, uow: UnitOfWork, module: TrainingModule, *, created: bool = False
    ) -> Outcome:
        card = _found(await uow.modules.card(module.id, author=True))
        draft = ModuleDraftRead(
            **asdict(card),
            prerequisite_ids=await uow.modules.prerequisite_ids(module.id),
            revision=module.revision,
            published_at=module.published_at,
            created_at=module.created_at,
            updated_at=module.updated_at,
            sections=[SectionRead.of(section) for section in module.sections],
        )
        return Outcome.of(
            draft, created=created, etag=module.etag, location=f"/modules/{module.id}"
        )

    async def _outline(self, uow: UnitOfWork, module_id: uuid.UUID) -> Outcome:
        card = _found(await uow.modules.card(module_id, author=False))
        sections = await uow.versions.current_outline(module_id)
        outline = ModuleOutline(
            **asdict(card),
            prerequisite_ids=await uow.modules.prerequisite_ids(module_id),
            sections=[OutlineSection.model_validate(section) for section in sections],
        )
        return Outcome.of(outline)


def _found(card: Card | None) -> Card:
    if card is None:
        raise NotFoundError("module")
    return card


def _version(version: ModuleVersion) -> VersionRead:
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
    )


def _publication(module: TrainingModule) -> Publication:
    try:
        return publish(_snapshot(module))
    except NotPublishableError as error:
        raise ModuleNotPublishableError(error.reasons) from None


def _snapshot(module: TrainingModule) -> ModuleDraft:
    return ModuleDraft(
        id=module.id,
        slug=module.slug,
        title=module.title,
        summary=module.summary,
        category=module.category,
        tags=module.tags,
        language=module.language,
        estimated_minutes=module.estimated_minutes,
        sections=[
            SectionDraft(
                id=section.id,
                kind=section.kind,
                title=section.title,
                position=section.position,
                body=section.body,
                required=section.required,
                settings=section.settings,
                questions=[
                    QuestionDraft(
                        id=question.id,
                        kind=question.kind,
                        prompt=question.prompt,
                        points=question.points,
                        metadata=question.answer_metadata,
                        explanation=question.explanation,
                    )
                    for question in section.questions
                ],
            )
            for section in module.sections
        ],
    )


def _version_sections(
    module: TrainingModule, version: ModuleVersion, publication: Publication
) -> list[VersionSection]:
    documents = {
        section["id"]: section.get("document_sha256")
        for section in orjson.loads(publication.content)["sections"]
    }
    rows = []
    for section in module.sections:
        rule = report_rule(parse_settings(section.kind, section.settings))
        rows.append(
            VersionSection(
                version_id=version.id,
                section_id=section.id,
                position=section.position,
                kind=section.kind,
                title=section.title,
                required=section.required,
                minimum_seconds=rule.minimum_seconds,
                minimum_position=rule.minimum_position,
                document_sha256=documents[str(section.id)],
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


async def _set_prerequisites(
    uow: UnitOfWork, module_id: uuid.UUID, required_ids: list[uuid.UUID]
) -> None:
    if required_ids:
        await uow.modules.lock_all_prerequisites()
        if len(await uow.modules.existing_ids(required_ids)) < len(set(required_ids)):
            raise _prerequisite_error("unknown_module", "Some of these modules do not exist")
        if await uow.modules.would_cycle(module_id, required_ids):
            raise _prerequisite_error("prerequisite_cycle", "A module would require itself")
    await uow.modules.replace_prerequisites(module_id, required_ids)


def _prerequisite_error(code: str, detail: str) -> AppError:
    return InvalidPayloadError([FieldError("/prerequisite_ids", code, detail)])
