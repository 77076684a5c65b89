from datetime import datetime, time

from sqlalchemy import Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import Base


class Schedule(Base):
    """When a job is due again, and what became of it. The worker keeps one row for each schedule.

    Whoever locks a due row enqueues its job in the same transaction, so that it is enqueued once
    however many workers there are, and once for all the times that none of them was running.
    """

    __tablename__ = "schedules"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    """A JobName."""

    at: Mapped[time | None]
    """The local time of a daily schedule."""

    every_minutes: Mapped[int | None] = mapped_column(Integer)
    time_zone: Mapped[str] = mapped_column(String(64))
    next_run_at: Mapped[datetime]
    due_at: Mapped[datetime | None]
    """The first due time since the last success; null while there is nothing to do."""

    last_run_at: Mapped[datetime | None]
    last_success_at: Mapped[datetime | None]
    last_failure: Mapped[str | None] = mapped_column(String(200))
    """The kind of error with which the last run ended; null when it succeeded."""
