"""The matrix, its drill-down, its exports and its forecast, all from the same scope and cells."""

import uuid
from collections.abc import AsyncGenerator, Collection
from datetime import date, timedelta

from app.core.auth.security import Claims
from app.core.database import Database
from app.core.errors import ForbiddenError
from app.core.pagination import PageRequest
from app.repositories.compliance.report import DAYS_PER_WEEK, Edition, Line, kept_edition
from app.repositories.compliance.report_scope import GroupBy, ReportScope
from app.schemas.base import ListOf
from app.schemas.compliance.report import (
    Forecast,
    ForecastWeek,
    ReportLine,
    ReportRequirement,
    ReportUser,
)
from app.services.base import Service, listed
from app.services.context import RequestContext
from app.services.word import spellings_meant

FORECAST_WEEKS = 52


class MatrixCache:
    """Keeps the matrix of everybody until its counts change. One per process.

    Every request asks the database, in one statement, who the caller is and whether the counts
    have changed.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: dict[GroupBy, tuple[Edition, str]] = {}

    async def matrix(self, caller: Claims, group_by: GroupBy) -> str | None:
        """Return today's matrix as JSON; None unless an active admin asks on a kept day."""
        found = await kept_edition(self._database.fetch, caller)
        if found is None:
            return None
        edition, admin = found
        held, matrix = self._kept.get(group_by, (None, ""))
        if held != edition:
            # The edition was read before the matrix is counted, so the kept matrix may be newer
            # than its edition, but never older.
            service = ReportService(self._database, RequestContext(admin))
            matrix = await service.matrix(ReportScope(edition.day), group_by)
            self._kept[group_by] = (edition, matrix)
        return matrix


class DaysToComeError(ForbiddenError):
    code = "days_to_come"
    detail = "Reports of days to come show what is announced: ask a compliance officer."


class ReportService(Service):
    async def today(self) -> date:
        """Return today's date at the reader's location."""
        async with self.reading() as uow:
            return await uow.employment.office_day_of(self.actor.id)

    async def refuse_days_to_come(self, as_of: date) -> None:
        """Leave days to come to those who may read what is announced: it decides who is listed."""
        if self.actor.sees_announced:
            return
        async with self.reading() as uow:
            if as_of > await uow.requirements.organisation_day():
                raise DaysToComeError

    async def words_meant(
        self, departments: Collection[str], job_titles: Collection[str]
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return all names of the departments and of the job titles; refuse what is in no list."""
        async with self.reading() as uow:
            return (
                await spellings_meant(uow, uow.departments, departments, "query:department"),
                await spellings_meant(uow, uow.job_titles, job_titles, "query:job_title"),
            )

    async def reconciling(self) -> list[uuid.UUID]:
        """Return the requirements that reports may not follow yet."""
        async with self.reading() as uow:
            return sorted(await uow.outdated.reconciling())

    async def matrix(self, scope: ReportScope, group_by: GroupBy) -> str:
        """Return the JSON of a `ComplianceReport`."""
        async with self.reading() as uow:
            return await uow.reports.matrix(self.actor, scope, group_by)

    async def people(self, scope: ReportScope, request: PageRequest) -> ListOf[ReportLine]:
        async with self.reading() as uow:
            page = await uow.reports.lines(self.actor, scope, request)
            return listed(page, report_line)

    async def lines(self, scope: ReportScope) -> AsyncGenerator[Line]:
        """Yield the whole drill-down as of one moment, a row at a time."""
        async with self.snapshot() as uow:
            async for line in uow.reports.stream_lines(self.actor, scope):
                yield line

    async def forecast(self, scope: ReportScope) -> Forecast:
        """Count what falls due and what expires in each week from the day of the report on.

        These are `FORECAST_WEEKS`, or as many as are left of the calendar.
        """
        left = (date.max - scope.as_of).days // DAYS_PER_WEEK
        async with self.reading() as uow:
            weeks = await uow.reports.forecast(self.actor, scope, min(left, FORECAST_WEEKS))
        return Forecast(
            as_of=scope.as_of,
            weeks=[
                ForecastWeek(
                    starts_on=week.starts_on,
                    ends_on=week.starts_on + timedelta(days=DAYS_PER_WEEK - 1),
                    due=week.due,
                    expiring=week.expiring,
                )
                for week in weeks
            ],
        )


def report_line(line: Line) -> ReportLine:
    return ReportLine(
        user=ReportUser(
            id=line.user_id,
            display_name=line.display_name,
            email=line.email,
            employee_number=line.employee_number,
        ),
        requirement=ReportRequirement(id=line.requirement_id, title=line.requirement),
        status=line.status,
        due_on=line.due_on,
        valid_through=line.valid_through,
        met_by=line.met_by,
        location_id=line.location_id,
        location=line.location,
        department=line.department,
        job_title=line.job_title,
        reconciling=line.reconciling,
    )
