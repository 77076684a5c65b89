from datetime import date, timedelta

import pytest

from app.domain.people.leave import is_long_ago

TODAY = date(2028, 3, 1)


@pytest.mark.parametrize(
    ("days_ago", "is_long"), [(-1, False), (0, False), (14, False), (15, True)]
)
def test_two_weeks_and_no_more(days_ago: int, *, is_long: bool) -> None:
    assert is_long_ago(TODAY - timedelta(days=days_ago), TODAY) is is_long
