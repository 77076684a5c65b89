"""What a line says beside its status."""

from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

from app.domain.compliance import (
    Assessment,
    ComplianceStatus,
    Missing,
    PeriodCause,
    assess,
    periods,
    status,
)
from app.domain.compliance.facts import ExemptionKind
from app.domain.compliance.obligation import ComplianceReason
from app.domain.compliance.requirement import Modules, Rule
from tests.domain.compliance.builders import (
    ANNUAL,
    BLOODBORNE,
    BLS,
    HIPAA,
    HIRED,
    MODULE,
    OTHER_MODULE,
    card,
    done,
    hire,
    history,
    published,
    since,
    waiver,
)

DAY = timedelta(days=1)


class TestMissing:
    def test_a_credential(self) -> None:
        line = status(history(), since(BLS), HIRED)
        assert line.missing == Missing(credential_kind="bls")

    def test_nothing_while_compliant_or_not_asked(self) -> None:
        facts = history(done(HIRED))
        assert status(facts, since(ANNUAL), HIRED).missing is None
        assert status(facts, since(ANNUAL), HIRED - DAY).missing is None

    def test_the_newest_material_version_of_each_module(self) -> None:
        either = HIPAA.model_copy(
            update={"subject": Modules(any_of=frozenset({MODULE, OTHER_MODULE}))}
        )
        facts = history(
            published(date(2027, 1, 3), 4, material=True),
            published(date(2027, 1, 1), 2, material=True),
            published(date(2027, 1, 4), 5),
            published(date(2027, 8, 1), 6, material=True),
            replace(published(date(2027, 1, 1), 1, material=True), module_id=OTHER_MODULE),
        )
        line = status(facts, since(either), HIRED)
        assert line.missing
        assert line.missing.minimum_versions == ((MODULE, 4), (OTHER_MODULE, 1))
        unbothered = status(facts, since(ANNUAL), HIRED)
        assert unbothered.missing == Missing(modules=frozenset({MODULE}))

    def test_versions_of_other_modules_are_not_told(self) -> None:
        """The rule once asked for two modules. Changes of the other one are of no interest now."""
        either = HIPAA.model_copy(
            update={"subject": Modules(any_of=frozenset({MODULE, OTHER_MODULE}))}
        )
        other = replace(published(date(2027, 1, 1), 3, material=True), module_id=OTHER_MODULE)
        rules = (*since(either, date(2019, 1, 1)), *since(HIPAA))
        line = status(history(other), rules, HIRED)
        assert line.missing == Missing(modules=frozenset({MODULE}))


class TestDates:
    def grace(self, asked: Rule, day: date) -> bool:
        return status(history(), since(asked), day).in_grace

    def test_grace_follows_the_due_date(self) -> None:
        due_on = date(2027, 3, 11)
        days = (due_on, due_on + DAY, due_on + 7 * DAY, due_on + 8 * DAY)
        assert [self.grace(BLOODBORNE, day) for day in days] == [False, True, True, False]
        assert not self.grace(ANNUAL, due_on + DAY)

    def test_a_compliant_person(self) -> None:
        line = status(history(done(date(2027, 3, 5))), since(BLOODBORNE), date(2027, 3, 5))
        assert (line.due_on, line.valid_through, line.next_due_on) == (
            date(2027, 3, 11),
            date(2028, 3, 5),
            date(2028, 3, 5),
        )
        assert line.met_by == UUID(int=100)
        assert not line.in_grace

    def test_a_person_in_the_renewal_window(self) -> None:
        line = status(history(done(date(2027, 3, 5))), since(BLOODBORNE), date(2028, 3, 1))
        assert (line.status, line.due_on, line.next_due_on) == (
            ComplianceStatus.DUE_SOON,
            date(2028, 3, 5),
            date(2028, 3, 5),
        )
        assert line.why.opened_by is PeriodCause.RENEWAL

    def test_the_window_never_opens_on_the_day_of_the_evidence(self) -> None:
        """A card that is valid for ten days is current on its first day, and due soon after it."""
        facts = history(card(HIRED, HIRED + 10 * DAY))
        found = [status(facts, since(BLS), day).status for day in (HIRED, HIRED + DAY)]
        assert found == [ComplianceStatus.COMPLIANT, ComplianceStatus.DUE_SOON]


class TestWhy:
    def test_before_anything_is_on_record(self) -> None:
        day = date(2027, 2, 28)
        assert status(history(), since(ANNUAL), day).why.reason is ComplianceReason.NOT_EMPLOYED
        assert status(history(), since(ANNUAL, HIRED), day).why.reason is ComplianceReason.NO_RULE

    def test_waiver_and_exemption_are_told_apart(self) -> None:
        free = waiver(HIRED, None)
        exempt = replace(free, kind=ExemptionKind.EXEMPTION)
        for fact, reason in ((free, ComplianceReason.WAIVER), (exempt, ComplianceReason.EXEMPTION)):
            why = status(history(fact), since(BLOODBORNE), HIRED).why
            assert (why.reason, why.exemption, why.opened_by) == (reason, free.id, None)
            assert why.match

    def test_not_required(self) -> None:
        facts = history(hire(department="Front desk"))
        line = status(facts, since(BLOODBORNE), HIRED)
        assert (line.status, line.why.reason) == (
            ComplianceStatus.NOT_REQUIRED,
            ComplianceReason.OUTSIDE_AUDIENCE,
        )
        assert (line.due_on, line.missing, line.why.match) == (None, None, None)


def test_one_pass_gives_both() -> None:
    facts, day = history(done(date(2027, 3, 5))), date(2028, 3, 1)
    rules = since(BLOODBORNE)
    expected = Assessment(status(facts, rules, day), periods(facts, rules, day))
    assert assess(facts, rules, day) == expected
    assert len(expected.periods) == 2
