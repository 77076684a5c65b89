from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from app.domain.compliance import (
    CertificationPeriod,
    ComplianceStatus,
    Facts,
    PeriodOutcome,
    RuleVersion,
    covering,
    in_hindsight,
    periods,
    status,
)
from app.domain.compliance.audience import PersonFacts, Post
from app.domain.compliance.facts import Position
from app.domain.compliance.hindsight import rules_in_hindsight, with_positions
from app.domain.recurrence import ANNUAL_ANCHORS
from tests.domain.compliance.brute_force import BruteForce, Row, SeveralPlaces
from tests.domain.compliance.histories import (
    FIRST_DAY,
    LAST_DAY,
    History,
    histories,
    histories_of_places,
    positions,
    some_days,
)

DAY = timedelta(days=1)
BEFORE = FIRST_DAY - timedelta(days=60)
SLOW = settings(deadline=None)
THOROUGH = settings(SLOW, max_examples=2000)


def known_by(history: History, day: date) -> History:
    """Return the records that existed on that day."""
    facts = history.facts
    return History(
        Facts(
            tuple(c for c in facts.employment if c.recorded_on <= day),
            tuple(
                replace(e, withdrawn_on=known(e.withdrawn_on, day))
                for e in facts.evidence
                if e.recorded_on <= day
            ),
            tuple(
                replace(x, revoked_on=known(x.revoked_on, day))
                for x in facts.exemptions
                if x.recorded_on <= day
            ),
            tuple(p for p in facts.publications if p.published_on <= day),
            tuple(
                replace(x, withdrawn_on=known(x.withdrawn_on, day))
                for x in facts.licences
                if x.recorded_on <= day
            ),
            tuple(
                replace(x, withdrawn_on=known(x.withdrawn_on, day))
                for x in facts.incidents
                if x.recorded_on <= day
            ),
        ),
        tuple(v for v in history.rules if v.recorded_on <= day),
    )


def known(fact: date | None, day: date) -> date | None:
    return fact if fact is not None and fact <= day else None


def as_row(period: CertificationPeriod) -> Row:
    return Row(
        cause=period.cause,
        window_start=period.window_start,
        due_on=period.due_on,
        outcome=period.outcome,
        closed_on=period.closed_on,
        met_by=period.met_by,
        waived_by=period.waived_by,
        valid_from=period.valid_from,
        valid_through=period.valid_through,
    )


def comparable(rows: Sequence[Row]) -> list[Row]:
    return [replace(row, since=None, granted=0, evidence=None) for row in rows]


def closed(history: Sequence[CertificationPeriod]) -> list[CertificationPeriod]:
    return [period for period in history if period.outcome is not PeriodOutcome.OPEN]


def check_statuses(history: History, samples: list[date]) -> None:
    """Compare on the samples, and on both sides of every turn of the model's status."""
    model = BruteForce(history.facts, history.rules)
    expected: dict[date, str] = {}
    day = BEFORE
    while day <= LAST_DAY:
        model.live(day, day)
        expected[day] = model.status
        day += DAY
    turns = [day for day in expected if expected[day] != expected.get(day - DAY)]
    asked = {*turns, *(turn - DAY for turn in turns if turn > BEFORE), *samples, LAST_DAY}
    found = {day: status(history.facts, history.rules, day).status for day in sorted(asked)}
    assert found == {day: expected[day] for day in sorted(asked)}


def check_periods(history: History, day: date) -> None:
    model = BruteForce(history.facts, history.rules)
    model.live(BEFORE, day)
    found = periods(history.facts, history.rules, day)
    assert [as_row(period) for period in found] == comparable(model.rows)


@pytest.mark.full
class TestAgainstBruteForce:
    @SLOW
    @given(histories(), st.lists(some_days(), max_size=10))
    def test_statuses(self, history: History, samples: list[date]) -> None:
        check_statuses(history, samples)

    @SLOW
    @given(histories(), some_days())
    def test_periods(self, history: History, day: date) -> None:
        check_periods(history, day)

    @pytest.mark.full
    @THOROUGH
    @given(histories(), st.lists(some_days(), max_size=10))
    def test_statuses_of_many_histories(self, history: History, samples: list[date]) -> None:
        check_statuses(history, samples)

    @pytest.mark.full
    @THOROUGH
    @given(histories(), some_days())
    def test_periods_of_many_histories(self, history: History, day: date) -> None:
        check_periods(history, day)


