import uuid

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import AppendOnlyModel
from app.core.postgres.table_security import READ_ONLY
from app.models.types import Json, JsonObject


class AuditEvent(AppendOnlyModel):
    """Who changed what. Written by `record_events`, in the transaction of the change itself."""

    __tablename__ = "audit_events"
    __rights__ = READ_ONLY
    __kept_by__ = "refuse_unless_erased('target_id')"

    actor_id: Mapped[uuid.UUID | None]
    """Null for changes by the system itself, or by an operator from the command line.

    No foreign key: it would lock the actor's row for each event (revision 0009).
    """

    action: Mapped[str] = mapped_column(String(64))
    target_type: Mapped[str] = mapped_column(String(64))
    target_id: Mapped[uuid.UUID]
    before: Mapped[JsonObject | None] = mapped_column(Json)
    after: Mapped[JsonObject | None] = mapped_column(Json)
    request_id: Mapped[str | None] = mapped_column(String(128))


Index("ix_audit_events_created_at", AuditEvent.created_at.desc(), AuditEvent.id)
Index("ix_audit_events_target_id", AuditEvent.target_id, AuditEvent.created_at.desc())
Index("ix_audit_events_actor_id", AuditEvent.actor_id, AuditEvent.created_at.desc())
