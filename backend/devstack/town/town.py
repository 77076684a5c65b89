"""Who acts in the town, when, and through what: the services that requests go through."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from app.core.auth.security import Claims
from app.core.concurrency import Precondition
from app.core.pagination import PageRequest
from app.domain.actor import Actor, Role
from app.repositories.people.user import UserFilter
from app.schemas.people.user import UserRead
from app.services.context import RequestContext
from app.services.factories import Services
from devstack.auth import identity_id
from devstack.town.clock import SetClock
from devstack.town.lessons import Lesson

DAYS: Final = 365
WORKING_DAY_BEGINS: Final = timedelta(hours=16)
"""In UTC: it is morning in the west then, and noon in the east."""

UNCHANGED: Final = Precondition(frozenset({"*"}))
ADMIN: Final = "admin@unified.example"
CLINICAL: Final = frozenset({"Dentist", "Dental Hygienist", "Dental Assistant"})


@dataclass(frozen=True, slots=True)
class Event:
    """What happens on a day of the town; days are counted from 0."""

    day: float
    act: Callable[[], Awaitable[object]]


@dataclass(slots=True)
class Town:
    services: Services
    clock: SetClock
    admin: Actor
    people: dict[str, UserRead] = field(default_factory=dict)
    """By address."""

    lessons: dict[str, Lesson] = field(default_factory=dict)
    """What each module asks of who studies it, by slug."""

    async def live(self, events: Iterable[Event]) -> None:
        for event in sorted(events, key=lambda event: event.day):
            await self.clock.at(timedelta(days=event.day) + WORKING_DAY_BEGINS)
            await event.act()

    def day(self, number: float) -> date:
        return self.instant(number).date()

    def instant(self, number: float) -> datetime:
        return self.clock.began + timedelta(days=number) + WORKING_DAY_BEGINS

    @property
    def as_admin(self) -> RequestContext:
        return RequestContext(self.admin)

    def acting(self, email: str) -> RequestContext:
        person = self.people[email]
        return RequestContext(Actor(person.id, person.role, person.location_id))

    async def look_around(self) -> None:
        """Read who works here by now."""
        service = self.services.users(self.as_admin)
        cursor: str | None = None
        while True:
            page = await service.list(UserFilter(is_active=(True,)), PageRequest(100, cursor))
            self.people |= {person.email: person for person in page.items if person.email}
            if (cursor := page.next_cursor) is None:
                return

    def ids(self, emails: Iterable[str]) -> list[UUID]:
        return [self.people[email].id for email in emails]

    def staff_of(self, office: str) -> list[str]:
        """Return the addresses of those who treat patients or receive them, in a lasting order."""
        return sorted(
            email
            for email, person in self.people.items()
            if person.location == office and person.role is Role.LEARNER
        )

    def clinicians(self) -> list[str]:
        return sorted(email for email, each in self.people.items() if each.job_title in CLINICAL)

    def manager_of(self, office: str) -> str:
        return next(
            email
            for email, person in sorted(self.people.items())
            if person.location == office and person.role is Role.MANAGER
        )

    async def sign_in(self, email: str) -> RequestContext:
        """Come back with a token, as the first request of a day does."""
        now = self.clock.now
        claims = Claims(
            subject=identity_id(email),
            email=email,
            full_name=None,
            signed_in_at=now,
            issued_at=now,
            expires_at=(now + timedelta(hours=1)).timestamp(),
            assurance_level="aal1",
            session_id=None,
        )
        return RequestContext(await self.services.sync.actor(claims))
