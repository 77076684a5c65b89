import uuid
from datetime import date, datetime
from typing import Annotated, Any

from app.domain.fields import ExactNumber
from app.schemas.base import Resource, Versioned
from app.schemas.described import DescribedAs
from app.schemas.reference import UserReference


class PersonSnapshot(Resource):
    """Who the person was when the training was completed."""

    full_name: str | None
    email: str | None
    job_title: str | None
    department: str | None
    location: str | None


class TrainingRecordFacts(Resource):
    id: uuid.UUID
    user_id: uuid.UUID
    sequence: int
    user_snapshot: Annotated[dict[str, Any], DescribedAs(PersonSnapshot)]
    module_id: uuid.UUID
    module_title: str
    version: int
    content_sha256: str
    completed_at: datetime
    local_date: date
    time_zone: str
    score_percent: ExactNumber | None
    minutes: int
    corrects_id: uuid.UUID | None
    hash: str
    previous_hash: str


class TrainingRecordRead(TrainingRecordFacts):
    user: UserReference
    """The person as they are called today; `user_snapshot` is who they were then."""

    valid_through: date | None


class TrainingRecordDetail(TrainingRecordRead, Versioned):
    payload: str
    """The exact text that `hash` covers: SHA-256 of previous_hash + payload."""
