import uuid
from datetime import datetime
from typing import Any

from app.schemas.base import Resource


class AuditEventRead(Resource):
    id: uuid.UUID
    created_at: datetime
    actor_id: uuid.UUID | None
    action: str
    target_type: str
    target_id: uuid.UUID
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    request_id: str | None
