import uuid
from datetime import date
from typing import Annotated

from pydantic import Field

from app.domain.evidence.retention import RetentionClass
from app.domain.fields import Whole
from app.schemas.base import Payload, Resource, Versioned


class RetentionPeriodReplace(Payload):
    years: Annotated[int, Field(ge=1, le=100, strict=True), Whole]


class RetentionPeriodRead(Versioned):
    """`years` is the period that applies: the source's minimum or the organisation's longer one."""

    retention_class: RetentionClass
    minimum_years: int
    years: int
    citation: str


class ErasureDue(Resource):
    """`erasable_from` is None under a legal hold, and if the last day at work is not known."""

    user_id: uuid.UUID
    full_name: str | None
    left_on: date | None
    records: int
    held: bool
    erasable_from: date | None
    due: bool


class Erased(Resource):
    user_id: uuid.UUID
    pseudonym: str
    records: int
