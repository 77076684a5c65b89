"""Instants as days: each is the day that it then was where the person worked."""

import uuid
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from app.core.ids import new_id
from app.domain.compliance import EmploymentChange, EmploymentState, RuleVersion
from app.domain.compliance.audience import PersonFacts
from app.domain.compliance.facts import rule_on
from app.domain.compliance.requirement import Rule
from app.domain.compliance.vocabulary import Vocabulary
from app.repositories.compliance.requirement import PublishedVersion, RecordedRule
from app.services.compliance.compliance_facts import Catalogue
from tests.factories.requirement import rule_json

LOS_ANGELES = ZoneInfo("America/Los_Angeles")


def employed(location_id: uuid.UUID | None, day: date = date(2020, 1, 1)) -> EmploymentChange:
    person = PersonFacts(uuid.UUID(int=1), location_id=location_id)
    return EmploymentChange(day, day, EmploymentState.ACTIVE, person)


class TestPublications:
    def test_2330_in_los_angeles(self) -> None:
        """At 07:30 UTC it is still the day before in Los Angeles, and not in New York."""
        west, east = new_id(), new_id()
        offices = {None: "UTC", west: "America/Los_Angeles", east: "America/New_York"}
        instant = datetime(2027, 3, 2, 7, 30, tzinfo=UTC)
        assert instant.astimezone(LOS_ANGELES).hour == 23
        version = PublishedVersion(new_id(), 1, instant, material_change=True)
        catalogue = Catalogue(instant, {}, [version], offices, Vocabulary())
        days = [
            catalogue.told([employed(office)]).published[version.module_id][0].published_on
            for office in (west, east)
        ]
        assert days == [date(2027, 3, 1), date(2027, 3, 2)]

    def test_a_move_does_not_shift_what_was_published_before(self) -> None:
        west, far = new_id(), new_id()
        offices = {None: "UTC", west: "America/Los_Angeles", far: "Pacific/Auckland"}
        instant = datetime(2027, 3, 2, 7, 30, tzinfo=UTC)
        version = PublishedVersion(new_id(), 1, instant, material_change=True)
        catalogue = Catalogue(instant, {}, [version], offices, Vocabulary())
        moved = [employed(west), employed(far, date(2027, 6, 1))]
        [publication] = catalogue.told(moved).published[version.module_id]
        assert publication.published_on == date(2027, 3, 1)


WEST, EAST, HOME = new_id(), new_id(), None
ZONES = {HOME: "America/New_York", WEST: "America/Los_Angeles", EAST: "Asia/Tokyo"}
BETWEEN = datetime(2026, 11, 29, 1, tzinfo=UTC)
"""20:00 on the 28th in New York, 17:00 in Los Angeles, 10:00 on the 29th in Tokyo."""

RECORDED = date(2026, 11, 29)
RULE = Rule.model_validate(rule_json(new_id()))


def told(*rules: tuple[RuleVersion, datetime], worked: list[EmploymentChange]) -> list[RuleVersion]:
    requirement_id = new_id()
    recorded = {requirement_id: tuple(RecordedRule(*each) for each in rules)}
    catalogue = Catalogue(BETWEEN, recorded, [], ZONES, Vocabulary())
    return [*catalogue.told(worked).rules[requirement_id]]


class TestRules:
    @pytest.mark.parametrize(("office", "day"), [(WEST, 28), (EAST, 29), (HOME, 28)])
    def test_begin_on_the_day_of_each_office(self, office: uuid.UUID | None, day: int) -> None:
        at_once = (RuleVersion(RECORDED, RECORDED, RULE), BETWEEN)
        here = date(2026, 11, day)
        assert told(at_once, worked=[employed(office)]) == [RuleVersion(here, here, RULE)]

    @pytest.mark.parametrize("begins", [date(2020, 1, 1), date(2026, 12, 1)])
    def test_begin_on_the_day_that_they_name(self, begins: date) -> None:
        named = (RuleVersion(begins, RECORDED, RULE), BETWEEN)
        [rule] = told(named, worked=[employed(WEST)])
        assert (rule.effective_from, rule.recorded_on) == (begins, date(2026, 11, 28))

    def test_that_were_recorded_elsewhere_before_keep_their_day(self) -> None:
        """As those do that an older release recorded, or that were brought along."""
        day = date(2020, 1, 1)
        old = (RuleVersion(day, day, RULE), BETWEEN)
        assert told(old, worked=[employed(EAST)]) == [old[0]]

    def test_of_two_the_later_holds_for_whoever_moved_west_between_them(self) -> None:
        first = (RuleVersion(RECORDED, RECORDED, RULE), datetime(2026, 11, 28, 23, tzinfo=UTC))
        last = (RuleVersion(RECORDED, RECORDED, None), BETWEEN)
        moved = [employed(EAST), employed(WEST, RECORDED)]
        rules = told(first, last, worked=moved)
        assert rule_on(rules, RECORDED) is None
        assert [rule.recorded_on for rule in rules] == [RECORDED, RECORDED]
