import uuid
from datetime import date, datetime
from typing import Annotated

from pydantic import MISSING, AfterValidator, Field

from app.domain.content.media.file import referenced_media
from app.domain.evidence.ce_credit import Delivery
from app.domain.evidence.credential_kind import credential_code
from app.domain.fields import Day, HundredthsNumber, Label, Line, Paragraph, Reason, Reference
from app.domain.people.place import StateCode
from app.models.evidence.external_evidence import ExternalEvidenceStatus
from app.schemas.base import Changes, Payload, Versioned
from app.schemas.reference import ModuleReference, UserReference

Hours = Annotated[HundredthsNumber, Field(ge=0, le=500)]


def _canonical(reference: str) -> str:
    return str(referenced_media(reference) or reference)


EvidenceReference = Annotated[Reference, AfterValidator(_canonical)]
"""The id of an uploaded file, or a text that says where else the evidence is kept."""


Kind = Annotated[Line, AfterValidator(credential_code)]
"""A kind of `GET /credential-kinds`, by its code, its name or an alias; kept as its code."""


class ExternalEvidenceCreate(Payload):
    """Exactly one of `module_id` and `credential_kind`. The CE fields go together or not at all.

    `user_id` is left out for one's own training.
    """

    user_id: uuid.UUID | None = None
    provider: Line
    title: Line
    completed_on: Day
    hours: Hours
    instructor_name: Line | None = None
    instructor_qualification: Line | None = None
    module_id: uuid.UUID | None = None
    credential_kind: Kind | None = None
    printed_expiry: Day | None = None
    credential_number: Label | None = None
    issuing_state: StateCode | None = None
    evidence_reference: EvidenceReference | None = None
    notes: Paragraph | None = None
    provider_number: Label | None = None
    ce_category: Label | None = None
    ce_delivery: Delivery | None = None


class ExternalEvidenceUpdate(Changes):
    provider: Line | MISSING = MISSING
    title: Line | MISSING = MISSING
    completed_on: Day | MISSING = MISSING
    hours: Hours | MISSING = MISSING
    instructor_name: Line | MISSING | None = MISSING
    instructor_qualification: Line | MISSING | None = MISSING
    module_id: uuid.UUID | MISSING | None = MISSING
    credential_kind: Kind | MISSING | None = MISSING
    printed_expiry: Day | MISSING | None = MISSING
    credential_number: Label | MISSING | None = MISSING
    issuing_state: StateCode | MISSING | None = MISSING
    evidence_reference: EvidenceReference | MISSING | None = MISSING
    notes: Paragraph | MISSING | None = MISSING
    provider_number: Label | MISSING | None = MISSING
    ce_category: Label | MISSING | None = MISSING
    ce_delivery: Delivery | MISSING | None = MISSING


class Review(Payload):
    reason: Reason


class ExternalEvidenceRead(Versioned):
    id: uuid.UUID
    user_id: uuid.UUID
    user: UserReference
    entered_by_id: uuid.UUID
    entered_by: UserReference
    provider: str
    title: str
    instructor_name: str | None
    instructor_qualification: str | None
    completed_on: date
    hours: HundredthsNumber
    module_id: uuid.UUID | None
    module: ModuleReference | None
    credential_kind: str | None
    printed_expiry: date | None
    credential_number: str | None
    issuing_state: str | None
    evidence_reference: str | None
    notes: str | None
    provider_number: str | None
    ce_category: str | None
    ce_delivery: Delivery | None
    status: ExternalEvidenceStatus
    reviewed_by_id: uuid.UUID | None
    reviewed_by: UserReference | None
    reviewed_at: datetime | None
    review_reason: str | None
    withdrawn_on: date | None = None
    withdrawal_reason: str | None = None
    created_at: datetime
    updated_at: datetime
