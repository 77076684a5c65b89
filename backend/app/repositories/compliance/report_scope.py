"""What a compliance report is asked for, and the criteria that select it."""

import uuid
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
    location: str | None = None
    """A location's id or name, in any case."""

    departments: tuple[str, ...] = ()
    """The names of a department, as it is and was called: what was known then has that of then."""

    job_titles: tuple[str, ...] = ()
    requirement_id: uuid.UUID | None = None
    status: ComplianceStatus | None = None
    user_id: uuid.UUID | None = None
    known_on: date | None = None
    """The day whose knowledge the report uses; None for today."""

    module_id: uuid.UUID | None = None
    """Narrows it to the requirements that the module meets or ever met."""

    @property
    def is_whole(self) -> bool:
        """Whether stored counts can be used. They count by one dimension only."""
        narrowed = (self.location, self.departments, self.job_titles, self.status, self.user_id)
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
    if scope.user_id is not None:
        criteria.append(ComplianceSegment.user_id == scope.user_id)
    if scope.requirement_id is not None:
        criteria.append(ComplianceSegment.requirement_id == scope.requirement_id)
    if scope.status is not None:
        criteria.append(ComplianceSegment.status == scope.status)
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
    criteria: list[ColumnElement[bool]] = []
    if scope.location is not None:
        criteria.append(segment.location_id.in_(_locations(scope.location)))
    if scope.departments:
        criteria.append(segment.department.in_(scope.departments))
    if scope.job_titles:
        criteria.append(segment.job_title.in_(scope.job_titles))
    return criteria


def _locations(name_or_id: str) -> Select[uuid.UUID]:
    """Match a location by id, or by a name that it has or had before it was deleted."""
    named = func.lower(Location.name) == name_or_id.lower()
    return select(Location.id).where(or_(named, cast(Location.id, String) == name_or_id.lower()))
