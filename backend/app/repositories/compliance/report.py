"""Read-only SQL of the compliance reports. Every statement is one round trip."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    exists,
    func,
    literal,
    select,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app.core.database import Fetch
from app.core.pagination import Page, PageRequest, decode_cursor, encode_cursor
from app.domain.actor import Actor, Role
from app.domain.compliance import ComplianceStatus
from app.domain.people.display_name import display_name
from app.models import (
    ComplianceOutdated,
    ComplianceSegment,
    Location,
    Requirement,
    User,
)
from app.repositories.compliance.compliance_segment import known_segments
from app.repositories.compliance.report_matrix import matrix
from app.repositories.compliance.report_scope import GroupBy, ReportScope, as_known, in_scope
from app.repositories.people.caller import Caller, run_for


@dataclass(frozen=True, slots=True)
class Line:
    """One person and one requirement on the day of the report."""

    user_id: uuid.UUID
    full_name: str | None
    email: str | None
    employee_number: str | None
    location_id: uuid.UUID | None
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
    """Whether a changed rule still has to be applied to the person."""

    @property
    def display_name(self) -> str:
        return display_name(self.full_name, self.email)


@dataclass(frozen=True, slots=True)
class Week:
    starts_on: date
    due: int
    expiring: int


# Triggers count every change of the tables that the matrix is computed from. Every request for the
# matrix runs this, so it runs on the driver without a session, as the statements in study.py do.
_EDITION = """
    SELECT today.day, today.id, (SELECT coalesce(sum(number), 0)::bigint FROM compliance_editions)
      FROM (SELECT id, local_day(location_id) AS day FROM caller WHERE role = 'admin') AS today
      JOIN compliance_days USING (day)
"""
ASKED = (ComplianceStatus.NEVER_TRAINED, ComplianceStatus.DUE, ComplianceStatus.DUE_SOON)
DAYS_PER_WEEK = 7
BATCH = 1000


@dataclass(frozen=True, slots=True)
class Edition:
    """The state of a day's counts: the number changes whenever their matrix may have changed."""

    day: date
    number: int


async def kept_edition(fetch: Fetch, caller: Caller) -> tuple[Edition, Actor] | None:
    """Return the edition of today's whole matrix, and the admin who asks.

    Return None if the caller is not an admin, or if no counts are stored for today.
    """
    for day, admin_id, number in await run_for(fetch, caller, _EDITION):
        return Edition(day, number), Actor(admin_id, Role.ADMIN)
    return None


class ReportRepository:
    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def matrix(self, actor: Actor, scope: ReportScope, group_by: GroupBy) -> str:
        """Return the counts as the JSON of a `ComplianceReport`."""
        statement = matrix(actor, scope, group_by)
        return str((await self.session.execute(statement)).scalar_one())

    async def lines(self, actor: Actor, scope: ReportScope, request: PageRequest) -> Page[Line]:
        """List a line for each person and requirement, ordered by their ids."""
        statement = as_known(_lines().where(*in_scope(actor, scope)), scope)
        total = None
        if request.include_total:
            counted = statement.order_by(None).subquery()
            total = await self.session.scalar(select(func.count()).select_from(counted))
        if request.cursor is not None:
            statement = statement.where(_after(request.cursor))
        statement = statement.order_by(
            ComplianceSegment.user_id, ComplianceSegment.requirement_id
        ).limit(request.limit + 1)
        items = [Line(*row) for row in await self.session.execute(statement)]
        cursor = None
        if len(items) > request.limit:
            items = items[: request.limit]
            cursor = encode_cursor((items[-1].user_id, items[-1].requirement_id))
        return Page(items, cursor, total)

    async def stream_lines(self, actor: Actor, scope: ReportScope) -> AsyncIterator[Line]:
        """Yield every line by the names of people and requirements."""
        statement = (
            as_known(_lines(), scope)
            .where(*in_scope(actor, scope))
            .order_by(
                func.coalesce(User.full_name, User.email),
                ComplianceSegment.user_id,
                Requirement.title,
                ComplianceSegment.requirement_id,
            )
        )
        async for batch in self._batches(statement):
            for line in batch:
                yield line

    async def packed_lines(self, scope: ReportScope) -> AsyncIterator[list[Line]]:
        """Yield batches of the lines of everybody, in the order of ids."""
        statement = as_known(_lines(), scope).where(*in_scope(None, scope))
        statement = statement.order_by(ComplianceSegment.user_id, ComplianceSegment.requirement_id)
        async for batch in self._batches(statement):
            yield batch

    async def _batches(self, statement: Select[*tuple[Any, ...]]) -> AsyncIterator[list[Line]]:
        """Read without keeping all in memory; needs a transaction that stays open."""
        result = await self.session.stream(statement, execution_options={"yield_per": BATCH})
        try:
            async for rows in result.partitions():
                yield [Line(*row) for row in rows]
        finally:
            await result.close()

    async def forecast(self, actor: Actor, scope: ReportScope, weeks: int) -> list[Week]:
        """Count, by week from the day of the report on, what falls due and what expires."""
        last = scope.as_of + timedelta(days=weeks * DAYS_PER_WEEK - 1)
        criteria = in_scope(actor, scope)
        due = _by_week(
            ComplianceSegment.due_on, scope.as_of, last, ComplianceSegment.status.in_(ASKED)
        ).where(*criteria)
        expiring = _by_week(ComplianceSegment.valid_through, scope.as_of, last).where(*criteria)
        statement = union_all(
            due.add_columns(literal("due")), expiring.add_columns(literal("expiring"))
        )
        if scope.known_on is not None:
            statement = statement.add_cte(known_segments(scope.known_on))
        counts = {(row[0], row[2]): row[1] for row in await self.session.execute(statement)}
        return [
            Week(
                scope.as_of + timedelta(days=week * DAYS_PER_WEEK),
                counts.get((week, "due"), 0),
                counts.get((week, "expiring"), 0),
            )
            for week in range(weeks)
        ]


def _lines() -> Select[*tuple[Any, ...]]:
    return (
        select(
            ComplianceSegment.user_id,
            User.full_name,
            User.email,
            User.employee_number,
            ComplianceSegment.location_id,
            Location.name,
            ComplianceSegment.department,
            ComplianceSegment.job_title,
            ComplianceSegment.requirement_id,
            Requirement.title,
            ComplianceSegment.status,
            ComplianceSegment.due_on,
            ComplianceSegment.valid_through,
            ComplianceSegment.met_by,
            exists().where(
                ComplianceOutdated.user_id == ComplianceSegment.user_id,
                ComplianceOutdated.requirement_id == ComplianceSegment.requirement_id,
            ),
        )
        .join(User, User.id == ComplianceSegment.user_id)
        .join(Requirement, Requirement.id == ComplianceSegment.requirement_id)
        .outerjoin(Location, Location.id == ComplianceSegment.location_id)
    )


def _after(cursor: str) -> ColumnElement[bool]:
    user_id, requirement_id = decode_cursor(cursor, (uuid.UUID, uuid.UUID))
    here = func.row(ComplianceSegment.user_id, ComplianceSegment.requirement_id)
    kind = ComplianceSegment.user_id.type
    return here > func.row(literal(user_id, kind), literal(requirement_id, kind))


def _by_week(
    day: InstrumentedAttribute[date | None],
    first: date,
    last: date,
    *criteria: ColumnElement[bool],
) -> Select[*tuple[Any, ...]]:
    week = func.div(day - literal(first), DAYS_PER_WEEK).label("week")
    return select(week, func.count()).where(day.between(first, last), *criteria).group_by(week)