def check_places(history: History, said: tuple[Position, ...], known_on: date) -> None:
    """Compare every turn of the status, and all periods, of somebody with several positions."""
    facts = in_hindsight(history.facts, known_on)
    rules = rules_in_hindsight(history.rules, known_on)
    placed = replace(facts, employment=with_positions(facts.employment, said, known_on))
    model = SeveralPlaces(facts, rules, said=said, known_on=known_on)
    day, before = BEFORE, ""
    while day <= LAST_DAY:
        model.live(day, day)
        if model.status != before:
            for turn, expected in ((day - DAY, before), (day, model.status)):
                if expected:
                    assert (turn, status(placed, rules, turn).status) == (turn, expected)
        day, before = day + DAY, model.status
    found = periods(placed, rules, LAST_DAY)
    assert [as_row(period) for period in found] == comparable(model.rows)


@pytest.mark.full
class TestPlacesAgainstBruteForce:
    @SLOW
    @given(histories_of_places(), positions(), some_days())
    def test_statuses_and_periods(
        self, history: History, said: tuple[Position, ...], known_on: date
    ) -> None:
        check_places(history, said, known_on)

    @pytest.mark.full
    @THOROUGH
    @given(histories_of_places(), positions(), some_days())
    def test_of_many_histories(
        self, history: History, said: tuple[Position, ...], known_on: date
    ) -> None:
        check_places(history, said, known_on)

    @SLOW
    @given(histories_of_places(), positions(), some_days())
    def test_exchanging_the_primary_position_changes_nothing(
        self, history: History, said: tuple[Position, ...], day: date
    ) -> None:
        """Whatever anchors at the person stays: only the order of the places is another."""
        facts = in_hindsight(history.facts, LAST_DAY)
        rules = rules_in_hindsight(history.rules, LAST_DAY)
        placed = with_positions(facts.employment, said, LAST_DAY)
        turned = tuple(replace(change, person=exchanged(change.person)) for change in placed)
        one, other = (replace(facts, employment=each) for each in (placed, turned))
        assert status(one, rules, day).status == status(other, rules, day).status
        assert periods(one, rules, day) == periods(other, rules, day)


def exchanged(person: PersonFacts) -> PersonFacts:
    """Let the first of the further places be the primary one."""
    if not person.elsewhere:
        return person
    first, *rest = person.elsewhere
    names = ("location_id", "department", "job_title", "country", "state")
    former = Post(**{name: getattr(person, name) for name in names})
    return replace(
        person, **{name: getattr(first, name) for name in names}, elsewhere=(*rest, former)
    )


class TestAppendOnly:
    @SLOW
    @given(histories(), some_days(), some_days())
    def test_closed_periods_neither_change_nor_vanish(
        self, history: History, one: date, other: date
    ) -> None:
        earlier, later = sorted((one, other))
        before = closed(periods(history.facts, history.rules, earlier))
        after = closed(periods(history.facts, history.rules, later))
        assert after[: len(before)] == before

    @SLOW
    @given(histories(), some_days())
    def test_an_open_period_is_met_waived_or_released_under_its_number(
        self, history: History, day: date
    ) -> None:
        today = periods(history.facts, history.rules, day)
        tomorrow = periods(history.facts, history.rules, day + DAY)
        assert [p.number for p in tomorrow[: len(today)]] == [p.number for p in today]

    @SLOW
    @given(histories(), some_days())
    def test_shape(self, history: History, day: date) -> None:
        found = periods(history.facts, history.rules, day)
        assert [period.number for period in found] == list(range(1, len(found) + 1))
        assert all(period.outcome is not PeriodOutcome.OPEN for period in found[:-1])
        for period in found:
            if period.outcome is PeriodOutcome.MET:
                assert period.met_by
                assert period.met_on
                assert period.valid_from
                assert period.valid_from >= period.met_on
                assert period.valid_through is None or period.valid_from <= period.valid_through


def asks_for_the_same(history: History) -> bool:
    subjects = {version.rule.subject for version in history.rules if version.rule}
    return len(subjects) == 1 and not getattr(subjects.pop(), "of_office_state", False)


