"""The catalogue and the drafts behind it."""

import uuid
from collections.abc import Sequence
from dataclasses import asdict, replace

import orjson
from pydantic import MISSING

from app.core.concurrency import Precondition
from app.core.errors import AppError, ConflictError, InvalidPayloadError, NotFoundError
from app.core.pagination import PageRequest
from app.domain.audit import AuditAction
from app.domain.content.search import corrected
from app.domain.content.slug import copy_title, slugify, unused_slug
from app.models import TrainingModule
from app.models.content.module import ModuleStatus
from app.repositories.content.module import ModuleFilter
from app.schemas.base import ListOf
from app.schemas.content.module import (
    Facet,
    ModuleCard,
    ModuleCreate,
    ModuleDraft,
    ModuleFacets,
    ModuleOutline,
    ModuleUpdate,
    OutlineSection,
    Publish,
    VersionDetail,
    VersionRead,
)
from app.schemas.content.section import SectionRead
from app.services.answer import Answer
from app.services.base import apply, found, listed
from app.services.compliance.reconciliation import reconcile_publication
from app.services.content.authoring import (
    AuthoringService,
    audit_copies,
    copy_of_section,
    save_draft,
)
from app.services.content.publishing import publish_module, version_read
from app.services.unit_of_work import UnitOfWork

EDITABLE = ("title", "summary", "category", "tags", "language", "estimated_minutes")


class ModuleInUseError(ConflictError):
    code = "module_in_use"
    title = "A module that was published cannot be deleted"
    detail = "Its records refer to it. Archive it instead."


