import uuid
from datetime import date, datetime

from app.domain.compliance import ExemptionKind
from app.domain.fields import Day, Reason
from app.schemas.base import Payload, Resource


class ExemptionCreate(Payload):
    """Both days are inclusive; without `ends_on` it lasts until it is revoked."""

    kind: ExemptionKind
    user_id: uuid.UUID
    requirement_id: uuid.UUID
    reason: Reason
    starts_on: Day
    ends_on: Day | None = None


class ExemptionRevoke(Payload):
    reason: Reason


class ExemptionRead(Resource):
    id: uuid.UUID
    kind: ExemptionKind
    user_id: uuid.UUID
    requirement_id: uuid.UUID
    reason: str
    starts_on: date
    ends_on: date | None
    approved_by_id: uuid.UUID | None
    recorded_on: date
    created_at: datetime
    revoked_on: date | None = None
    revocation_reason: str | None = None
