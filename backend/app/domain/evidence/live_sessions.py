"""When a class may have been held."""

from datetime import datetime, timedelta

BACKDATED = timedelta(days=14)
"""A class held longer ago is entered as external training, which a second person verifies."""


def is_too_long_ago(starts_at: datetime, now: datetime) -> bool:
    return starts_at < now - BACKDATED


def is_before_publication(starts_at: datetime, published_at: datetime) -> bool:
    """Whether a class was held before the module was first published, by days in UTC."""
    return starts_at.date() < published_at.date()
