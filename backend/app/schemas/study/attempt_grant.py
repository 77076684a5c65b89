import uuid
from datetime import date, datetime

from app.domain.fields import Reason
from app.schemas.base import Payload, Resource
from app.schemas.reference import ModuleReference, UserReference


class AttemptGrantCreate(Payload):
    reason: Reason


class AttemptGrantRead(Resource):
    id: uuid.UUID
    enrollment_id: uuid.UUID
    section_id: uuid.UUID
    user_id: uuid.UUID
    reason: str
    granted_by_id: uuid.UUID | None
    created_at: datetime


class QuizReference(Resource):
    section_id: uuid.UUID
    title: str


class UsedUpRead(Resource):
    """An open enrollment whose quiz cannot be tried again unless an attempt is granted."""

    enrollment_id: uuid.UUID
    user: UserReference
    module: ModuleReference
    version: int
    quiz: QuizReference
    attempts: int
    granted: int
    due_on: date | None
