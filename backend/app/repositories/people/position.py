import uuid
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, Date, Select, and_, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, aliased

from app.domain.compliance import facts
from app.domain.compliance.audience import Post
from app.domain.people.manager_change import Oversight
from app.models import (
    Department,
    DepartmentSpelling,
    JobTitle,
    JobTitleSpelling,
    Location,
    Position,
    User,
)
from app.models.people.word import Spelling, Word
from app.repositories.base import Repository

_LATER = aliased(Position)

HOLDS = and_(
    ~Position.withdrawn,
    ~exists().where(_LATER.position_id == Position.position_id, _LATER.number > Position.number),
)
"""Matches the row of each position that holds today, whenever the position is."""

IN_FORCE = and_(
    HOLDS,
    Position.starts_on <= func.local_day(Position.location_id, type_=Date()),
    or_(
        Position.ends_on.is_(None),
        Position.ends_on >= func.local_day(Position.location_id, type_=Date()),
    ),
)


def held_by(*criteria: ColumnElement[bool]) -> Select[uuid.UUID]:
    """Return whoever has such a position today."""
    return select(Position.user_id).where(IN_FORCE, *criteria)


@dataclass(frozen=True, slots=True)
class Place:
    """Where people work: what is left out is everywhere. Words are the names of today."""

    location: ColumnElement[bool] | None = None
    """A condition on `Location`."""

    departments: Collection[str] = ()
    job_titles: Collection[str] = ()
    manager_ids: Collection[uuid.UUID] = ()


def works_where(place: Place) -> list[ColumnElement[bool]]:
    """Match people who meet all of it at one place: in their primary position or in another."""
    primary: list[ColumnElement[bool]] = []
    further: list[ColumnElement[bool]] = []
    if place.location is not None:
        primary.append(User.location.has(place.location))
        further.append(Position.location_id.in_(select(Location.id).where(place.location)))
    if place.departments:
        primary.append(User.department.has(_named(Department, place.departments)))
        further.append(
            _means(Position.department, Department, DepartmentSpelling, place.departments)
        )
    if place.job_titles:
        primary.append(User.job_title.has(_named(JobTitle, place.job_titles)))
        further.append(_means(Position.job_title, JobTitle, JobTitleSpelling, place.job_titles))
    if place.manager_ids:
        primary.append(User.manager_id.in_(place.manager_ids))
        further.append(Position.manager_id.in_(place.manager_ids))
    return [or_(and_(*primary), User.id.in_(held_by(*further)))] if primary else []


def _named(word: type[Word], names: Collection[str]) -> ColumnElement[bool]:
    return func.lower(word.name).in_([func.lower(name) for name in names])


def _means(
    held: InstrumentedAttribute[str | None],
    word: type[Word],
    spelling: type[Spelling],
    names: Collection[str],
) -> ColumnElement[bool]:
    """Match positions with a word, by whatever name or alias they were recorded with."""
    meant = select(spelling).join(word, word.id == spelling.word_id).where(_named(word, names))
    known = func.lower(held).in_(meant.with_only_columns(spelling.spelling))
    return or_(known, held.in_(meant.with_only_columns(spelling.written)), held.in_(names))


class PositionRepository(Repository[Position]):
    model = Position

    async def of_user(self, user_id: uuid.UUID) -> list[Position]:
        """Return the positions of a person, past and future ones too, in their order."""
        statement = select(Position).where(HOLDS, Position.user_id == user_id)
        statement = statement.order_by(Position.starts_on, Position.position_id)
        return list(await self.session.scalars(statement))

    async def get(self, user_id: uuid.UUID, position_id: uuid.UUID) -> Position | None:
        statement = select(Position).where(
            HOLDS, Position.user_id == user_id, Position.position_id == position_id
        )
        return (await self.session.scalars(statement)).one_or_none()

    async def oversights(
        self, user_id: uuid.UUID, day: date, *, besides: uuid.UUID | None = None
    ) -> list[Oversight]:
        """Return by whom a person is seen on a day for the positions that they have besides one."""
        statement = select(Position.location_id, Position.manager_id).where(
            HOLDS,
            Position.user_id == user_id,
            Position.starts_on <= day,
            or_(Position.ends_on.is_(None), Position.ends_on >= day),
        )
        if besides is not None:
            statement = statement.where(Position.position_id != besides)
        return [Oversight(*row) for row in await self.session.execute(statement)]

    async def expected_at(self, location_id: uuid.UUID) -> bool:
        """Tell whether somebody has a position there that is not over."""
        today = func.local_day(Position.location_id, type_=Date())
        lasting = or_(Position.ends_on.is_(None), Position.ends_on >= today)
        statement = select(Position.id).where(HOLDS, Position.location_id == location_id, lasting)
        return await self.session.scalar(statement.limit(1)) is not None

    async def of_people(
        self, user_ids: Sequence[uuid.UUID]
    ) -> dict[uuid.UUID, list[facts.Position]]:
        """Return all that was ever said of these people's positions, in its order."""
        statement = (
            select(
                Position.user_id,
                Position.position_id,
                Position.recorded_on,
                Position.starts_on,
                Position.ends_on,
                Position.location_id,
                Position.department,
                Position.job_title,
                Position.withdrawn,
            )
            .where(Position.user_id.in_(user_ids))
            .order_by(Position.position_id, Position.number)
        )
        found: dict[uuid.UUID, list[facts.Position]] = defaultdict(list)
        for row in await self.session.execute(statement):
            post = Post(row.location_id, row.department, row.job_title)
            said = facts.Position(row[1], row[2], row[3], row[4], post, row.withdrawn)
            found[row.user_id].append(said)
        return found
