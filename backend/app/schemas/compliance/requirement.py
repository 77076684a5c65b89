import uuid
from datetime import date, datetime

from pydantic import Field

from app.domain.compliance.requirement import Rule
from app.domain.fields import Day, Flag
from app.schemas.base import Line, Paragraph, Payload, Resource


class RequirementCreate(Payload):
    title: Line
    description: Paragraph = ""
    rule: Rule
    effective_from: Day | None = None
    """The first day of the rule; without it, today."""

    confirm: Flag = False
    """Go ahead even though it assigns many people."""


class RequirementUpdate(Payload):
    title: Line = ""
    description: Paragraph = ""
    rule: Rule | None = None
    effective_from: Day | None = None
    confirm: Flag = False
    """Go ahead even though the change assigns or releases many people."""


class RequirementPreview(Payload):
    """A change that is only tried out; without a rule, withdrawing the requirement."""

    rule: Rule | None = None
    effective_from: Day | None = None


class RequirementReference(Resource):
    id: uuid.UUID
    title: str
    citation: str


class RequirementVersionRead(Resource):
    number: int
    effective_from: date
    recorded_on: date
    rule: Rule | None
    recorded_by_id: uuid.UUID | None
    created_at: datetime


class RequirementRead(Resource):
    id: uuid.UUID
    title: str
    description: str
    citation: str
    rule: Rule
    effective_from: date
    version: int
    reconciled: bool
    """False while people's periods still follow an earlier rule."""

    archived: bool
    created_at: datetime
    updated_at: datetime


class RequirementDetail(RequirementRead):
    versions: list[RequirementVersionRead]


class PersonReference(Resource):
    id: uuid.UUID
    display_name: str
    email: str


class Preview(Resource):
    would_add: int
    would_release: int
    unchanged: int
    added: list[PersonReference] = Field(default_factory=list)
    """The first of those whom it would add."""

    released: list[PersonReference] = Field(default_factory=list)
