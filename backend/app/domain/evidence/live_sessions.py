"""When a class may have been held."""

from datetime import datetime, timedelta

BACKDATED = timedelta(days=14)
"""What is entered later than this goes in as training elsewhere, which a second person verifies."""


def is_too_long_ago(starts_at: datetime, now: datetime) -> bool:
    return starts_at < now - BACKDATED


def is_before_publication(starts_at: datetime, published_at: datetime) -> bool:
    """Say whether a class was held before the day on which there was anything to teach (UTC)."""
    return starts_at.date() < published_at.date()
