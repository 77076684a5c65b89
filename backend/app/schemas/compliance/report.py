import uuid
from datetime import date

from app.domain.compliance import ComplianceStatus
from app.schemas.base import Resource

Counts = dict[ComplianceStatus, int]


class RequirementCounts(Resource):
    id: uuid.UUID
    title: str
    counts: Counts


class ReportGroup(Resource):
    """`key` is an id or a name, null for people without one. `people` counts each person once."""

    key: str | None
    label: str | None
    people: int
    counts: Counts
    requirements: list[RequirementCounts]


class ReconcilingRequirement(Resource):
    """A requirement whose rule has changed, and the share of people it has been applied to."""

    id: uuid.UUID
    title: str
    share: float


class ComplianceReport(Resource):
    """`known_on` is null for today's knowledge.

    The counts are exact except for the requirements in `reconciling`, which may still be counted by
    an earlier rule or not be counted at all.
    """

    as_of: date
    known_on: date | None
    group_by: str
    reconciling: list[ReconcilingRequirement]
    groups: list[ReportGroup]


class ReportUser(Resource):
    id: uuid.UUID
    display_name: str
    email: str | None
    employee_number: str | None


class ReportRequirement(Resource):
    id: uuid.UUID
    title: str


class ReportLine(Resource):
    user: ReportUser
    requirement: ReportRequirement
    status: ComplianceStatus
    due_on: date | None
    valid_through: date | None
    met_by: uuid.UUID | None
    location_id: uuid.UUID | None
    location: str | None
    department: str | None
    job_title: str | None
    reconciling: bool
    """Whether the line may still follow an earlier rule, because a change is being applied."""


class ExportedLine(Resource):
    """A line of a file: the columns of CSV and XLSX, and the members of JSON, in this order."""

    as_of: date
    known_on: date | None
    user_id: uuid.UUID
    name: str
    email: str | None
    employee_number: str | None
    location: str | None
    department: str | None
    job_title: str | None
    requirement_id: uuid.UUID
    requirement: str
    status: ComplianceStatus
    due_on: date | None
    valid_through: date | None
    met_by: uuid.UUID | None
    reconciling: bool


class ComplianceExport(Resource):
    as_of: date
    known_on: date | None
    items: list[ExportedLine]


class ForecastWeek(Resource):
    starts_on: date
    ends_on: date
    due: int
    expiring: int


class Forecast(Resource):
    as_of: date
    weeks: list[ForecastWeek]