class TestNoOverlap:
    @SLOW
    @given(histories())
    def test_renewals_follow_each_other(self, history: History) -> None:
        """As long as the same is asked for: another card has days of its own."""
        assume(asks_for_the_same(history))
        withdrawn = {e.id for e in history.facts.evidence if e.withdrawn_on}
        met = [
            period
            for period in periods(history.facts, history.rules, LAST_DAY)
            if period.outcome is PeriodOutcome.MET and period.met_by not in withdrawn
        ]
        for earlier, later in pairwise(met):
            if later.cause.value in {"material_change", "incident"}:
                continue
            if later.number != earlier.number + 1:
                # What it renews was withdrawn since, and may have been of an incident.
                continue
            assert earlier.valid_through
            assert later.valid_from
            assert earlier.valid_through < later.valid_from

    @SLOW
    @given(histories(), st.lists(some_days(), min_size=5, max_size=5))
    def test_no_evidence_serves_twice(self, history: History, days: list[date]) -> None:
        found = periods(history.facts, history.rules, max(days))
        used = [period.met_by for period in found if period.met_by]
        assert len(used) == len(set(used))
        for day in days:
            holder = covering(found, day)
            assert holder is None or holder.covers(day)


class TestKnowledge:
    @SLOW
    @given(histories(), some_days())
    def test_yesterdays_answer_stays(self, history: History, day: date) -> None:
        then = known_by(history, day)
        assert status(history.facts, history.rules, day) == status(then.facts, then.rules, day)
        assert periods(history.facts, history.rules, day) == periods(then.facts, then.rules, day)

    @SLOW
    @given(histories(), some_days())
    def test_the_order_of_evidence_does_not_matter(self, history: History, day: date) -> None:
        facts = history.facts
        shuffled = replace(
            facts,
            evidence=facts.evidence[::-1],
            exemptions=facts.exemptions[::-1],
            publications=facts.publications[::-1],
            licences=facts.licences[::-1],
        )
        assert status(shuffled, history.rules, day) == status(facts, history.rules, day)

    @SLOW
    @given(histories(), some_days())
    def test_hindsight_hides_what_is_not_known_yet(self, history: History, day: date) -> None:
        then = known_by(history, day)
        assert in_hindsight(history.facts, day).evidence == in_hindsight(then.facts, day).evidence
        assert (
            in_hindsight(history.facts, day).exemptions == in_hindsight(then.facts, day).exemptions
        )


def counts_months(history: History) -> bool:
    rules = [version.rule for version in history.rules if version.rule]
    return all(rule.renewal.anchor not in ANNUAL_ANCHORS for rule in rules)


class TestMoreEvidence:
    """What is shown besides makes nobody worse off.

    By one rule it may: who has nothing valid and trains shortly before an annual day is valid
    until the next but one, which somebody with something valid is not.
    """

    @SLOW
    @given(
        histories().filter(counts_months),
        st.integers(0, 9),
        st.lists(some_days(), min_size=5, max_size=5),
    )
    def test_compliant_stays_compliant(
        self, history: History, which: int, days: list[date]
    ) -> None:
        more = history.facts
        fewer = replace(more, evidence=more.evidence[:which] + more.evidence[which + 1 :])
        for day in days:
            line = status(fewer, history.rules, day)
            if line.status is ComplianceStatus.COMPLIANT:
                found = status(more, history.rules, day)
                assert found.status is ComplianceStatus.COMPLIANT
                assert reaches(found.valid_through, line.valid_through)


def reaches(day: date | None, other: date | None) -> bool:
    return day is None or (other is not None and day >= other)


class TestStatusAgreesWithPeriods:
    @SLOW
    @given(histories(), some_days())
    def test_line(self, history: History, day: date) -> None:
        line = status(history.facts, history.rules, day)
        found = periods(history.facts, history.rules, day)
        is_open = bool(found) and found[-1].outcome is PeriodOutcome.OPEN
        assert (line.missing is not None) == is_open
        if line.status is ComplianceStatus.COMPLIANT:
            assert line.met_by
            assert not is_open
            assert line.next_due_on == line.valid_through
        if line.status in {ComplianceStatus.OVERDUE, ComplianceStatus.EXPIRED}:
            assert line.next_due_on
            assert line.next_due_on < day
        if line.status in {ComplianceStatus.DUE, ComplianceStatus.DUE_SOON}:
            assert line.next_due_on is None or line.next_due_on >= day
        if line.status is ComplianceStatus.NOT_REQUIRED:
            assert not is_open


def test_a_rule_of_nobody_asks_nothing() -> None:
    rules: tuple[RuleVersion, ...] = ()
    assert status(Facts(), rules, FIRST_DAY).status is ComplianceStatus.NOT_REQUIRED
    assert periods(Facts(), rules, FIRST_DAY) == ()
