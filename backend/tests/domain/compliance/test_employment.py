"""Leave, termination, rehire and moves."""

from datetime import date

from app.domain.compliance import (
    ComplianceReason,
    ComplianceStatus,
    PeriodCause,
    PeriodOutcome,
    periods,
    status,
)
from app.domain.compliance.audience import Criterion, Matched
from tests.domain.compliance.builders import (
    ANNUAL,
    BLOODBORNE,
    GONE,
    HIPAA,
    HIRED,
    LEAVE,
    MODULE,
    change,
    done,
    hire,
    history,
    published,
    reached,
    since,
)


class TestLeave:
    def test_exempt_while_away_and_validity_runs_on(self) -> None:
        facts = history(
            hire(),
            done(date(2027, 3, 5)),
            change(date(2028, 1, 1), LEAVE),
            change(date(2028, 6, 1)),
        )
        days = (date(2027, 12, 31), date(2028, 1, 1), date(2028, 5, 31), date(2028, 6, 1))
        assert reached(facts, since(BLOODBORNE), *days) == [
            "compliant",
            "exempt",
            "exempt",
            "expired",
        ]
        assert (
            status(facts, since(BLOODBORNE), date(2028, 2, 1)).why.reason
            is ComplianceReason.ON_LEAVE
        )
        assert status(facts, since(BLOODBORNE), date(2028, 6, 1)).next_due_on == date(2028, 3, 5)

    def test_a_first_due_date_inside_moves_to_the_return(self) -> None:
        facts = history(hire(), change(date(2027, 3, 5), LEAVE), change(date(2027, 4, 1)))
        assert status(facts, since(ANNUAL), date(2027, 4, 1)).due_on == date(2027, 4, 1)
        assert reached(facts, since(ANNUAL), date(2027, 4, 1), date(2027, 4, 2)) == [
            "due",
            "overdue",
        ]

    def test_a_due_date_before_or_after_stays(self) -> None:
        facts = history(hire(), change(date(2027, 3, 12), LEAVE), change(date(2027, 4, 1)))
        assert status(facts, since(ANNUAL), date(2027, 4, 1)).due_on == date(2027, 3, 11)
        short = history(hire(), change(date(2027, 3, 5), LEAVE), change(date(2027, 3, 11)))
        assert status(short, since(ANNUAL), date(2027, 3, 11)).due_on == date(2027, 3, 11)

    def test_without_a_known_return_the_date_stays(self) -> None:
        facts = history(hire(), change(date(2027, 3, 5), LEAVE))
        assert status(facts, since(ANNUAL), date(2027, 5, 1)).due_on == date(2027, 3, 11)

    def test_an_announced_return_counts_from_its_announcement(self) -> None:
        back = change(date(2027, 4, 1), recorded_on=date(2027, 3, 20))
        facts = history(hire(), change(date(2027, 3, 5), LEAVE), back)
        assert status(facts, since(ANNUAL), date(2027, 3, 19)).due_on == date(2027, 3, 11)
        assert status(facts, since(ANNUAL), date(2027, 3, 20)).due_on == date(2027, 4, 1)

    def test_a_leave_recorded_afterwards_moves_it_too(self) -> None:
        facts = history(
            hire(),
            change(date(2027, 3, 5), LEAVE, recorded_on=date(2027, 4, 1)),
            change(date(2027, 4, 10)),
        )
        assert reached(facts, since(ANNUAL), date(2027, 3, 31)) == ["overdue"]
        assert status(facts, since(ANNUAL), date(2027, 4, 10)).due_on == date(2027, 4, 10)

    def test_retraining_due_moves_too(self) -> None:
        facts = history(
            hire(),
            done(date(2027, 3, 5)),
            published(date(2027, 6, 1), 2, material=True),
            change(date(2027, 6, 20), LEAVE),
            change(date(2027, 9, 1)),
        )
        assert status(facts, since(HIPAA), date(2027, 6, 10)).due_on == date(2027, 7, 1)
        assert status(facts, since(HIPAA), date(2027, 9, 1)).due_on == date(2027, 9, 1)


class TestLeaversAndMovers:
    def test_termination_releases_what_was_open(self) -> None:
        facts = history(hire(), change(date(2027, 3, 8), GONE))
        (period,) = periods(facts, since(ANNUAL), date(2027, 12, 1))
        assert (period.outcome, period.closed_on) == (PeriodOutcome.RELEASED, date(2027, 3, 8))
        line = status(facts, since(ANNUAL), date(2027, 3, 8))
        assert (line.status, line.why.reason) == (
            ComplianceStatus.NOT_REQUIRED,
            ComplianceReason.NOT_EMPLOYED,
        )

    def test_a_rehire_with_valid_evidence(self) -> None:
        facts = history(
            hire(),
            done(date(2027, 3, 5)),
            change(date(2027, 6, 1), GONE),
            hire(date(2027, 9, 1)),
        )
        assert reached(facts, since(ANNUAL), date(2027, 8, 1), date(2027, 9, 1)) == [
            "not_required",
            "compliant",
        ]
        assert len(periods(facts, since(ANNUAL), date(2027, 9, 1))) == 1

    def test_a_rehire_after_a_lapse_is_not_given_fresh_days(self) -> None:
        facts = history(
            hire(),
            done(date(2027, 3, 5)),
            change(date(2027, 6, 1), GONE),
            hire(date(2028, 6, 1)),
        )
        line = status(facts, since(ANNUAL), date(2028, 6, 1))
        assert (line.status, line.due_on) == (ComplianceStatus.EXPIRED, date(2028, 3, 5))
        assert line.why.opened_by is PeriodCause.RENEWAL

    def test_trained_between_two_employments(self) -> None:
        facts = history(
            hire(),
            done(date(2027, 3, 5)),
            change(date(2027, 6, 1), GONE),
            done(date(2028, 1, 10), 1, version=None),
            hire(date(2028, 6, 1)),
        )
        second = periods(facts, since(ANNUAL), date(2028, 6, 1))[1]
        assert (second.valid_from, second.valid_through) == (date(2028, 3, 6), date(2029, 1, 10))

    def test_moving_out_of_the_audience_and_back(self) -> None:
        facts = history(
            hire(),
            change(date(2027, 3, 6), department="Front desk"),
            change(date(2027, 5, 1)),
        )
        first, second = periods(facts, since(BLOODBORNE), date(2027, 5, 1))
        assert (first.outcome, second.outcome) == (PeriodOutcome.RELEASED, PeriodOutcome.OPEN)
        assert second.due_on == date(2027, 5, 1)
        away = status(facts, since(BLOODBORNE), date(2027, 4, 1))
        assert away.why.reason is ComplianceReason.OUTSIDE_AUDIENCE

    def test_why_names_what_matched(self) -> None:
        line = status(history(), since(BLOODBORNE), HIRED)
        assert line.why.reason is ComplianceReason.MATCHED
        assert line.why.match
        assert line.why.match.matched == (Matched(Criterion.DEPARTMENT, "Hygiene"),)
        assert line.missing
        assert line.missing.modules == {MODULE}
