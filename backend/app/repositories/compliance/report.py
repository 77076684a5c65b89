"""Read-only SQL of the compliance reports. Every statement is one round trip."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import reduce
from operator import add
from typing import Any, TypeAlias

from sqlalchemy import (
    CTE,
    ColumnElement,
    CompoundSelect,
    Date,
    Select,
    String,
    cast,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app.core.database import Fetch
from app.core.pagination import Page, PageRequest, decode_cursor, encode_cursor
from app.domain.actor import Actor, Role
from app.domain.compliance import ComplianceStatus
from app.domain.people.display_name import display_name
from app.models import (
    ComplianceCount,
    ComplianceDay,
    ComplianceOutdated,
    ComplianceSegment,
    Location,
    Requirement,
    User,
)
from app.models.compliance.compliance_segment import Dimension
from app.repositories.compliance.compliance_segment import known_segments
from app.repositories.compliance.outdated import reconciling
from app.repositories.people.caller import Caller, run_for
from app.repositories.people.visibility import owner_visible_to

Cells: TypeAlias = Select[*tuple[Any, ...]] | CompoundSelect[*tuple[Any, ...]]


class GroupBy(StrEnum):
    LOCATION = "location"
    DEPARTMENT = "department"
    TITLE = "title"
    REQUIREMENT = "requirement"


@dataclass(frozen=True, slots=True)
class ReportScope:
    """A filter of the report. Names are compared in any case."""

    as_of: date
    location: str | None = None
    """A location's id or name."""

    department: str | None = None
    job_title: str | None = None
    requirement_id: uuid.UUID | None = None
    status: ComplianceStatus | None = None
    user_id: uuid.UUID | None = None
    known_on: date | None = None
    """The day as whose knowledge the report is made; None for today."""

    @property
    def is_whole(self) -> bool:
        """Whether the stored counts can answer it, which count by one dimension only."""
        narrowed = (self.location, self.department, self.job_title, self.status, self.user_id)
        return not any(narrowed) and self.known_on is None


@dataclass(frozen=True, slots=True)
class Line:
    """One person and one requirement on the day of the report."""

    user_id: uuid.UUID
    full_name: str | None
    email: str
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
    """Whether the person is still to be worked out by a rule that has changed."""

    @property
    def display_name(self) -> str:
        return display_name(self.full_name, self.email)


@dataclass(frozen=True, slots=True)
class Week:
    starts_on: date
    due: int
    expiring: int


_SEGMENT_KEYS: dict[GroupBy, ColumnElement[str | None]] = {
    GroupBy.LOCATION: cast(ComplianceSegment.location_id, String),
    GroupBy.DEPARTMENT: ComplianceSegment.department.expression,
    GroupBy.TITLE: ComplianceSegment.job_title.expression,
    GroupBy.REQUIREMENT: cast(ComplianceSegment.requirement_id, String),
}
_COUNTED = {
    GroupBy.LOCATION: Dimension.LOCATION,
    GroupBy.DEPARTMENT: Dimension.DEPARTMENT,
    GroupBy.TITLE: Dimension.JOB_TITLE,
    GroupBy.REQUIREMENT: Dimension.LOCATION,
}
# Triggers count every change of a table that the matrix is made from. Runs on the driver, as the
# statements in study.py do.
_EDITION = """
    SELECT today.day, today.id, (SELECT coalesce(sum(number), 0)::bigint FROM compliance_editions)
      FROM (SELECT id, local_day(location_id) AS day FROM caller WHERE role = 'admin') AS today
      JOIN compliance_days USING (day)
"""
ASKED = (ComplianceStatus.NEVER_TRAINED, ComplianceStatus.DUE, ComplianceStatus.DUE_SOON)
DAYS_PER_WEEK = 7


@dataclass(frozen=True, slots=True)
class Edition:
    """The state of a day's counts: the number changes whenever their matrix may have changed."""

    day: date
    number: int


async def kept_edition(fetch: Fetch, caller: Caller) -> tuple[Edition, Actor] | None:
    """Return the edition of today's whole matrix, and the admin who asks.

    None for anybody else, and on a day that is not kept.
    """
    for day, admin_id, number in await run_for(fetch, caller, _EDITION):
        return Edition(day, number), Actor(admin_id, Role.ADMIN)
    return None


