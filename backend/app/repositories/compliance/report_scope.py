"""What a compliance report is asked for, and the criteria that select it."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, String, cast, exists, func, or_, select
from sqlalchemy.orm import aliased
from sqlalchemy.orm.util import AliasedClass

from app.domain.actor import Actor
from app.domain.compliance import ComplianceStatus
from app.models import ComplianceSegment, Location, RequirementVersion
from app.repositories.base import any_of
from app.repositories.compliance.compliance_segment import known_segments
from app.repositories.compliance.requirement import names_modules
from app.repositories.people.visibility import owner_visible_to


class GroupBy(StrEnum):
    LOCATION = "location"
    DEPARTMENT = "department"
    TITLE = "title"
    REQUIREMENT = "requirement"


@dataclass(frozen=True, slots=True)
class ReportScope:
    """A filter of the report."""

    as_of: date
    locations: tuple[str, ...] = ()
    """The ids or names of locations, in any case."""

    departments: tuple[str, ...] = ()
    """The names of departments, as they are and were called: what was known then has those."""

    job_titles: tuple[str, ...] = ()
    requirement_ids: tuple[uuid.UUID, ...] = ()
    statuses: tuple[ComplianceStatus, ...] = ()
    user_ids: tuple[uuid.UUID, ...] = ()
    known_on: date | None = None
    """The day whose knowledge the report uses; None for today."""

    module_id: uuid.UUID | None = None
    """Narrows it to the requirements that the module meets or ever met."""

    @property
    def is_whole(self) -> bool:
        """Whether stored counts can be used. They count by one dimension only."""
        narrowed = (self.locations, self.departments, self.job_titles, self.statuses, self.user_ids)
        return not any(narrowed) and self.known_on is None and self.module_id is None


def as_known(statement: Select[*tuple[Any, ...]], scope: ReportScope) -> Select[*tuple[Any, ...]]:
    if scope.known_on is None:
        return statement
    return statement.add_cte(known_segments(scope.known_on), nest_here=True)


def in_scope(
    actor: Actor | None, scope: ReportScope, key: str | None = None
) -> list[ColumnElement[bool]]:
    """Match each person and requirement once; with `key`, a column of places, once for each.

    Without an actor it is the system itself that asks, about everybody.
    """
    criteria: list[ColumnElement[bool]] = [
        ComplianceSegment.starts_on <= scope.as_of,
        ComplianceSegment.ends_on >= scope.as_of,
    ]
    if actor is not None and not actor.sees_everybody:
        criteria.append(owner_visible_to(actor, ComplianceSegment.user_id))
    criteria += [
        *any_of(ComplianceSegment.user_id, scope.user_ids),
        *any_of(ComplianceSegment.requirement_id, scope.requirement_ids),
        *any_of(ComplianceSegment.status, scope.statuses),
    ]
    if scope.module_id is not None:
        named = names_modules([scope.module_id])
        naming = select(RequirementVersion.requirement_id).where(named)
        criteria.append(ComplianceSegment.requirement_id.in_(naming))
    return [*criteria, *_at_place(scope, ComplianceSegment), _is_first(scope, key)]


def _is_first(scope: ReportScope, key: str | None) -> ColumnElement[bool]:
    """Match the first of a person's places at which they are asked about."""
    is_primary = ComplianceSegment.place == 0
    before = aliased(ComplianceSegment)
    asked = _at_place(scope, before)
    if not asked and key is None:
        return is_primary
    if key is not None:
        asked.append(getattr(before, key).is_not_distinct_from(getattr(ComplianceSegment, key)))
    earlier = exists().where(
        before.user_id == ComplianceSegment.user_id,
        before.requirement_id == ComplianceSegment.requirement_id,
        before.starts_on == ComplianceSegment.starts_on,
        before.place < ComplianceSegment.place,
        *asked,
    )
    return or_(is_primary, ~earlier)


def _at_place(
    scope: ReportScope, segment: type[ComplianceSegment] | AliasedClass[ComplianceSegment]
) -> list[ColumnElement[bool]]:
    criteria = [
        *any_of(segment.department, scope.departments),
        *any_of(segment.job_title, scope.job_titles),
    ]
    if scope.locations:
        criteria.append(segment.location_id.in_(_locations(scope.locations)))
    return criteria


def _locations(names_or_ids: Collection[str]) -> Select[uuid.UUID]:
    """Match locations by id, or by a name that they have or had before they were deleted."""
    meant = [each.lower() for each in names_or_ids]
    named = func.lower(Location.name).in_(meant)
    return select(Location.id).where(or_(named, cast(Location.id, String).in_(meant)))
