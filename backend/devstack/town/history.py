"""Twelve months of the town, in order."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from devstack.town.authoring import HAND_HYGIENE, authoring
from devstack.town.classes import RULES_BEGIN, classes
from devstack.town.evidence import evidence
from devstack.town.people import NEWCOMERS, comings_and_goings
from devstack.town.study import Studying
from devstack.town.town import Event, Town

_LEARNER: Final = "learner@unified.example"
_SECOND_LEARNER: Final = "learner2@unified.example"
_RECONCILED_ON: Final = (RULES_BEGIN, 363)
_BEGINNERS: Final = NEWCOMERS[84:]
_STUDIED: Final = (
    (60, Studying(_SECOND_LEARNER, "hipaa-privacy")),
    (72, Studying(_SECOND_LEARNER, "hazard-communication")),
    (90, Studying(_LEARNER, "bloodborne-pathogens")),
    (100, Studying(_LEARNER, "infection-control", failures=1)),
    (124, Studying(_LEARNER, "hipaa-privacy")),
    (140, Studying(_LEARNER, "medical-emergencies")),
    (355, Studying(_LEARNER, "hazard-communication", sections=3)),
    (363.3, Studying(_LEARNER, "sharps-injury-response", failures=1, open_attempt=True)),
    (88, Studying(NEWCOMERS[15].email, "radiation-safety", failures=3, gives_up=True)),
    (131, Studying(NEWCOMERS[22].email, "hipaa-privacy", failures=3, gives_up=True)),
    (214, Studying(NEWCOMERS[29].email, "hazard-communication", failures=1, gives_up=True)),
    (226, Studying(NEWCOMERS[36].email, "front-desk-onboarding", failures=2)),
    (247, Studying(NEWCOMERS[43].email, "bloodborne-pathogens")),
    (352, Studying(NEWCOMERS[50].email, "radiation-safety", sections=3)),
    (358, Studying(NEWCOMERS[57].email, "bloodborne-pathogens", sections=2)),
    (364, Studying(NEWCOMERS[64].email, "radiation-safety", open_attempt=True)),
)


def history(town: Town) -> Iterator[Event]:
    yield from comings_and_goings(town)
    yield from authoring(town)
    yield from classes(town)
    yield from evidence(town)
    yield from _studies(town)
    for day in _RECONCILED_ON:
        yield Event(day + 0.3, partial(reconcile, town))


async def reconcile(town: Town) -> None:
    """Do what the nightly run does, and seal what was recorded until then."""
    await town.services.reconciliation(town.as_admin).run()
    await town.services.training_records(town.as_admin).seal()


def _studies(town: Town) -> Iterator[Event]:
    for day, how in _STUDIED:
        yield how.on(day, town)
    for number, beginner in enumerate(_BEGINNERS[:-1]):
        yield from _first_weeks(town, beginner.email, beginner.day, number)
    for number in range(8, 80, 14):
        yield Studying(NEWCOMERS[number].email, HAND_HYGIENE).on(74 + 2.7 * number, town)
    for number in range(11, 80, 24):
        sections = None if number % 2 else 2
        email = NEWCOMERS[number].email
        yield Studying(email, "medical-emergencies", sections=sections).on(170 + number, town)


def _first_weeks(town: Town, email: str, day: int, number: int) -> Iterator[Event]:
    """Let somebody new learn; every third of them is slow, and one fails at first."""
    yield Studying(email, "hipaa-privacy", failures=number % 4 == 1).on(day + 5.5, town)
    if number % 3 == 1:
        yield Studying(email, "hazard-communication").on(day + 6.5, town)
    if number % 5 == 1:  # some of them
        yield Studying(email, "bloodborne-pathogens").on(day + 7.5, town)
