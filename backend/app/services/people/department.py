"""A step that services share: departments are made by naming them."""

from app.domain.audit import AuditAction
from app.models import Department
from app.services.unit_of_work import UnitOfWork


async def department_named(uow: UnitOfWork, name: str) -> Department:
    """Return the department of this name, whatever its case; make it when it is new."""
    created = await uow.departments.make(name)
    if created is None:
        return await uow.departments.named(name)
    await uow.audit(AuditAction.DEPARTMENT_CREATED, created, after={"name": created.name})
    return created
