"""Who is asked to train again, and who is spared."""

from dataclasses import replace
from datetime import date
from uuid import UUID

import pytest

from app.domain.compliance import Facts, Incident, status
from app.domain.compliance.obligation import Duty, awaits_trainer, duty_on
from tests.domain.compliance.builders import ANNUAL, DAY, HIPAA, done, history, published, since

TAKEN = date(2027, 3, 1)
RULE = HIPAA.model_copy(update={"trainer_required": True})


def awaits(facts: Facts, day: date) -> bool:
    duty = duty_on(facts, since(RULE), day, facts.incidents)
    assert isinstance(duty, Duty)
    return awaits_trainer(duty, TAKEN)


@pytest.mark.parametrize(("days", "spared"), [(0, True), (90, True), (91, False)])
def test_for_ninety_days(days: int, *, spared: bool) -> None:
    assert awaits(history(done(TAKEN)), TAKEN + days * DAY) is spared


@pytest.mark.parametrize(("days", "spared"), [(-1, True), (0, False)])
def test_not_where_an_incident_asks_for_it_anyway(days: int, *, spared: bool) -> None:
    """Training on the day of the incident itself may have been before it."""
    day = TAKEN + days * DAY
    incident = Incident(UUID(int=300), day, TAKEN + 20 * DAY, TAKEN)
    assert awaits(replace(history(done(TAKEN)), incidents=(incident,)), TAKEN + DAY) is spared


@pytest.mark.parametrize(("version", "spared"), [(1, False), (2, True)])
def test_not_where_a_material_change_asks_for_it_anyway(version: int, *, spared: bool) -> None:
    versions = published(TAKEN - 9 * DAY, 1), published(TAKEN, 2, material=True)
    assert awaits(history(done(TAKEN, version=version), *versions), TAKEN + DAY) is spared


@pytest.mark.parametrize("told", [0, 20])
def test_an_answered_incident_outdates_nothing(told: int) -> None:
    """Older evidence that holds longer is shown on the day of the answer, or later."""
    incident = Incident(UUID(int=300), TAKEN + 10 * DAY, TAKEN + 40 * DAY, TAKEN + 10 * DAY)
    answered = TAKEN + 11 * DAY
    facts = history(
        done(TAKEN),
        done(answered, 1, printed_expiry=TAKEN + 100 * DAY),
        done(TAKEN + 5 * DAY, 2, recorded_on=answered + told * DAY),
    )
    facts = replace(facts, incidents=(incident,))
    found = status(facts, since(ANNUAL), answered + told * DAY)
    assert (found.status, found.valid_through) == ("compliant", date(2028, 3, 6))
