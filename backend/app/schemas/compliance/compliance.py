import uuid
from datetime import date

from app.domain.compliance import (
    ComplianceReason,
    ComplianceStatus,
    EvidenceSource,
    PeriodCause,
    PeriodOutcome,
    Shortfall,
)
from app.domain.compliance.audience import Criterion
from app.schemas.base import Resource
from app.schemas.compliance.requirement import RequirementReference


class MatchedCriterion(Resource):
    criterion: Criterion
    value: str | None


class KnownAnswer(Resource):
    """The status on the day asked about, according to what was known on `known_on`."""

    known_on: date
    status: ComplianceStatus
    due_on: date | None
    valid_through: date | None
    summary: str


class EvidenceRead(Resource):
    id: uuid.UUID
    source: EvidenceSource
    day: date
    recorded_on: date
    module_id: uuid.UUID | None
    version: int | None
    credential_kind: str | None
    printed_expiry: date | None
    minutes: int | None
    """Minutes studied or attended or, elsewhere, verified; null where that is not known."""

    has_trainer: bool
    """Whether a class with a trainer was attended."""


class FallenShort(Resource):
    """Training for the requirement that does not meet it, and what it lacks."""

    evidence: EvidenceRead
    lacks: Shortfall
    minimum_minutes: int | None


class WhyRead(Resource):
    """`summary` says in words what the other fields say as data.

    For a past day there are two answers: what is known about it today (`known_now`), and what was
    shown on that day itself (`known_then`). They differ if something was entered late. Either is
    null if there is no line for the person and requirement.
    """

    summary: str
    reason: ComplianceReason
    matched: list[MatchedCriterion]
    exemption_id: uuid.UUID | None
    opened_by: PeriodCause | None
    fallen_short: list[FallenShort]
    known_now: KnownAnswer | None = None
    known_then: KnownAnswer | None = None


class MissingModule(Resource):
    id: uuid.UUID
    title: str | None
    minimum_version: int | None


class MissingRead(Resource):
    """Completing any one of these modules meets the requirement, and so does the credential."""

    modules: list[MissingModule]
    credential_kind: str | None


class PeriodRead(Resource):
    number: int
    cause: PeriodCause
    outcome: PeriodOutcome
    window_start: date
    due_on: date | None
    closed_on: date | None
    met_by: uuid.UUID | None
    met_on: date | None
    waived_by: uuid.UUID | None
    valid_from: date | None
    valid_through: date | None


class ComplianceLine(Resource):
    requirement: RequirementReference
    status: ComplianceStatus
    due_on: date | None
    valid_through: date | None
    next_due_on: date | None
    in_grace: bool
    why: WhyRead
    met_by: EvidenceRead | None
    missing: MissingRead | None
    periods: list[PeriodRead]


class ComplianceRead(Resource):
    user_id: uuid.UUID
    as_of: date
    known_on: date
    """The day whose knowledge is used."""

    items: list[ComplianceLine]
