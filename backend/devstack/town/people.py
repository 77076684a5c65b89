"""The offices and people beside those that ship with the application. All of them are invented."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from importlib.resources import files
from typing import Final
from uuid import UUID

from app.core.pagination import PageRequest
from app.domain.actor import Role
from app.schemas.people.employment import LeaveCreate, TerminationCreate, TransferCreate
from app.schemas.people.location import LocationCreate, LocationUpdate
from app.schemas.people.user import UserCreate
from devstack.town.town import ADMIN, UNCHANGED, Event, Town

NEW_OFFICES: Final = (
    LocationCreate(
        name="Arden Way Dental, Sacramento", time_zone="America/Los_Angeles", state="US-CA"
    ),
    LocationCreate(
        name="Lake Merritt Dental, Oakland", time_zone="America/Los_Angeles", state="US-CA"
    ),
    LocationCreate(name="High Plains Dental, Aurora", time_zone="America/Denver", state="US-CO"),
)
OFFICES: Final = (
    *(office.name for office in NEW_OFFICES),
    "Front Range Dental, Denver",
    "Hudson Street Dental, New York",
    "Rose Quarter Dental, Portland",
    "Saguaro Dental, Phoenix",
    "Sierra Oaks Dental, Sacramento",
)
_NAMES: Final = tomllib.loads(files("devstack.town").joinpath("names.toml").read_text("utf-8"))
_FIRST: Final[list[str]] = _NAMES["first"]
_LAST: Final[list[str]] = _NAMES["last"]
_POSITIONS: Final = (
    ("Dental Hygienist", "Hygiene"),
    ("Dental Assistant", "Dental Assisting"),
    ("Front Desk Coordinator", "Front Office"),
    ("Dental Assistant", "Dental Assisting"),
    ("Dentist", "Dentistry"),
    ("Dental Hygienist", "Hygiene"),
    ("Sterilization Technician", "Sterilization"),
)
_NUMBER: Final = 98
_THERE_AT_FIRST: Final = 84
_LEAVERS: Final = {61: 20, 118: 27, 170: 34, 233: 41, 291: 48, 340: 55}
"""Who leaves by the day of leaving."""


@dataclass(frozen=True, slots=True)
class Newcomer:
    number: int

    @property
    def full_name(self) -> str:
        first, last = _FIRST[self.number % len(_FIRST)], _LAST[self.number * 7 % len(_LAST)]
        return f"{first} {last}"

    @property
    def email(self) -> str:
        return f"{self.full_name.lower().replace(' ', '.')}@unified.example"

    @property
    def day(self) -> int:
        """The day of the hire: before the town's first one, or one of the year's."""
        if self.number < _THERE_AT_FIRST:
            return -90 - self.number * 173 % 3000
        return 22 + (self.number - _THERE_AT_FIRST) * 25

    @property
    def role(self) -> Role:
        if self.number < len(NEW_OFFICES):
            return Role.MANAGER
        return Role.COMPLIANCE_OFFICER if self.number == len(NEW_OFFICES) else Role.LEARNER

    @property
    def office(self) -> str:
        return OFFICES[self.number % len(OFFICES)]

    @property
    def position(self) -> tuple[str, str]:
        match self.role:
            case Role.MANAGER:
                return "Office Manager", "Administration"
            case Role.COMPLIANCE_OFFICER:
                return "Compliance Director", "Compliance"
            case _:
                return _POSITIONS[self.number % len(_POSITIONS)]


NEWCOMERS: Final = tuple(map(Newcomer, range(_NUMBER)))


def inhabitants() -> dict[str, str]:
    """Return names by the addresses that can sign in, beside those that ship."""
    return {each.email: each.full_name for each in NEWCOMERS}


def comings_and_goings(town: Town) -> Iterator[Event]:
    yield Event(0, partial(_found, town))
    for newcomer in NEWCOMERS[_THERE_AT_FIRST:]:
        yield Event(newcomer.day - 0.2, partial(_enter, town, [newcomer]))
    for day, number in _LEAVERS.items():
        yield Event(day, partial(_leave, town, NEWCOMERS[number]))
    yield Event(205, partial(_transfer, town, NEWCOMERS[62].email, OFFICES[4]))
    yield Event(349, partial(_go_on_leave, town, NEWCOMERS[69].email))


async def _found(town: Town) -> None:
    """Open the new offices with their managers, then let everybody else begin there."""
    locations = town.services.locations(town.as_admin)
    for office in NEW_OFFICES:
        await locations.create(office)
    await town.look_around()
    await _enter(town, NEWCOMERS[: len(NEW_OFFICES)])
    for office, newcomer in zip(NEW_OFFICES, NEWCOMERS, strict=False):
        manager = town.people[newcomer.email]
        change = LocationUpdate(manager_ids=[manager.id])
        await locations.update(await _location_id(town, office.name), change, UNCHANGED)
    await _enter(town, NEWCOMERS[len(NEW_OFFICES) : _THERE_AT_FIRST])


async def _location_id(town: Town, name: str) -> UUID:
    page = await town.services.locations(town.as_admin).list(PageRequest(100))
    return next(location.id for location in page.items if location.name == name)


async def _enter(town: Town, newcomers: tuple[Newcomer, ...] | list[Newcomer]) -> None:
    invitations = town.services.invitations(town.as_admin)
    places = await town.services.locations(town.as_admin).list(PageRequest(100))
    ids = {location.name: location.id for location in places.items}
    for newcomer in newcomers:
        title, department = newcomer.position
        boss = town.manager_of(newcomer.office) if newcomer.role is Role.LEARNER else ADMIN
        person = UserCreate(
            email=newcomer.email,
            full_name=newcomer.full_name,
            role=newcomer.role,
            job_title=title,
            department=department,
            location_id=ids[newcomer.office],
            hired_on=town.day(newcomer.day),
            manager_id=town.people[boss].id,
        )
        entered = (await invitations.enter(person)).value
        town.people[newcomer.email] = entered


async def _leave(town: Town, newcomer: Newcomer) -> None:
    service = town.services.employment(town.as_admin)
    person = town.people.pop(newcomer.email)
    today = TerminationCreate(effective_on=town.clock.now.date(), note="Moved away")
    await service.terminate(person.id, today)


async def _transfer(town: Town, email: str, office: str) -> None:
    change = TransferCreate(
        effective_on=town.clock.now.date(),
        location_id=await _location_id(town, office),
        manager_id=town.people[town.manager_of(office)].id,
    )
    await town.services.employment(town.as_admin).transfer(town.people[email].id, change)
    await town.look_around()


async def _go_on_leave(town: Town, email: str) -> None:
    today = town.clock.now.date()
    leave = LeaveCreate(starts_on=today, returns_on=today + timedelta(days=60))
    await town.services.employment(town.as_admin).leave(town.people[email].id, leave)
