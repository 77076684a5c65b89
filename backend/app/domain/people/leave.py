"""How far back managers may record leave."""

from datetime import date, timedelta
from typing import Final

BACKDATED: Final = timedelta(days=14)
"""As for classes that are entered late (domain/evidence/live_session.py)."""


def is_long_ago(day: date, today: date) -> bool:
    """Tell whether leave of that day takes an admin, besides the manager who vouches for it.

    Leave excuses from every deadline: who answers for a person alone could undo what was missed.
    """
    return day < today - BACKDATED
