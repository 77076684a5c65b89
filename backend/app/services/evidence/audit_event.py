"""Reading the audit trail. The service that makes a change writes the event itself."""

from app.core.pagination import PageRequest
from app.repositories.evidence.audit_event import AuditFilter
from app.schemas.base import ListOf
from app.schemas.evidence.audit_event import AuditEventRead
from app.services.base import Service, listed


class AuditEventService(Service):
    async def list(self, filters: AuditFilter, request: PageRequest) -> ListOf[AuditEventRead]:
        async with self.reading() as uow:
            page = await uow.audit_events.list_all(filters, request)
            return listed(page, AuditEventRead.model_validate)
