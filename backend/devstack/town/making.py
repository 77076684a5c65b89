"""Makes the town in a database that nobody uses yet, in a few seconds."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from app.container import Container
from app.core.config import Settings
from app.domain.actor import Actor, Role
from app.services.content.seed import staff
from app.services.context import SYSTEM
from app.services.factories import Services
from devstack.town.authoring import read_lessons
from devstack.town.clock import SetClock
from devstack.town.history import history, reconcile
from devstack.town.people import inhabitants
from devstack.town.town import ADMIN, DAYS, Town


def identities() -> dict[str, str]:
    """Return the names of all who can sign in, by their addresses."""
    return {person.email: person.full_name for person in staff()} | inhabitants()


async def make_town(settings: Settings, dsn: str, now: datetime) -> None:
    """Live through the twelve months until now.

    `dsn` is of the superuser; the accounts are there, and Auth and Storage answer. When it fails,
    the database is of no use any more.
    """
    began = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=DAYS)
    with _uncollected():
        await _live(settings, dsn, began)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Leave cycles of objects alone meanwhile: looking for them takes a tenth of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def _live(settings: Settings, dsn: str, began: datetime) -> None:
    async with SetClock.set(dsn, began) as clock, Container.opened(settings) as services:
        town = Town(services, clock, await _settle(services))
        await read_lessons(town)
        await town.look_around()
        await town.live(history(town))
        await clock.at(timedelta(days=DAYS))
        await reconcile(town)


async def _settle(services: Services) -> Actor:
    """Load what ships with the application; return the admin, who lets everything else begin."""
    seeds = services.seeds(SYSTEM)
    await seeds.organisation()
    await seeds.modules()
    (admin_id,) = await services.reconciliation(SYSTEM).people([ADMIN])
    return Actor(admin_id, Role.ADMIN)
