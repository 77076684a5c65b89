from datetime import date

import pytest

from app.domain.people.hire import hire_fault

TODAY = date(2026, 11, 28)


@pytest.mark.parametrize("hired_on", [None, date(1999, 1, 1), TODAY, date(2027, 11, 28)])
def test_taken(hired_on: date | None) -> None:
    assert hire_fault(hired_on, TODAY) is None


@pytest.mark.parametrize("hired_on", [date(2027, 11, 29), date(2100, 1, 1), date.max])
def test_too_far_ahead(hired_on: date) -> None:
    fault = hire_fault(hired_on, TODAY)
    assert fault is not None
    assert (fault.pointer, fault.code) == ("/hired_on", "too_far_ahead")
