from datetime import date
from uuid import UUID

import pytest

from app.domain.compliance import ComplianceStatus
from app.domain.compliance.own_duty import Shown, frees

FIRST, TODAY, LAST = date(2027, 1, 1), date(2027, 3, 1), date.max
DUE, LATER = date(2027, 4, 1), date(2027, 5, 1)
CARD, OTHER = UUID(int=1), UUID(int=2)


def shown(
    status: str,
    due_on: date | None = DUE,
    met_by: UUID | None = None,
    starts_on: date = FIRST,
    ends_on: date = LAST,
) -> Shown:
    return Shown(starts_on, ends_on, ComplianceStatus(status), due_on, met_by)


def freed(before: Shown | None, after: Shown | None, *, of_person: bool) -> bool:
    known, found = ([each] if each else [] for each in (before, after))
    return frees(known, found, TODAY, of_person=of_person)


@pytest.mark.parametrize("of_person", [True, False])
class TestAlways:
    @pytest.mark.parametrize("free", ["not_required", "exempt"])
    @pytest.mark.parametrize("asked", ["due", "never_trained", "overdue", "expired", "compliant"])
    def test_to_be_no_longer_meant_frees(self, free: str, asked: str, *, of_person: bool) -> None:
        assert freed(shown(asked), shown(free, None), of_person=of_person)

    @pytest.mark.parametrize("free", ["not_required", "exempt"])
    def test_whoever_is_free_is_not_freed(self, free: str, *, of_person: bool) -> None:
        assert not freed(shown(free, None), None, of_person=of_person)
        assert not freed(shown(free, None), shown("due"), of_person=of_person)
        assert not freed(None, shown("not_required", None), of_person=of_person)

    @pytest.mark.parametrize("held", [None, OTHER])
    @pytest.mark.parametrize("covered", ["compliant", "due_soon"])
    def test_no_change_covers_whoever_is_late(
        self, covered: str, held: UUID | None, *, of_person: bool
    ) -> None:
        """What was learned is worked out when it was learned, not by a change."""
        after = shown(covered, LATER, CARD)
        assert freed(shown("overdue", DUE, held), after, of_person=of_person)

    def test_another_card_frees_nobody(self, *, of_person: bool) -> None:
        after = shown("compliant", LATER, CARD)
        assert not freed(shown("compliant", DUE, OTHER), after, of_person=of_person)
        assert not freed(shown("compliant", DUE, CARD), after, of_person=of_person)

    def test_an_earlier_day_does_not_either(self, *, of_person: bool) -> None:
        assert not freed(shown("overdue", LATER), shown("overdue", DUE), of_person=of_person)
        assert not freed(shown("overdue", DUE), shown("due", DUE), of_person=of_person)
        assert not freed(shown("overdue", None), shown("due", DUE), of_person=of_person)

    @pytest.mark.parametrize("late", ["overdue", "expired"])
    @pytest.mark.parametrize("after", [None, shown("due", LATER), shown("due", None)])
    def test_nobody_undoes_that_they_are_late(
        self, late: str, after: Shown | None, *, of_person: bool
    ) -> None:
        assert freed(shown(late), after, of_person=of_person)


@pytest.mark.parametrize("early", ["due", "never_trained"])
@pytest.mark.parametrize("after", [None, shown("due", LATER), shown("due", None)])
def test_a_rule_may_change_for_whoever_is_in_time(early: str, after: Shown | None) -> None:
    assert not freed(shown(early), after, of_person=False)
    assert freed(shown(early), after, of_person=True)


def test_whoever_is_covered_may_see_their_rule_end() -> None:
    assert not freed(shown("due_soon"), None, of_person=False)
    assert not freed(shown("compliant"), shown("compliant", LATER), of_person=True)


def test_days_that_are_over_do_not_count() -> None:
    over = shown("overdue", ends_on=date(2027, 2, 28))
    assert not frees([over], [], TODAY, of_person=True)
    through_today = shown("overdue", ends_on=TODAY)
    assert frees([through_today], [], TODAY, of_person=True)


def test_days_to_come_do() -> None:
    first = shown("due", ends_on=LATER)
    after = [first, shown("not_required", None, starts_on=date(2027, 5, 2))]
    assert frees([shown("due")], after, TODAY, of_person=False)