class ReportRepository:
    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def matrix(self, actor: Actor, scope: ReportScope, group_by: GroupBy) -> str:
        """Return the counts as the JSON of a `ComplianceReport`.

        Where everybody is counted on a day with stored counts, these are used, otherwise the
        segments. One statement makes the JSON.
        """
        cells: Cells = _live_cells(actor, scope, group_by)
        if actor.is_admin and scope.is_whole:
            cells = _kept_cells(scope, group_by, _live_cells(actor, scope, group_by))
        statement = _report(cells, scope, group_by)
        return str((await self.session.execute(statement)).scalar_one())

    async def lines(self, actor: Actor, scope: ReportScope, request: PageRequest) -> Page[Line]:
        """List person and requirement, by person; the cursor names the last of both."""
        statement = _as_known(_lines().where(*_in_scope(actor, scope)), scope)
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
        """Yield every line without holding them all; needs a transaction that stays open."""
        statement = (
            _as_known(_lines(), scope)
            .where(*_in_scope(actor, scope))
            .order_by(
                func.coalesce(User.full_name, User.email),
                ComplianceSegment.user_id,
                Requirement.title,
                ComplianceSegment.requirement_id,
            )
        )
        async for row in await self.session.stream(statement):
            yield Line(*row)

    async def forecast(self, actor: Actor, scope: ReportScope, weeks: int) -> list[Week]:
        """Count, by week from the day of the report on, what falls due and what expires."""
        last = scope.as_of + timedelta(days=weeks * DAYS_PER_WEEK - 1)
        in_scope = _in_scope(actor, scope)
        due = _by_week(
            ComplianceSegment.due_on, scope.as_of, last, ComplianceSegment.status.in_(ASKED)
        ).where(*in_scope)
        expiring = _by_week(ComplianceSegment.valid_through, scope.as_of, last).where(*in_scope)
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


def _live_cells(actor: Actor, scope: ReportScope, group_by: GroupBy) -> Select[*tuple[Any, ...]]:
    key = _SEGMENT_KEYS[group_by].label("key")
    people = func.count().label("people")
    cells = (
        select(key, ComplianceSegment.requirement_id, ComplianceSegment.status, people)
        .where(*_in_scope(actor, scope))
        .group_by(key, ComplianceSegment.requirement_id, ComplianceSegment.status)
    )
    return _as_known(cells, scope)


def _kept_cells(
    scope: ReportScope, group_by: GroupBy, live: Select[*tuple[Any, ...]]
) -> CompoundSelect[*tuple[Any, ...]]:
    """Return the stored counts; where the day has none, the counts of the segments."""
    is_kept = exists().where(ComplianceDay.day == scope.as_of)
    key: ColumnElement[str | None] = ComplianceCount.key.expression
    if group_by is GroupBy.REQUIREMENT:
        key = cast(ComplianceCount.requirement_id, String)
    kept = select(
        key.label("key"),
        ComplianceCount.requirement_id,
        ComplianceCount.status,
        ComplianceCount.people,
    ).where(
        is_kept,
        ComplianceCount.day == scope.as_of,
        ComplianceCount.dimension == _COUNTED[group_by],
    )
    if scope.requirement_id is not None:
        kept = kept.where(ComplianceCount.requirement_id == scope.requirement_id)
    return union_all(kept, live.where(~is_kept))


def _report(cells: Cells, scope: ReportScope, group_by: GroupBy) -> Select[*tuple[Any, ...]]:
    """Nest the cells by group and requirement, each in the order of its label."""
    groups = _groups(_rows(cells))
    named = groups.c.title if group_by is GroupBy.REQUIREMENT else groups.c.key
    label = func.coalesce(Location.name, named)
    group = func.json_build_object(
        *("key", groups.c.key, "label", label, "people", groups.c.people),
        *("counts", _counts(groups), "requirements", groups.c.requirements),
    )
    in_order = aggregate_order_by(group, func.lower(label).nulls_last(), groups.c.key)
    document = func.json_build_object(
        *("as_of", cast(scope.as_of, Date), "known_on", cast(scope.known_on, Date)),
        *("group_by", cast(group_by, String), "reconciling", _reconciling(scope)),
        *("groups", func.coalesce(func.json_agg(in_order), func.json_build_array())),
    )
    return select(cast(document, String)).select_from(
        groups.outerjoin(Location, cast(Location.id, String) == groups.c.key)
    )


