"""The documented examples of recurrence, day by day."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.domain.compliance import (
    CertificationPeriod,
    ComplianceStatus,
    Facts,
    PeriodCause,
    RuleVersion,
    periods,
    status,
)
from app.domain.compliance.requirement import CalendarDay, Renewal, Rule
from app.domain.recurrence import Anchor, local_day
from tests.domain.compliance.builders import (
    ANNUAL,
    BLOODBORNE,
    BLS,
    HAZARD_COMMUNICATION,
    HIPAA,
    NEW_YORK_INFECTION_CONTROL,
    card,
    done,
    hire,
    history,
    published,
    rule,
    since,
)

DAY = timedelta(days=1)


def statuses(facts: Facts, asked: Rule | tuple[RuleVersion, ...], *days: date) -> list[str]:
    rules = since(asked) if isinstance(asked, Rule) else asked
    return [status(facts, rules, day).status.value for day in days]


class TestBloodbornePathogens:
    """Annual, with a kept anniversary, and never more than a year after the training before."""

    FACTS = history(done(date(2027, 3, 8)), done(date(2028, 2, 20), 1))

    def test_the_first_turn(self) -> None:
        facts = history()
        assert statuses(
            facts,
            BLOODBORNE,
            date(2027, 2, 28),
            date(2027, 3, 1),
            date(2027, 3, 11),
            date(2027, 3, 12),
        ) == ["not_required", "due", "due", "overdue"]

    def test_the_renewal_window(self) -> None:
        facts = history(done(date(2027, 3, 8)))
        assert statuses(
            facts,
            BLOODBORNE,
            date(2027, 3, 8),
            date(2028, 2, 6),
            date(2028, 2, 7),
            date(2028, 3, 8),
            date(2028, 3, 9),
        ) == ["compliant", "compliant", "due_soon", "due_soon", "expired"]

    def test_the_cap_shortens_a_renewal_in_the_window(self) -> None:
        first, second = periods(self.FACTS, since(BLOODBORNE), date(2028, 2, 20))
        assert (first.valid_from, first.valid_through) == (date(2027, 3, 8), date(2028, 3, 8))
        assert (second.valid_from, second.valid_through) == (date(2028, 3, 9), date(2029, 2, 20))
        assert second.cause is PeriodCause.RENEWAL
        assert (second.window_start, second.due_on) == (date(2028, 2, 7), date(2028, 3, 8))

    def test_without_the_cap_the_anniversary_is_kept(self) -> None:
        second = periods(self.FACTS, since(ANNUAL), date(2028, 2, 20))[1]
        assert second.valid_through == date(2029, 3, 8)

    def test_grace_is_gentle_but_not_late_any_later(self) -> None:
        facts = history(done(date(2027, 3, 8)))
        last, first_after = date(2028, 3, 15), date(2028, 3, 16)
        line = status(facts, since(BLOODBORNE), last)
        assert (line.status, line.in_grace) == (ComplianceStatus.EXPIRED, True)
        assert line.next_due_on == date(2028, 3, 8)
        assert not status(facts, since(BLOODBORNE), first_after).in_grace

    def test_late_training_starts_anew(self) -> None:
        facts = history(done(date(2027, 3, 8)), done(date(2028, 5, 2), 1))
        first, second = periods(facts, since(BLOODBORNE), date(2028, 5, 2))
        assert (second.valid_from, second.valid_through) == (date(2028, 5, 2), date(2029, 5, 2))
        assert second.due_on == first.valid_through


class TestHipaa:
    """At the configured interval, and again when the policy changes."""

    CHANGED = date(2028, 1, 10)
    FACTS = history(
        published(date(2027, 1, 1), 1),
        done(date(2027, 3, 8)),
        published(date(2027, 9, 1), 2),
        published(CHANGED, 3, material=True),
    )

    def test_a_material_change_opens_a_turn_and_gives_days_to_train(self) -> None:
        assert statuses(
            self.FACTS,
            HIPAA,
            self.CHANGED - DAY,
            self.CHANGED,
            self.CHANGED + 30 * DAY,
            self.CHANGED + 31 * DAY,
        ) == ["compliant", "due_soon", "due_soon", "overdue"]
        assert periods(self.FACTS, since(HIPAA), self.CHANGED)[-1] == CertificationPeriod(
            2, PeriodCause.MATERIAL_CHANGE, self.CHANGED, self.CHANGED + 30 * DAY
        )

    def test_what_is_missing_is_the_new_version(self) -> None:
        line = status(self.FACTS, since(HIPAA), self.CHANGED)
        assert line.missing
        assert [version for _, version in line.missing.minimum_versions] == [3]
        assert line.why.opened_by is PeriodCause.MATERIAL_CHANGE
        assert line.due_on == self.CHANGED + 30 * DAY

    def test_the_old_version_does_not_settle_it(self) -> None:
        stale = done(date(2028, 1, 20), 1, version=2)
        facts = Facts(
            self.FACTS.employment, (*self.FACTS.evidence, stale), (), self.FACTS.publications
        )
        assert statuses(facts, HIPAA, date(2028, 1, 20)) == ["due_soon"]

    def test_the_new_version_takes_over_and_the_old_period_stays(self) -> None:
        fresh = done(date(2028, 1, 20), 1, version=3)
        facts = Facts(
            self.FACTS.employment, (*self.FACTS.evidence, fresh), (), self.FACTS.publications
        )
        before = periods(self.FACTS, since(HIPAA), self.CHANGED)
        first, second = periods(facts, since(HIPAA), date(2028, 1, 20))
        assert first == before[0]
        assert (second.valid_from, second.valid_through) == (date(2028, 1, 20), date(2030, 1, 20))

    def test_only_those_whom_it_affects(self) -> None:
        taken_already = history(
            published(date(2027, 1, 1), 1, material=True), done(date(2027, 3, 8), version=1)
        )
        assert statuses(taken_already, HIPAA, date(2028, 1, 1)) == ["compliant"]

    def test_a_change_never_lengthens_what_expires_first(self) -> None:
        changed = date(2029, 3, 1)
        facts = history(done(date(2027, 3, 8)), published(changed, 2, material=True))
        assert status(facts, since(HIPAA), changed).due_on == date(2029, 3, 8)
        assert statuses(facts, HIPAA, date(2029, 3, 8), date(2029, 3, 9)) == ["due_soon", "expired"]


class TestHazardCommunication:
    """Once, and again only when a new hazard changes the module."""

    def test_never_expires_by_itself(self) -> None:
        facts = history(done(date(2027, 3, 8)))
        line = status(facts, since(HAZARD_COMMUNICATION), date(2047, 3, 8))
        assert (line.status, line.valid_through, line.next_due_on) == (
            ComplianceStatus.COMPLIANT,
            None,
            None,
        )

    def test_a_new_hazard_reopens_it(self) -> None:
        facts = history(done(date(2027, 3, 8)), published(date(2031, 6, 1), 2, material=True))
        assert statuses(
            facts, HAZARD_COMMUNICATION, date(2031, 5, 31), date(2031, 6, 15), date(2031, 6, 16)
        ) == ["compliant", "due_soon", "overdue"]

    def test_trained_again(self) -> None:
        facts = history(
            done(date(2027, 3, 8)),
            published(date(2031, 6, 1), 2, material=True),
            done(date(2031, 6, 20), 1, version=2),
        )
        assert statuses(facts, HAZARD_COMMUNICATION, date(2031, 6, 20)) == ["compliant"]
        second = periods(facts, since(HAZARD_COMMUNICATION), date(2031, 6, 20))[1]
        assert (second.valid_from, second.valid_through) == (date(2031, 6, 20), None)


class TestBasicLifeSupport:
    """Two years, to the end of the month that is printed on the card; nothing is computed."""

    def test_the_printed_expiry_is_what_counts(self) -> None:
        facts = history(card(date(2027, 2, 10), date(2029, 2, 28)))
        line = status(facts, since(BLS), date(2027, 3, 1))
        assert (line.status, line.valid_through) == (ComplianceStatus.COMPLIANT, date(2029, 2, 28))
        assert statuses(
            facts, BLS, date(2028, 12, 29), date(2028, 12, 30), date(2029, 2, 28), date(2029, 3, 1)
        ) == ["compliant", "due_soon", "due_soon", "expired"]

    def test_a_card_without_expiry_is_no_evidence(self) -> None:
        facts = history(card(date(2027, 2, 10), None))
        assert statuses(facts, BLS, date(2027, 3, 2)) == ["overdue"]

    def test_a_card_that_has_expired_is_history_not_evidence(self) -> None:
        facts = history(card(date(2024, 2, 10), date(2026, 2, 28)))
        assert statuses(facts, BLS, date(2027, 3, 1), date(2027, 3, 2)) == ["due", "overdue"]

    def test_the_next_card_follows_the_first(self) -> None:
        facts = history(
            card(date(2027, 2, 10), date(2029, 2, 28)),
            card(date(2029, 1, 20), date(2031, 1, 31), 1),
        )
        second = periods(facts, since(BLS), date(2029, 1, 20))[1]
        assert (second.valid_from, second.valid_through) == (date(2029, 3, 1), date(2031, 1, 31))

    def test_a_card_of_another_kind(self) -> None:
        facts = history(card(date(2027, 2, 10), date(2029, 2, 28), kind="radiography"))
        assert statuses(facts, BLS, date(2027, 3, 2)) == ["overdue"]


def test_new_york_infection_control_outlasts_the_licence_cycle() -> None:
    course = card(date(2026, 6, 15), None, kind="infection_control_ny")
    facts = history(course)
    assert statuses(
        facts,
        NEW_YORK_INFECTION_CONTROL,
        date(2027, 3, 1),
        date(2029, 6, 16),
        date(2030, 3, 16),
        date(2030, 3, 17),
        date(2030, 6, 15),
        date(2030, 6, 16),
    ) == ["compliant", "compliant", "compliant", "due_soon", "due_soon", "expired"]


class TestCalendar:
    def test_29_february(self) -> None:
        facts = history(done(date(2028, 2, 29)))
        assert statuses(facts, ANNUAL, date(2029, 2, 28), date(2029, 3, 1)) == [
            "due_soon",
            "expired",
        ]
        renewed = history(done(date(2028, 2, 29)), done(date(2029, 2, 28), 1))
        assert periods(renewed, since(ANNUAL), date(2029, 2, 28))[1].valid_through == date(
            2030, 2, 28
        )

    def test_hired_on_the_31st(self) -> None:
        anniversary = rule(Renewal(anchor=Anchor.HIRE_ANNIVERSARY, months=12))
        facts = history(hire(date(2027, 8, 31)), done(date(2027, 9, 4)))
        line = status(facts, since(anniversary), date(2027, 9, 4))
        assert line.valid_through == date(2028, 8, 31)

    def test_hired_on_29_february(self) -> None:
        anniversary = rule(Renewal(anchor=Anchor.HIRE_ANNIVERSARY, months=12))
        facts = history(hire(date(2028, 2, 29)), done(date(2028, 3, 4)), done(date(2029, 2, 20), 1))
        first, second = periods(facts, since(anniversary), date(2029, 2, 20))
        assert (first.valid_through, second.valid_through) == (
            date(2029, 2, 28),
            date(2030, 2, 28),
        )

    def test_month_ends_do_not_drift(self) -> None:
        monthly = rule(Renewal(months=1, window_days=5))
        days = [date(2028, 1, 31), date(2028, 2, 29), date(2028, 3, 31), date(2028, 4, 30)]
        facts = history(*(done(day, number) for number, day in enumerate(days)))
        ends = [period.valid_through for period in periods(facts, since(monthly), days[-1])]
        assert ends == [*days[1:], date(2028, 5, 31)]

    def test_end_of_month(self) -> None:
        facts = history(done(date(2027, 3, 8)))
        monthly = rule(Renewal(anchor=Anchor.END_OF_MONTH, months=12))
        assert status(facts, since(monthly), date(2027, 3, 8)).valid_through == date(2028, 3, 31)

    def test_fixed_date_for_the_whole_staff(self) -> None:
        everybody_in_march = rule(
            Renewal(
                anchor=Anchor.FIXED_DATE,
                months=12,
                fixed_date=CalendarDay(month=3, day=31),
                window_days=60,
            )
        )
        facts = history(done(date(2027, 11, 20)), done(date(2028, 2, 15), 1))
        first, second = periods(facts, since(everybody_in_march), date(2028, 2, 15))
        assert (first.valid_through, second.valid_through) == (
            date(2028, 3, 31),
            date(2029, 3, 31),
        )

    def test_policy_version_date(self) -> None:
        from_the_policy = rule(Renewal(anchor=Anchor.POLICY_VERSION, months=12))
        facts = history(published(date(2027, 1, 10), 1), done(date(2027, 6, 1)))
        line = status(facts, since(from_the_policy), date(2027, 6, 1))
        assert line.valid_through == date(2028, 1, 10)

    @pytest.mark.parametrize(
        ("day", "valid_through"),
        [
            (date(2027, 5, 31), date(2028, 1, 10)),
            (date(2027, 6, 1), date(2028, 6, 1)),
            (date(2026, 12, 1), date(2027, 12, 1)),  # before the policy existed, its own day counts
        ],
    )
    def test_credit_follows_the_policy_of_its_day(self, day: date, valid_through: date) -> None:
        from_the_policy = rule(Renewal(anchor=Anchor.POLICY_VERSION, months=12))
        policies = (published(date(2027, 1, 10), 1), published(date(2027, 6, 1), 2))
        facts = history(*policies, done(day, version=None))
        line = status(facts, since(from_the_policy), date(2027, 6, 1))
        assert line.valid_through == valid_through

    @pytest.mark.parametrize(
        ("wall_clock", "on_time"),
        [(datetime(2027, 3, 11, 23, 30), True), (datetime(2027, 3, 12, 0, 0), False)],  # noqa: DTZ001  # the zone is added below
    )
    def test_2330_in_los_angeles_is_in_time(self, wall_clock: datetime, *, on_time: bool) -> None:
        zone = ZoneInfo("America/Los_Angeles")
        completed = wall_clock.replace(tzinfo=zone).astimezone(UTC)
        facts = history(done(local_day(completed, zone)))
        period = periods(facts, since(BLOODBORNE), date(2027, 3, 12))[0]
        assert period.met_on
        assert period.due_on == date(2027, 3, 11)
        assert (period.met_on <= period.due_on) is on_time

    def test_completed_in_the_hour_that_comes_twice(self) -> None:
        zone = ZoneInfo("America/Los_Angeles")
        both = [datetime(2027, 11, 7, 1, 30, tzinfo=zone, fold=fold) for fold in (0, 1)]
        assert {local_day(instant.astimezone(UTC), zone) for instant in both} == {date(2027, 11, 7)}
