import uuid
from datetime import date

from pydantic import MISSING

from app.domain.fields import Line, RecentDay
from app.domain.word import Word
from app.schemas.base import Changes, Payload, Versioned
from app.schemas.people.employment import Seer


class PositionRead(Versioned):
    id: uuid.UUID
    """Of the primary position, the person's own id."""

    user_id: uuid.UUID
    is_primary: bool
    """Whether it is the one of the person's own page, which always is there."""

    location_id: uuid.UUID | None
    department: str | None
    job_title: str | None
    manager_id: uuid.UUID | None
    starts_on: date | None
    """Of the primary position, the day of hire; null where that is not known."""

    ends_on: date | None
    """The last day; null where no end is known."""


class PositionMoveRead(PositionRead):
    newly_seen_by: list[Seer]
    """Managers who see the person by this position and do not see them otherwise."""


class PositionCreate(Payload):
    """Where else a person works: what is asked of people there is asked of them too."""

    location_id: uuid.UUID
    """The office where the person works as well."""

    department: Word | None = None
    job_title: Word | None = None
    manager_id: uuid.UUID | None = None
    starts_on: RecentDay
    ends_on: RecentDay | None = None
    """The last day; null where no end is known."""


class PrimaryPosition(Payload):
    effective_on: RecentDay
    """The first day on which it is the primary position, and the former one is beside it."""

    note: Line | None = None


class PositionUpdate(Changes):
    """A correction: the position is as if it had always been so.

    For what changes on a day, end the position and record another.
    """

    location_id: uuid.UUID | MISSING = MISSING
    """The office where it was meant to be."""

    department: Word | MISSING | None = MISSING
    job_title: Word | MISSING | None = MISSING
    manager_id: uuid.UUID | MISSING | None = MISSING
    starts_on: RecentDay | MISSING = MISSING
    ends_on: RecentDay | MISSING | None = MISSING
