import uuid
from datetime import date, datetime

from app.domain.compliance import ComplianceStatus
from app.domain.compliance.training import DueBecause
from app.domain.fields import ExactNumber
from app.domain.study.enrollment import EnrollmentSource
from app.models.study.enrollment import EnrollmentStatus
from app.schemas.base import Resource
from app.schemas.reference import ModuleReference, UserReference


class AskingRequirement(Resource):
    """A requirement that applies to the person today, and why it does."""

    id: uuid.UUID
    title: str
    citation: str
    why: str
    status: ComplianceStatus
    due_on: date | None
    """The day by which it asks for something; null where nothing is to be shown."""

    valid_through: date | None
    credential_kind: str | None
    alternatives: list[ModuleReference]
    """Other modules any of which would do as well."""

    reconciling: bool
    """Whether a changed rule still has to be applied to the person."""


class TrainingEnrollment(Resource):
    id: uuid.UUID
    version: int
    status: EnrollmentStatus
    source: EnrollmentSource
    progress_percent: int
    due_on: date | None
    enrolled_at: datetime
    completed_at: datetime | None


class TrainingCertificate(Resource):
    """The last completion of the module."""

    training_record_id: uuid.UUID
    completed_on: date
    score_percent: ExactNumber | None
    valid_through: date | None
    """The last day on which it is enough for all that it met; null where it has no end."""


class TrainingRead(Resource):
    """A module or a credential: what asks for it, how far it is, and by when it has to be done."""

    requirement: AskingRequirement | None
    """The one that is due first; null for what one chose, or was assigned."""

    other_requirements: list[AskingRequirement]
    module: ModuleReference | None
    """Null where a credential is asked for."""

    enrollment: TrainingEnrollment | None
    """The open one, else the one that was completed last; null for none."""

    assigned_by: UserReference | None
    minutes: int | None
    due_on: date | None
    """The earliest of all dates of what is not done yet; null where there is none."""

    due_because: DueBecause | None
    overdue: bool
    attempts_left: int | None
    """The fewest of a quiz that is not passed yet; null where nothing limits them."""

    certificate: TrainingCertificate | None


class Trainings(Resource):
    user_id: uuid.UUID
    as_of: date
    """Today, where the person works."""

    items: list[TrainingRead]
