"""The statement that makes a compliance report of the counts by group, requirement and status."""

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
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by

from app.domain.actor import Actor
from app.domain.compliance import ComplianceStatus
from app.models import ComplianceCount, ComplianceDay, ComplianceSegment, Location, Requirement
from app.models.compliance.compliance_segment import Dimension
from app.repositories.base import any_of
from app.repositories.compliance.outdated import reconciling
from app.repositories.compliance.report_scope import GroupBy, ReportScope, as_known, in_scope

Cells: TypeAlias = Select[*tuple[Any, ...]] | CompoundSelect[*tuple[Any, ...]]

_PLACE_KEYS = {
    GroupBy.LOCATION: "location_id",
    GroupBy.DEPARTMENT: "department",
    GroupBy.TITLE: "job_title",
}
_COUNTED = {
    GroupBy.LOCATION: (Dimension.LOCATION, Dimension.ALSO_LOCATION),
    GroupBy.DEPARTMENT: (Dimension.DEPARTMENT, Dimension.ALSO_DEPARTMENT),
    GroupBy.TITLE: (Dimension.JOB_TITLE, Dimension.ALSO_JOB_TITLE),
    GroupBy.REQUIREMENT: (Dimension.LOCATION,),
}


def matrix(actor: Actor, scope: ReportScope, group_by: GroupBy) -> Select[*tuple[Any, ...]]:
    """Return the statement that makes the JSON of a `ComplianceReport`.

    It reads the stored counts where the report is about everybody and the day has stored counts.
    Otherwise it counts segments.
    """
    cells: Cells = _live_cells(actor, scope, group_by)
    if actor.sees_everybody and scope.is_whole:
        cells = _kept_cells(scope, group_by, _live_cells(actor, scope, group_by))
    return _report(cells, scope, group_by)


def _live_cells(actor: Actor, scope: ReportScope, group_by: GroupBy) -> Select[*tuple[Any, ...]]:
    by_place = _PLACE_KEYS.get(group_by)
    column = getattr(ComplianceSegment, by_place or "requirement_id")
    key = cast(column, String).label("key")
    people = func.count().label("people")
    cells = (
        select(key, ComplianceSegment.requirement_id, ComplianceSegment.status, people)
        .where(*in_scope(actor, scope, by_place))
        .group_by(key, ComplianceSegment.requirement_id, ComplianceSegment.status)
    )
    return as_known(cells, scope)


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
        ComplianceCount.dimension.in_(_COUNTED[group_by]),
    )
    kept = kept.where(*any_of(ComplianceCount.requirement_id, scope.requirement_ids))
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
    listed = listed.where(*any_of(rows.c.requirement_id, scope.requirement_ids))
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
