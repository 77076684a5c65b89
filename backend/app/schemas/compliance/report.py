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


class ComplianceReport(Resource):
    """`known_on` is null for today's knowledge."""

    as_of: date
    known_on: date | None
    group_by: str
    groups: list[ReportGroup]


class ReportUser(Resource):
    id: uuid.UUID
    display_name: str
    email: str


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


class ForecastWeek(Resource):
    starts_on: date
    ends_on: date
    due: int
    expiring: int


class Forecast(Resource):
    as_of: date
    weeks: list[ForecastWeek]
