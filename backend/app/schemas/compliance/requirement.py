import uuid
from datetime import date, datetime

from pydantic import MISSING, Field

from app.domain.compliance.requirement import Rule
from app.domain.fields import Day, Flag, Line, Paragraph
from app.schemas.base import Changes, Payload, Resource, Versioned


class RequirementCreate(Payload):
    title: Line
    description: Paragraph = ""
    rule: Rule
    effective_from: Day | None = None
    """The first day of the rule; null or left out for today."""

    confirm: Flag = False
    """Go ahead even though it assigns many people."""


class RequirementUpdate(Changes):
    title: Line | MISSING = MISSING
    description: Paragraph | MISSING = MISSING
    rule: Rule | MISSING = MISSING
    effective_from: Day | MISSING | None = MISSING
    confirm: Flag | MISSING = MISSING
    """Go ahead even though the change assigns or releases many people."""


class RequirementPreview(Payload):
    """A change to be previewed; null for the rule previews withdrawing the requirement."""

    rule: Rule | MISSING | None = MISSING
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


class RequirementRead(Versioned):
    id: uuid.UUID
    title: str
    description: str
    citation: str
    rule: Rule
    effective_from: date
    version: int
    reconciled: bool
    """False while people's periods still follow an earlier rule."""

    reconciling: float | None
    """The share of people that the rule has been applied to; null once that is everybody."""

    archived: bool
    created_at: datetime
    updated_at: datetime


class RequirementDetail(RequirementRead):
    versions: list[RequirementVersionRead]


class PersonReference(Resource):
    id: uuid.UUID
    display_name: str
    email: str | None


class Preview(Resource):
    would_add: int
    would_release: int
    unchanged: int
    added: list[PersonReference] = Field(default_factory=list)
    """The first of the people whom the change would add."""

    released: list[PersonReference] = Field(default_factory=list)
