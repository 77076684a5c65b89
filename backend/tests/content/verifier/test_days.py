"""Which days a pack proves of evidence."""

from datetime import date

import pytest

from app.content.verifier.pack_verifier.broken import BrokenError
from app.content.verifier.pack_verifier.days import Proof, day_of, first_day, last_day

GIVEN, RECORDED, WITHDRAWN = date(2026, 1, 10), date(2026, 2, 1), date(2026, 3, 1)
CARD = Proof("somebody", GIVEN, RECORDED)


@pytest.mark.parametrize(
    ("known_on", "counts"),
    [
        (date(2026, 1, 31), False),
        (RECORDED, True),
        (date(2026, 2, 28), True),
        (WITHDRAWN, False),
        (date(2026, 3, 2), False),
        (None, False),
    ],
)
def test_counts_from_when_it_was_recorded_until_it_was_withdrawn(
    known_on: date | None, *, counts: bool
) -> None:
    assert CARD._replace(withdrawn_on=WITHDRAWN).counts(known_on) == counts


def test_counts_for_good_unless_it_is_withdrawn() -> None:
    assert CARD.counts(None)
    assert CARD.counts(date.max)


def test_was_not_known_before_it_was_given() -> None:
    assert not CARD._replace(day=WITHDRAWN).counts(RECORDED)


@pytest.mark.parametrize(
    ("instant", "first", "last"),
    [
        ("2026-03-01T09:59:59Z", date(2026, 2, 28), date(2026, 3, 1)),
        ("2026-03-01T10:00:00+00:00", date(2026, 2, 28), date(2026, 3, 2)),
        ("2026-03-01T12:00:00.5Z", date(2026, 3, 1), date(2026, 3, 2)),
    ],
)
def test_an_instant_is_on_two_days(instant: str, first: date, last: date) -> None:
    assert (first_day(instant), last_day(instant)) == (first, last)


@pytest.mark.parametrize(
    "text",
    [None, 5, "", "zzz", "20260301", "2026-W09-7", "2026-02-30", "2026-03-01 ", "\uff12026-03-01"],
)
def test_a_day_is_written_in_one_way(text: object) -> None:
    with pytest.raises(BrokenError, match=r"^due_on is no day$"):
        day_of(text, "due_on")
