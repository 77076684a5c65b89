import uuid
from datetime import date, datetime
from typing import Annotated

from pydantic import AfterValidator, Field

from app.domain.compliance.incident import IncidentKind
from app.domain.fields import Day, Reason, Statement
from app.schemas.base import Payload, Resource

MAX_PEOPLE = 100
MAX_STEPS = 50
Description = Annotated[Statement, Field(max_length=2_000)]


class CorrectiveStepCreate(Payload):
    step: Reason
    owner_id: uuid.UUID
    due_on: Day


class IncidentCreate(Payload):
    """`user_ids` have to train again in what the requirement asks, by `retrain_by`."""

    kind: IncidentKind
    day: Day
    location_id: uuid.UUID | None = None
    requirement_id: uuid.UUID
    user_ids: Annotated[
        list[uuid.UUID],
        Field(min_length=1, max_length=MAX_PEOPLE),
        AfterValidator(lambda ids: list(dict.fromkeys(ids))),
    ]
    retrain_by: Day
    description: Description
    steps: Annotated[list[CorrectiveStepCreate], Field(max_length=MAX_STEPS)] = Field(
        default_factory=list
    )


class IncidentWithdraw(Payload):
    reason: Reason


class StepComplete(Payload):
    done_on: Day
    note: Reason


class CorrectiveStepRead(Resource):
    id: uuid.UUID
    step: str
    owner_id: uuid.UUID
    due_on: date
    done_on: date | None
    note: str | None


class IncidentRead(Resource):
    id: uuid.UUID
    kind: IncidentKind
    day: date
    location_id: uuid.UUID | None
    requirement_id: uuid.UUID
    retrain_by: date
    description: str
    recorded_by_id: uuid.UUID | None
    created_at: datetime
    withdrawn_on: date | None
    withdrawal_reason: str | None
    user_ids: list[uuid.UUID]
    """Those of the people named whom you may see."""

    steps: list[CorrectiveStepRead]
