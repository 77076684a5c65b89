from datetime import date
from uuid import UUID

import pytest

from app.domain.compliance import ComplianceStatus
from app.domain.compliance.own_duty import Change, Shown, frees

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


def freed(before: Shown | None, after: Shown | None, change: Change) -> bool:
    known, found = ([each] if each else [] for each in (before, after))
    return frees(known, found, TODAY, change)


@pytest.mark.parametrize("change", [Change.PERSON, Change.RULE, Change.MODULE])
class TestAlways:
    @pytest.mark.parametrize("free", ["not_required", "exempt"])
    @pytest.mark.parametrize("asked", ["due", "never_trained", "overdue", "expired", "compliant"])
    def test_to_be_no_longer_meant_frees(self, free: str, asked: str, change: Change) -> None:
        assert freed(shown(asked), shown(free, None), change)

    @pytest.mark.parametrize("free", ["not_required", "exempt"])
    def test_whoever_is_free_is_not_freed(self, free: str, change: Change) -> None:
        assert not freed(shown(free, None), None, change)
        assert not freed(shown(free, None), shown("due"), change)
        assert not freed(None, shown("not_required", None), change)

    @pytest.mark.parametrize("held", [None, OTHER])
    @pytest.mark.parametrize("covered", ["compliant", "due_soon"])
    def test_no_change_covers_whoever_is_late(
        self, covered: str, held: UUID | None, change: Change
    ) -> None:
        """What was learned is worked out when it was learned, not by a change."""
        after = shown(covered, LATER, CARD)
        assert freed(shown("overdue", DUE, held), after, change)

    def test_another_card_frees_nobody(self, change: Change) -> None:
        after = shown("compliant", LATER, CARD)
        assert not freed(shown("compliant", DUE, OTHER), after, change)
        assert not freed(shown("compliant", DUE, CARD), after, change)

    def test_an_earlier_day_does_not_either(self, change: Change) -> None:
        assert not freed(shown("overdue", LATER), shown("overdue", DUE), change)
        assert not freed(shown("overdue", DUE), shown("due", DUE), change)
        assert not freed(shown("overdue", None), shown("due", DUE), change)

    @pytest.mark.parametrize("late", ["overdue", "expired"])
    @pytest.mark.parametrize("after", [None, shown("due", LATER), shown("due", None)])
    def test_nobody_undoes_that_they_are_late(
        self, late: str, after: Shown | None, change: Change
    ) -> None:
        assert freed(shown(late), after, change)


@pytest.mark.parametrize("early", ["due", "never_trained"])
@pytest.mark.parametrize("after", [None, shown("due", LATER), shown("due", None)])
def test_to_be_in_time_is_to_have_something_to_do(early: str, after: Shown | None) -> None:
    """A new version of a module is for everybody, and its author's work."""
    assert freed(shown(early), after, Change.PERSON)
    assert freed(shown(early), after, Change.RULE)
    assert not freed(shown(early), after, Change.MODULE)


@pytest.mark.parametrize("status", ["due_soon", "compliant"])
def test_whoever_is_covered_may_see_their_rule_end(status: str) -> None:
    assert not freed(shown(status), None, Change.RULE)
    assert not freed(shown("compliant"), shown("compliant", LATER), Change.PERSON)
    assert freed(shown(status), None, Change.PERSON)


@pytest.mark.parametrize("today", [None, "not_required", "exempt"])
def test_nobody_moves_what_will_be_asked_of_them(today: str | None) -> None:
    """A rule of days to come, or a waiver that ends."""
    ahead = shown("due", starts_on=date(2027, 3, 2))
    before = [*([shown(today, None, ends_on=TODAY)] if today else []), ahead]
    assert frees(before, before[:-1], TODAY, Change.RULE)


def test_nothing_frees_nobody() -> None:
    assert not freed(shown("overdue"), None, Change.NOTHING)


def test_days_that_are_over_do_not_count() -> None:
    over = shown("overdue", ends_on=date(2027, 2, 28))
    assert not frees([over], [], TODAY, Change.PERSON)
    through_today = shown("overdue", ends_on=TODAY)
    assert frees([through_today], [], TODAY, Change.PERSON)


def test_days_to_come_do() -> None:
    first = shown("due", ends_on=LATER)
    after = [first, shown("not_required", None, starts_on=date(2027, 5, 2))]
    assert frees([shown("due")], after, TODAY, Change.RULE)
