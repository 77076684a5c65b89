"""Reading the audit trail. The service that makes a change writes the event itself."""

from app.core.pagination import PageRequest
from app.models import AuditEvent
from app.repositories.evidence.audit_event import AuditFilter
from app.schemas.base import ListOf
from app.schemas.evidence.audit_event import AuditEventRead
from app.services.base import Service, listed


class AuditEventService(Service):
    async def list(self, filters: AuditFilter, request: PageRequest) -> ListOf[AuditEventRead]:
        async with self.reading() as uow:
            page = await uow.audit_events.list_all(filters, request)
            events = page.items
            actors = {event.actor_id for event in events if event.actor_id}
            labels = await uow.audit_events.labels(actors | {event.target_id for event in events})

            def read(event: AuditEvent) -> AuditEventRead:
                return AuditEventRead.model_validate(
                    vars(event)
                    | {
                        "actor_label": labels.get(event.actor_id),
                        "target_label": labels.get(event.target_id),
                    }
                )

            return listed(page, read)
