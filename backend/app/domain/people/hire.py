"""The rule for dates of hire."""

from datetime import date

from app.core.errors import FieldError
from app.domain.recurrence import MONTHS_PER_YEAR, add_months


def hire_fault(hired_on: date | None, today: date) -> FieldError | None:
    """Refuse a date of hire more than a year ahead, which is certainly a typing error."""
    if hired_on is None or hired_on <= add_months(today, MONTHS_PER_YEAR):
        return None
    return FieldError("/hired_on", "too_far_ahead", "At most a year ahead")