def _reconciling(scope: ReportScope) -> ColumnElement[Any]:
    """List the changed rules that the counts may not reflect yet."""
    rows = reconciling()
    line = func.json_build_object(
        *("id", rows.c.requirement_id, "title", rows.c.title, "share", rows.c.share)
    )
    in_order = aggregate_order_by(line, func.lower(rows.c.title), rows.c.requirement_id)
    listed = select(func.coalesce(func.json_agg(in_order), func.json_build_array()))
    if scope.known_on is not None:
        listed = listed.where(false())
    if scope.requirement_id is not None:
        listed = listed.where(rows.c.requirement_id == scope.requirement_id)
    return listed.select_from(rows).scalar_subquery()


def _rows(cells: Cells) -> CTE:
    """One row for each group and requirement, with a column for each status."""
    cell = cells.cte("cells")
    summed = (
        func.coalesce(func.sum(cell.c.people).filter(cell.c.status == status), 0).label(status)
        for status in ComplianceStatus
    )
    # Titles are joined after grouping. In the grouping key they would cost more than all the sums.
    row = select(cell.c.key, cell.c.requirement_id, *summed).group_by(
        cell.c.key, cell.c.requirement_id
    )
    counted = row.cte("counted")
    return (
        select(counted, Requirement.title)
        .join(Requirement, Requirement.id == counted.c.requirement_id)
        .cte("rows")
    )


def _groups(rows: CTE) -> CTE:
    """One row for each group. Every requirement counts each of its people once."""
    requirement = func.json_build_object(
        *("id", rows.c.requirement_id, "title", rows.c.title, "counts", _counts(rows))
    )
    in_order = aggregate_order_by(requirement, func.lower(rows.c.title), rows.c.requirement_id)
    people = reduce(add, (rows.c[status] for status in ComplianceStatus))
    totals = (func.sum(rows.c[status]).label(status) for status in ComplianceStatus)
    return (
        select(
            rows.c.key,
            func.min(rows.c.title).label("title"),
            func.max(people).label("people"),
            func.json_agg(in_order).label("requirements"),
            *totals,
        )
        .group_by(rows.c.key)
        .cte("groups")
    )


def _counts(row: CTE) -> ColumnElement[Any]:
    pairs = ((status.value, row.c[status]) for status in ComplianceStatus)
    return func.json_build_object(*(part for pair in pairs for part in pair))


def _lines() -> Select[*tuple[Any, ...]]:
    return (
        select(
            ComplianceSegment.user_id,
            User.full_name,
            User.email,
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


def _as_known(statement: Select[*tuple[Any, ...]], scope: ReportScope) -> Select[*tuple[Any, ...]]:
    if scope.known_on is None:
        return statement
    return statement.add_cte(known_segments(scope.known_on), nest_here=True)


def _in_scope(actor: Actor, scope: ReportScope) -> list[ColumnElement[bool]]:
    criteria: list[ColumnElement[bool]] = [
        ComplianceSegment.starts_on <= scope.as_of,
        ComplianceSegment.ends_on >= scope.as_of,
    ]
    if not actor.is_admin:
        criteria.append(owner_visible_to(actor, ComplianceSegment.user_id))
    if scope.user_id is not None:
        criteria.append(ComplianceSegment.user_id == scope.user_id)
    if scope.requirement_id is not None:
        criteria.append(ComplianceSegment.requirement_id == scope.requirement_id)
    if scope.status is not None:
        criteria.append(ComplianceSegment.status == scope.status)
    if scope.location is not None:
        criteria.append(ComplianceSegment.location_id.in_(_locations(scope.location)))
    for column, name in (
        (ComplianceSegment.department, scope.department),
        (ComplianceSegment.job_title, scope.job_title),
    ):
        if name is not None:
            criteria.append(func.lower(column) == name.lower())
    return criteria


def _locations(name_or_id: str) -> Select[uuid.UUID]:
    """Match a location by id, or by a name that it has or had before it was deleted."""
    named = func.lower(Location.name) == name_or_id.lower()
    return select(Location.id).where(or_(named, cast(Location.id, String) == name_or_id.lower()))


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
