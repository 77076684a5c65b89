"""Which evidence belongs to a pack, as conditions of SQL."""

import uuid
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, Date, and_, func, literal, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute

from app.models import Attendance, LiveSession, Position, TrainingRecord, User
from app.models.evidence.live_session import SessionStatus
from app.repositories.people.position import held_by
from app.repositories.people.visibility import owned_by_person, owned_by_those


@dataclass(frozen=True, slots=True)
class PackScope:
    """Days are inclusive. `location` matches where people are now or were at completion."""

    from_day: date | None = None
    to_day: date | None = None
    location_id: uuid.UUID | None = None
    location_name: str | None = None
    user_id: uuid.UUID | None = None
    module_id: uuid.UUID | None = None

    @property
    def has_whole_chains(self) -> bool:
        """Whether no link of these people is left out. Then the pack has erased links as well."""
        narrowed = (self.from_day, self.to_day, self.location_id, self.module_id)
        return not any(narrowed)

    @property
    def is_everything(self) -> bool:
        return self.has_whole_chains and self.user_id is None


def of_records(scope: PackScope) -> ColumnElement[bool]:
    place: ColumnElement[bool] = true()
    if scope.location_id is not None:
        then = func.jsonb_extract_path_text(TrainingRecord.user_snapshot, "location")
        place = or_(then == scope.location_name, works_at(scope, TrainingRecord.user_id))
    return and_(
        between(TrainingRecord.local_date, scope),
        of_module(TrainingRecord.module_id, scope),
        of_person(scope, TrainingRecord.user_id),
        place,
    )


def between(
    day: ColumnElement[date] | InstrumentedAttribute[date], scope: PackScope
) -> ColumnElement[bool]:
    first = true() if scope.from_day is None else day >= literal(scope.from_day, Date())
    last = true() if scope.to_day is None else day <= literal(scope.to_day, Date())
    return and_(first, last)


def of_module(
    column: InstrumentedAttribute[uuid.UUID] | InstrumentedAttribute[uuid.UUID | None],
    scope: PackScope,
) -> ColumnElement[bool]:
    return true() if scope.module_id is None else column == scope.module_id


def of_people(scope: PackScope, owner: InstrumentedAttribute[uuid.UUID]) -> ColumnElement[bool]:
    place = true() if scope.location_id is None else works_at(scope, owner)
    return and_(of_person(scope, owner), place)


def of_person(scope: PackScope, owner: InstrumentedAttribute[uuid.UUID]) -> ColumnElement[bool]:
    return true() if scope.user_id is None else owned_by_person(owner, scope.user_id)


def works_at(scope: PackScope, owner: InstrumentedAttribute[uuid.UUID]) -> ColumnElement[bool]:
    """Match people of the office, by their primary position or another."""
    posted = User.id.in_(held_by(Position.location_id == scope.location_id))
    return owned_by_those(owner, or_(User.location_id == scope.location_id, posted))


def attended(scope: PackScope) -> ColumnElement[bool]:
    if scope.user_id is None and scope.location_id is None:
        return true()
    return LiveSession.id.in_(
        select(Attendance.session_id).where(of_people(scope, Attendance.user_id))
    )


def of_sessions(scope: PackScope) -> ColumnElement[bool]:
    day = func.timezone("UTC", LiveSession.starts_at).cast(Date)
    closed = LiveSession.status == SessionStatus.CLOSED
    return and_(closed, between(day, scope), of_module(LiveSession.module_id, scope))
