"""Who answers questions about a module, and which CE hours its records carry."""

import uuid

from app.core.concurrency import Precondition
from app.core.errors import NotFoundError
from app.domain.audit import AuditAction
from app.models import ModuleTeaching
from app.schemas.content.module_teaching import (
    Contact,
    ContinuingEducation,
    ModuleTeachingRead,
    ModuleTeachingReplace,
)
from app.services.answer import Answer
from app.services.base import Service
from app.services.unit_of_work import UnitOfWork

CE_FIELDS = ("provider_name", "provider_number", "hours", "category", "delivery")


class ModuleTeachingService(Service):
    async def get(self, module_id: uuid.UUID) -> Answer[ModuleTeachingRead]:
        async with self.reading() as uow:
            await _require_module(uow, module_id)
            return _answer(module_id, await uow.module_teachings.of_module(module_id))

    async def put(
        self, module_id: uuid.UUID, payload: ModuleTeachingReplace, precondition: Precondition
    ) -> Answer[ModuleTeachingRead]:
        """Set it for the records to come; those that are written keep what they say."""
        async with self.work() as uow:
            await _require_module(uow, module_id)
            stored = await uow.module_teachings.of_module(module_id, lock=True)
            precondition.require(_etag(module_id, stored))
            before = _fields(module_id, stored)
            teaching = stored or ModuleTeaching(module_id=module_id)
            _set(teaching, payload)
            after = _fields(module_id, teaching)
            if after == before:
                return _answer(module_id, stored)
            teaching = await uow.module_teachings.add(teaching)
            await uow.audit(AuditAction.MODULE_TEACHING_SET, teaching, before=before, after=after)
            return _answer(module_id, teaching)


async def _require_module(uow: UnitOfWork, module_id: uuid.UUID) -> None:
    if await uow.modules.not_deleted(module_id) is None:
        raise NotFoundError("module")


def _set(teaching: ModuleTeaching, payload: ModuleTeachingReplace) -> None:
    contact = payload.contact
    teaching.contact_name = contact.name if contact else None
    teaching.contact_qualification = contact.qualification if contact else None
    for name in CE_FIELDS:
        setattr(teaching, f"ce_{name}", getattr(payload.ce, name, None))
    teaching.retention_class = payload.retention_class


def _etag(module_id: uuid.UUID, teaching: ModuleTeaching | None) -> str:
    return teaching.etag if teaching else f'"{module_id}.0"'


def _read(module_id: uuid.UUID, teaching: ModuleTeaching | None) -> ModuleTeachingRead:
    if teaching is None:
        return ModuleTeachingRead(
            etag=_etag(module_id, None),
            module_id=module_id,
            contact=None,
            ce=None,
            retention_class=None,
            updated_at=None,
        )
    name, qualification = teaching.contact_name, teaching.contact_qualification
    has_contact = name is not None and qualification is not None
    ce = {field: getattr(teaching, f"ce_{field}") for field in CE_FIELDS}
    return ModuleTeachingRead(
        etag=_etag(module_id, teaching),
        module_id=module_id,
        contact=Contact.model_validate({"name": name, "qualification": qualification})
        if has_contact
        else None,
        ce=None if teaching.ce_hours is None else ContinuingEducation.model_validate(ce),
        retention_class=teaching.retention_class,
        updated_at=teaching.updated_at,
    )


def _fields(module_id: uuid.UUID, teaching: ModuleTeaching | None) -> dict[str, object]:
    return _read(module_id, teaching).model_dump(mode="json", exclude={"updated_at"})


def _answer(module_id: uuid.UUID, teaching: ModuleTeaching | None) -> Answer[ModuleTeachingRead]:
    return Answer(_read(module_id, teaching))
