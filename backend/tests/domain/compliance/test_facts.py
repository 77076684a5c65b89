"""What is known on a day, to the day, and in whatever order it is told."""

from datetime import date
from itertools import permutations

from app.domain.compliance import Facts, Licence, Publication, RuleVersion
from app.domain.compliance.facts import employment_on, licences, rule_on
from app.domain.compliance.periods import Ledger
from tests.domain.compliance.builders import (
    ANNUAL,
    BLOODBORNE,
    DAY,
    GONE,
    HIPAA,
    LEAVE,
    MODULE,
    OTHER_MODULE,
    card,
    change,
    done,
    hire,
    since,
)

FIRST = date(2027, 3, 1)
SECOND, THIRD = FIRST + DAY, FIRST + 2 * DAY


class TestLicence:
    def test_is_known_from_its_entry_to_the_day_before_it_is_withdrawn(self) -> None:
        licence = Licence("rdh", date(2028, 11, 30), FIRST, withdrawn_on=THIRD)
        days = [FIRST - DAY, FIRST, SECOND, THIRD]
        assert [licence.known_on(day) for day in days] == [False, True, True, False]

    def test_is_evidence_with_a_printed_expiry(self) -> None:
        expires = date(2028, 11, 30)
        held = [card(FIRST, expires, kind="rdh"), card(FIRST, None, 1), done(FIRST, 2)]
        unknown = done(FIRST, 3, printed_expiry=expires)
        assert licences([*held, unknown]) == (Licence("rdh", expires, FIRST),)

    def test_is_withdrawn_with_its_evidence(self) -> None:
        expires = date(2028, 11, 30)
        held = done(FIRST, credential_kind="rdh", printed_expiry=expires, withdrawn_on=THIRD)
        assert licences([held]) == (Licence("rdh", expires, FIRST, THIRD),)


class TestEmployment:
    def test_the_latest_that_began_and_was_known(self) -> None:
        changes = [
            hire(FIRST),
            change(SECOND, LEAVE),
            change(THIRD, GONE),
            change(FIRST, LEAVE, recorded_on=THIRD),
        ]
        for told in permutations(changes):
            assert employment_on(told, FIRST) == changes[0]
            assert employment_on(told, SECOND) == changes[1]
            assert employment_on(told, FIRST, THIRD) == changes[3]


class TestRule:
    def test_of_two_recorded_on_one_day_the_later_holds(self) -> None:
        one, other = (RuleVersion(FIRST, FIRST, rule) for rule in (ANNUAL, BLOODBORNE))
        assert rule_on([one, other], FIRST) == BLOODBORNE
        assert rule_on([other, one], FIRST) == ANNUAL

    def test_the_one_recorded_last_holds_however_it_is_told(self) -> None:
        told = [
            RuleVersion(FIRST, FIRST, ANNUAL),
            RuleVersion(FIRST - DAY, SECOND, BLOODBORNE),
            RuleVersion(SECOND, THIRD, HIPAA),
            RuleVersion(THIRD, FIRST, HIPAA),
        ]
        for versions in permutations(told):
            assert rule_on(versions, SECOND) == BLOODBORNE


def test_periods_take_no_account_of_what_no_rule_asks() -> None:
    asked, other = done(FIRST), done(FIRST, 1, module_id=OTHER_MODULE)
    versions = Publication(MODULE, 2, FIRST), Publication(OTHER_MODULE, 2, FIRST)
    licence = Licence("rdh", date(2028, 11, 30), FIRST)
    facts = Facts((hire(),), (asked, other), (), versions, (licence,))
    kept = Ledger(facts, since(ANNUAL)).facts
    assert kept == Facts((hire(),), (asked,), (), versions[:1], ())
