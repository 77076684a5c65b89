import uuid
from datetime import datetime

from app.domain.fields import Reason
from app.schemas.base import Payload, Versioned


class LegalHoldCreate(Payload):
    user_id: uuid.UUID
    reason: Reason


class LegalHoldRead(Versioned):
    id: uuid.UUID
    user_id: uuid.UUID
    reason: str
    placed_by_id: uuid.UUID
    created_at: datetime
    released_at: datetime | None
    released_by_id: uuid.UUID | None
