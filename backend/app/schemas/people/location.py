import uuid
from datetime import datetime
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import MISSING, AfterValidator, Field

from app.domain.fields import Line, refuse
from app.domain.people.place import CountryCode, StateCode, is_country, is_state
from app.schemas.base import Changes, Payload, Versioned


def _iana(name: str) -> str:
    if name not in available_timezones():
        refuse("unknown_time_zone", "An IANA name such as America/Los_Angeles is expected.")
    return name


def _country(code: str) -> str:
    if not is_country(code):
        refuse("unknown_country", "A country of ISO 3166-1 is expected, such as US.")
    return code


def _state(code: str) -> str:
    if not is_state(code):
        refuse("unknown_state", "A state of ISO 3166-2 is expected, such as US-CA.")
    return code


Country = Annotated[CountryCode, AfterValidator(_country)]
State = Annotated[StateCode, AfterValidator(_state)]
TimeZone = Annotated[Line, AfterValidator(_iana)]
ManagerIds = Annotated[list[uuid.UUID], Field(max_length=100)]


class LocationCreate(Payload):
    name: Line
    time_zone: TimeZone
    country: Country | None = None
    """Null or left out, that of the state."""

    state: State | None = None
    manager_ids: ManagerIds = Field(default_factory=list)


class LocationUpdate(Changes):
    name: Line | MISSING = MISSING
    time_zone: TimeZone | MISSING = MISSING
    country: Country | MISSING | None = MISSING
    state: State | MISSING | None = MISSING
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
