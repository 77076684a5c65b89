import uuid
from datetime import datetime
from typing import Any

from app.schemas.base import Resource


class AuditEventRead(Resource):
    id: uuid.UUID
    created_at: datetime
    actor_id: uuid.UUID | None
    actor_label: str | None
    """What the actor is called today; null for the system and commands."""

    action: str
    target_type: str
    target_id: uuid.UUID
    target_label: str | None
    """What the target is called today; null where it has no name, or is gone."""

    before: dict[str, Any] | None
    after: dict[str, Any] | None
    request_id: str | None
