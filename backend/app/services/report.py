"""The matrix, its drill-down, its exports and its forecast: one scope, one set of cells."""

from collections.abc import AsyncIterator, Iterable
from datetime import date, timedelta
from itertools import groupby

from app.core.pagination import PageRequest
from app.domain.compliance import Status
from app.repositories.report import Cell, GroupBy, Line, ReportScope
from app.schemas.base import ListOf
from app.schemas.report import (
    ComplianceReport,
    Forecast,
    ForecastWeek,
    ReportGroup,
    ReportLine,
    ReportRequirement,
    ReportUser,
    RequirementCounts,
)
from app.services.base import Service

FORECAST_WEEKS = 52


class ReportService(Service):
    async def today(self) -> date:
        """Return the day that it is where the reader works."""
        async with self.reading() as uow:
            return await uow.employment.today_of(self.actor.id)

    async def matrix(self, scope: ReportScope, group_by: GroupBy) -> ComplianceReport:
        async with self.reading() as uow:
            cells = await uow.reports.cells(self.actor, scope, group_by)
        return ComplianceReport(as_of=scope.as_of, group_by=group_by, groups=_groups(cells))

    async def people(self, scope: ReportScope, request: PageRequest) -> ListOf[ReportLine]:
        async with self.reading() as uow:
            page = await uow.reports.lines(self.actor, scope, request)
            return ListOf(
                items=[report_line(line) for line in page.items],
                next_cursor=page.next_cursor,
                total=page.total,
            )

    async def lines(self, scope: ReportScope) -> AsyncIterator[Line]:
        """Yield the whole drill-down as of one moment, a row at a time."""
        async with self.snapshot() as uow:
            async for line in uow.reports.stream_lines(self.actor, scope):
                yield line

    async def forecast(self, scope: ReportScope) -> Forecast:
        """Count what falls due and what expires in each week from the day of the report on."""
        async with self.reading() as uow:
            weeks = await uow.reports.forecast(self.actor, scope, FORECAST_WEEKS)
        return Forecast(
            as_of=scope.as_of,
            weeks=[
                ForecastWeek(
                    starts_on=week.starts_on,
                    ends_on=week.starts_on + timedelta(days=6),
                    due=week.due,
                    expiring=week.expiring,
                )
                for week in weeks
            ],
        )


def report_line(line: Line) -> ReportLine:
    return ReportLine(
        user=ReportUser(id=line.user_id, display_name=line.display_name, email=line.email),
        requirement=ReportRequirement(id=line.requirement_id, title=line.requirement),
        status=line.status,
        due_on=line.due_on,
        valid_through=line.valid_through,
        met_by=line.met_by,
        location_id=line.location_id,
        location=line.location,
        department=line.department,
        job_title=line.job_title,
    )


def _groups(cells: Iterable[Cell]) -> list[ReportGroup]:
    """Put cells together by group, then by requirement, each in the order of its label."""
    ordered = sorted(cells, key=_place)
    return [
        _group(key, list(of_group))
        for key, of_group in groupby(ordered, key=lambda cell: (cell.key, cell.label))
    ]


def _place(cell: Cell) -> tuple[bool, str, str, str, str]:
    label = (cell.label or "").lower()
    return (
        cell.key is None,
        label,
        cell.key or "",
        cell.requirement_title.lower(),
        str(cell.requirement_id),
    )


def _group(key: tuple[str | None, str | None], cells: list[Cell]) -> ReportGroup:
    requirements = [
        RequirementCounts(id=row[0], title=row[1], counts=_counts(of_requirement))
        for row, of_requirement in groupby(
            cells, key=lambda cell: (cell.requirement_id, cell.requirement_title)
        )
    ]
    people = max(sum(each.counts.values()) for each in requirements)
    label = requirements[0].title if key[0] == str(requirements[0].id) else key[1]
    return ReportGroup(
        key=key[0], label=label, people=people, counts=_counts(cells), requirements=requirements
    )


def _counts(cells: Iterable[Cell]) -> dict[Status, int]:
    counts = dict.fromkeys(Status, 0)
    for cell in cells:
        counts[cell.status] += cell.people
    return counts
