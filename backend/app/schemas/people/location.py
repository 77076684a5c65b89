import uuid
from datetime import datetime
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import MISSING, AfterValidator, Field

from app.domain.fields import Line, refuse
from app.domain.people.place import KnownCountry, KnownState
from app.schemas.base import Changes, Payload, Versioned


def _iana(name: str) -> str:
    if name not in available_timezones():
        refuse("unknown_time_zone", "An IANA name such as America/Los_Angeles is expected.")
    return name


TimeZone = Annotated[Line, AfterValidator(_iana)]
ManagerIds = Annotated[list[uuid.UUID], Field(max_length=100)]


class LocationCreate(Payload):
    name: Line
    time_zone: TimeZone
    country: KnownCountry | None = None
    """Null or left out, that of the state."""

    state: KnownState | None = None
    manager_ids: ManagerIds = Field(default_factory=list)


class LocationUpdate(Changes):
    name: Line | MISSING = MISSING
    time_zone: TimeZone | MISSING = MISSING
    country: KnownCountry | MISSING | None = MISSING
    state: KnownState | MISSING | None = MISSING
    manager_ids: ManagerIds | MISSING = MISSING


class LocationRead(Versioned):
    id: uuid.UUID
    name: str
    time_zone: str
    country: str | None
    state: str | None
    created_at: datetime
    updated_at: datetime


class LocationDetail(LocationRead):
    manager_ids: list[uuid.UUID]