class ModuleService(AuthoringService):
    async def list(self, filters: ModuleFilter, request: PageRequest) -> ListOf[ModuleCard]:
        """List what the actor can find; where nothing is, look for what may be misspelt."""
        async with self.reading() as uow:
            page = await uow.modules.catalogue(self.actor, filters, request)
            if filters.q and not page.items:
                vocabulary = await uow.modules.vocabulary(self.actor)
                meant = corrected(filters.q, vocabulary)
                if meant is not None:
                    page = await uow.modules.catalogue(
                        self.actor, replace(filters, q=meant), request
                    )
            return listed(page, ModuleCard.model_validate)

    async def facets(self) -> ModuleFacets:
        """Count what the actor can find by category, tag and language."""
        async with self.reading() as uow:
            facets = await uow.modules.facets(self.actor)
            return ModuleFacets(
                categories=_facets(facets.categories),
                tags=_facets(facets.tags),
                languages=_facets(facets.languages),
            )

    async def get(self, module_id: uuid.UUID) -> Answer[ModuleDraft | ModuleOutline]:
        """Return the draft with its answers to authors, the published outline to others."""
        async with self.reading() as uow:
            if self.actor.writes_modules:
                module = found(await uow.modules.not_deleted(module_id), "module")
                return await self._draft(uow, module)
            return await self._outline(uow, module_id)

    async def create(self, payload: ModuleCreate) -> Answer[ModuleDraft]:
        async with self.work() as uow:
            module = TrainingModule(
                sections=[], **{name: getattr(payload, name) for name in EDITABLE}
            )
            return await self._begin(uow, module, payload.prerequisite_ids)

    async def duplicate(self, module_id: uuid.UUID) -> Answer[ModuleDraft]:
        """Begin a draft with the content of another draft. Its history and teaching stay there."""
        async with self.work() as uow:
            source = found(await uow.modules.not_deleted(module_id), "module")
            fields = {name: getattr(source, name) for name in EDITABLE}
            module = TrainingModule(
                sections=[copy_of_section(section) for section in source.sections],
                **fields | {"title": copy_title(source.title), "tags": list(source.tags)},
            )
            required = await uow.modules.existing_ids(await uow.modules.prerequisite_ids(source.id))
            return await self._begin(uow, module, sorted(required), copy_of=source.id)

    async def update(
        self, module_id: uuid.UUID, payload: ModuleUpdate, precondition: Precondition
    ) -> Answer[ModuleDraft]:
        async with self.work() as uow:
            module = await self.locked(uow, module_id)
            precondition.require(module.etag)
            before, after = apply(module, payload, EDITABLE)
            if payload.prerequisite_ids is not MISSING:
                before["prerequisite_ids"] = await uow.modules.prerequisite_ids(module.id)
                after["prerequisite_ids"] = payload.prerequisite_ids
                await _set_prerequisites(uow, module.id, payload.prerequisite_ids)
                module.touch()
            if after:
                await save_draft(uow, module)
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

    async def archive(self, module_id: uuid.UUID) -> Answer[ModuleDraft]:
        """Take the module out of the catalogue; those under way go on."""
        async with self.work() as uow:
            module = await self.locked(uow, module_id)
            if module.status is not ModuleStatus.ARCHIVED:
                before = {"status": module.status}
                module.status = ModuleStatus.ARCHIVED
                await uow.modules.save(module)
                after = {"status": module.status}
                await uow.audit(AuditAction.MODULE_ARCHIVED, module, before=before, after=after)
            return await uow.answer(await self._draft(uow, module))

    async def restore(self, module_id: uuid.UUID) -> Answer[ModuleDraft]:
        """Undo a deletion or an archiving."""
        async with self.work() as uow:
            deleted = await uow.modules.deleted(module_id)
            module = deleted or await self.locked(uow, module_id)
            archived = module.status is ModuleStatus.ARCHIVED
            if deleted is not None:
                taken = await uow.modules.slugs_like(module.slug)
                module.slug = unused_slug(module.slug, taken)
                module.deleted_at = None
            if archived:
                published = module.current_version_id is not None
                module.status = ModuleStatus.PUBLISHED if published else ModuleStatus.DRAFT
            if deleted is not None or archived:
                await save_draft(uow, module)
                after = {"status": module.status}
                await uow.audit(AuditAction.MODULE_RESTORED, module, after=after)
            return await uow.answer(await self._draft(uow, module))

    async def publish(
        self, module_id: uuid.UUID, payload: Publish, precondition: Precondition
    ) -> Answer[VersionRead]:
        """Freeze the draft as the next version; learners under way stay on theirs."""
        async with self.work() as uow:
            module = await self.locked(uow, module_id)
            precondition.check(module.etag)
            version = await publish_module(uow, module, payload)
            await reconcile_publication(uow, module.id)
            read = version_read(version, module_etag=module.etag)
            return await uow.answer(Answer(read, created=True))

    async def versions(self, module_id: uuid.UUID, request: PageRequest) -> ListOf[VersionRead]:
        async with self.reading() as uow:
            if not await uow.modules.existing_ids([module_id]):
                raise NotFoundError("module")
            page = await uow.versions.list_of(module_id, request)
            return listed(page, version_read)

    async def version(self, module_id: uuid.UUID, number: int) -> Answer[VersionDetail]:
        async with self.reading() as uow:
            version = found(await uow.versions.numbered(module_id, number), "version")
            detail = VersionDetail(
                **dict(version_read(version)),
                content=orjson.loads(version.content),
                etag=f'"{version.content_sha256}"',
            )
            return Answer(detail)

    async def _begin(
        self,
        uow: UnitOfWork,
        module: TrainingModule,
        prerequisite_ids: Sequence[uuid.UUID],
        **origin: uuid.UUID,
    ) -> Answer[ModuleDraft]:
        stem = slugify(module.title)
        module.slug = unused_slug(stem, await uow.modules.slugs_like(stem))
        module.created_by_id = self.actor.id
        await uow.modules.add(module)
        await _set_prerequisites(uow, module.id, prerequisite_ids)
        after = {"title": module.title, "slug": module.slug, **origin}
        await uow.audit(AuditAction.MODULE_CREATED, module, after=after)
        await audit_copies(uow, module.sections)
        return await uow.answer(await self._draft(uow, module, created=True))

    async def _draft(
        self, uow: UnitOfWork, module: TrainingModule, *, created: bool = False
    ) -> Answer[ModuleDraft]:
        card = found(await uow.modules.card(module.id, author=True), "module")
        draft = ModuleDraft(
            **asdict(card),
            etag=module.etag,
            prerequisite_ids=await uow.modules.prerequisite_ids(module.id),
            published_at=module.published_at,
            created_at=module.created_at,
            updated_at=module.updated_at,
            sections=[SectionRead.of(section) for section in module.sections],
        )
        return Answer(draft, created)

    async def _outline(self, uow: UnitOfWork, module_id: uuid.UUID) -> Answer[ModuleOutline]:
        card = found(await uow.modules.card(module_id, author=False), "module")
        sections = await uow.versions.current_outline(module_id)
        outline = ModuleOutline(
            **asdict(card),
            prerequisite_ids=await uow.modules.prerequisite_ids(module_id),
            sections=[OutlineSection.model_validate(section) for section in sections],
        )
        return Answer(outline)


async def _set_prerequisites(
    uow: UnitOfWork, module_id: uuid.UUID, required_ids: Sequence[uuid.UUID]
) -> None:
    if required_ids:
        await uow.modules.lock_all_prerequisites()
        if len(await uow.modules.existing_ids(required_ids)) < len(set(required_ids)):
            raise _prerequisite_error("unknown_module", "Some of these modules do not exist")
        if await uow.modules.would_cycle(module_id, required_ids):
            raise _prerequisite_error("prerequisite_cycle", "A module would require itself")
    await uow.modules.replace_prerequisites(module_id, required_ids)


def _prerequisite_error(code: str, detail: str) -> AppError:
    return InvalidPayloadError.at("/prerequisite_ids", code, detail)


def _facets(counts: Sequence[tuple[str, int]]) -> list[Facet]:
    return [Facet(value=value, modules=modules) for value, modules in counts]
