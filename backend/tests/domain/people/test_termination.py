from datetime import date, timedelta
from uuid import UUID

import pytest

from app.domain.people.termination import Recorded, Restored, without_termination

HIRED = date(2020, 1, 6)
DAY = timedelta(days=1)
ENDED = date(2026, 3, 2)


def row(number: int, day: date, state: str, hired_on: date = HIRED) -> Recorded:
    return Recorded(UUID(int=number), day, state == "terminated", state, hired_on)


def again(number: int, state: str, hired_on: date = HIRED) -> Restored:
    return Restored(UUID(int=number), state, hired_on)


HIRE, END = row(1, HIRED, "active"), row(2, ENDED, "terminated")


@pytest.mark.parametrize(
    ("rows", "restored"),
    [
        pytest.param([HIRE, END], [again(2, "active")], id="what held before holds again"),
        pytest.param(
            [HIRE, row(9, ENDED - DAY, "leave"), END], [again(2, "leave")], id="a leave goes on"
        ),
        pytest.param([END], [], id="nothing was before"),
        pytest.param([row(1, HIRED, "terminated"), END], [], id="had ended already"),
        pytest.param(
            [row(1, ENDED, "active"), END], [again(2, "active")], id="hired and ended on one day"
        ),
        pytest.param(
            [HIRE, row(3, ENDED + DAY, "active"), END, row(4, ENDED + DAY, "terminated")],
            [again(2, "active"), again(4, "active")],
            id="what was announced goes on",
        ),
        pytest.param(
            [HIRE, row(3, ENDED + DAY, "terminated"), END, row(4, ENDED + DAY, "terminated")],
            [again(2, "active"), again(4, "terminated")],
            id="an end that was announced before stays",
        ),
        pytest.param(
            [HIRE, END, row(5, ENDED + DAY, "terminated")],
            [again(2, "active"), again(5, "active")],
            id="edited while closed",
        ),
        pytest.param(
            [HIRE, END, row(6, ENDED + DAY, "active", ENDED + DAY)],
            [again(2, "active"), again(6, "active")],
            id="a rehire with a false date",
        ),
        pytest.param(
            [
                HIRE,
                row(3, ENDED + DAY, "terminated"),
                END,
                row(4, ENDED + DAY, "terminated"),
                row(6, ENDED + 9 * DAY, "active", ENDED + 9 * DAY),
            ],
            [again(2, "active"), again(4, "terminated")],
            id="a rehire after a true end",
        ),
    ],
)
def test_is_as_if_it_had_not_been(rows: list[Recorded], restored: list[Restored]) -> None:
    voided = next(each for each in rows if each.id == END.id)
    assert without_termination(rows, voided) == restored
