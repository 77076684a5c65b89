"""Dated cases of the regulations and of our own rules: a status, a due day, a last valid day."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from app.domain.compliance import in_hindsight, rules_in_hindsight, status
from app.domain.evidence.ce_credit import (
    Credit,
    Delivery,
    LicenceCycle,
    licence_cycle,
    summarise,
)
from app.domain.evidence.ce_profile import CALIFORNIA_RDH
from app.domain.evidence.retention import RetentionClass, keep_through
from app.domain.recurrence import local_day
from tests.domain.compliance.cases.anchors import ANCHORS
from tests.domain.compliance.cases.hours import HOURS
from tests.domain.compliance.cases.incidents import INCIDENTS
from tests.domain.compliance.cases.late import LATE
from tests.domain.compliance.cases.licences import LICENCES
from tests.domain.compliance.cases.people import PEOPLE
from tests.domain.compliance.cases.regulations import REGULATIONS
from tests.domain.compliance.cases.scenario import Scenario

d = date.fromisoformat


@dataclass(frozen=True)
class Case:
    scenario: Scenario
    day: date
    status: str
    due_on: date | None
    valid_through: date | None


def cases() -> Iterator[Case]:
    for scenario in (*REGULATIONS, *ANCHORS, *PEOPLE, *LATE, *HOURS, *INCIDENTS, *LICENCES):
        for line in scenario.days.strip().splitlines():
            day, reached, due_on, valid_through = line.split()
            yield Case(scenario, d(day), reached, _day(due_on), _day(valid_through))


def _day(text: str) -> date | None:
    return None if text == "-" else d(text)


CASES = list(cases())


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.scenario.name}, {case.day}")
def test_status_and_dates(case: Case) -> None:
    known_on = case.scenario.known_on or case.day
    facts = in_hindsight(case.scenario.facts, known_on)
    rules = rules_in_hindsight(case.scenario.rules, known_on)
    line = status(facts, rules, case.day)
    found = (line.status.value, line.due_on, line.valid_through)
    assert found == (case.status, case.due_on, case.valid_through), case.scenario.source


def test_every_case_has_a_source() -> None:
    assert all(case.scenario.source for case in CASES)
    assert len(CASES) >= 120


@pytest.mark.parametrize(
    ("zone", "instant", "day"),
    [
        ("America/Los_Angeles", "2027-03-12T07:30:00", "2027-03-11"),
        ("America/Los_Angeles", "2027-03-12T08:00:00", "2027-03-12"),
        ("America/Los_Angeles", "2027-07-01T06:59:59", "2027-06-30"),
        ("America/Los_Angeles", "2027-07-01T07:00:00", "2027-07-01"),
        ("America/New_York", "2027-01-01T04:59:59", "2026-12-31"),
        ("America/New_York", "2027-01-01T05:00:00", "2027-01-01"),
        ("America/Chicago", "2027-03-14T05:59:59", "2027-03-13"),
        ("America/Chicago", "2027-03-15T04:59:59", "2027-03-14"),
        ("America/Chicago", "2027-11-08T05:59:59", "2027-11-07"),
        ("Pacific/Honolulu", "2028-03-01T09:59:59", "2028-02-29"),
    ],
)
def test_a_completion_counts_for_the_day_on_the_wall(zone: str, instant: str, day: str) -> None:
    """Something is due by the end of the day in the time zone of the location."""
    assert local_day(datetime.fromisoformat(instant).replace(tzinfo=UTC), ZoneInfo(zone)) == d(day)


@pytest.mark.parametrize(
    ("earned_on", "counted"),
    [
        ("2024-12-10", 0),
        ("2026-11-01", 0),
        ("2026-11-30", 0),
        ("2026-12-01", 2),
        ("2028-11-30", 2),
        ("2028-12-01", 0),
    ],
)
def test_a_course_counts_for_the_cycle_in_which_it_lies(earned_on: str, counted: int) -> None:
    """16 CCR 1017(c): hours that were earned before the licence cycle do not count in it."""
    cycle = licence_cycle(CALIFORNIA_RDH, d("2028-11-30"))
    assert cycle == LicenceCycle(d("2026-12-01"), d("2028-11-30"))
    course = Credit(d(earned_on), Decimal(2), "infection_control_ca", Delivery.LIVE)
    summary = summarise(CALIFORNIA_RDH, cycle, [course], d("2029-06-01"))
    assert summary.counted == counted
    missed = {shortfall.name for shortfall in summary.shortfalls}
    assert ("infection_control_ca" in missed) is (counted == 0)


@pytest.mark.parametrize(
    ("kept", "last_in_effect", "through"),
    [
        (RetentionClass.OSHA_BLOODBORNE, "2026-01-05", "2029-01-05"),
        (RetentionClass.OSHA_BLOODBORNE, "2028-02-29", "2031-02-28"),
        (RetentionClass.HIPAA, "2026-01-05", "2032-01-05"),
        (RetentionClass.HIPAA, "2026-02-28", "2032-02-28"),
    ],
)
def test_evidence_is_kept_through(kept: RetentionClass, last_in_effect: str, through: str) -> None:
    """29 CFR 1910.1030(h)(2)(ii): three years; 45 CFR 164.316(b)(2)(i): six."""
    assert keep_through(kept, d(last_in_effect)) == d(through)
