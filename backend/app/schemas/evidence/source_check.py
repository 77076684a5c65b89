import uuid
from datetime import date, datetime

from app.domain.evidence.source_check import CheckResult
from app.domain.fields import Day, Line, Paragraph, Reference
from app.schemas.base import Payload, Resource


class SourceCheckCreate(Payload):
    """`source` is where the card was looked up, `reference` an address or the answer's number."""

    source: Line
    reference: Reference | None = None
    checked_on: Day
    result: CheckResult
    next_check_on: Day | None = None
    note: Paragraph | None = None


class SourceCheckRead(Resource):
    """`evidence_id` is the card, `user_id` whose it is."""

    id: uuid.UUID
    evidence_id: uuid.UUID
    user_id: uuid.UUID
    source: str
    reference: str | None
    checked_on: date
    result: CheckResult
    next_check_on: date | None
    note: str | None
    checked_by_id: uuid.UUID
    created_at: datetime
