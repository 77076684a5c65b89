import uuid
from datetime import date, datetime

from app.domain.fields import Reason
from app.models.people.merge import MergeStatus
from app.schemas.base import Payload, Versioned


class MergeCreate(Payload):
    user_id: uuid.UUID
    merged_id: uuid.UUID
    reason: Reason


class MergeRead(Versioned):
    id: uuid.UUID
    user_id: uuid.UUID
    merged_id: uuid.UUID
    reason: str
    status: MergeStatus
    proposed_by_id: uuid.UUID
    decided_by_id: uuid.UUID | None
    decided_at: datetime | None
    decided_on: date | None
    created_at: datetime
