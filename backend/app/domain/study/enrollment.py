"""Why somebody is enrolled, and what follows from it."""

from enum import StrEnum
from typing import assert_never


class AssignmentState(StrEnum):
    """How far somebody is with what was assigned to them."""

    DONE = "done"
    OPEN = "open"
    OVERDUE = "overdue"
    """Open, and its last day in time is over."""


class EnrollmentSource(StrEnum):
    SELF = "self"
    ASSIGNED = "assigned"
    RULE = "rule"

    @property
    def may_leave(self) -> bool:
        """Whether people may withdraw from it themselves."""
        match self:
            case EnrollmentSource.SELF:
                return True
            case EnrollmentSource.ASSIGNED | EnrollmentSource.RULE:
                return False
            case _:
                assert_never(self)

    @property
    def follows_rules(self) -> bool:
        """Whether requirements date it anew, and withdraw it once none asks for it."""
        match self:
            case EnrollmentSource.RULE:
                return True
            case EnrollmentSource.SELF | EnrollmentSource.ASSIGNED:
                return False
            case _:
                assert_never(self)
