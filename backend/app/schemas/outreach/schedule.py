from datetime import datetime

from app.schemas.base import Resource


class ScheduleRead(Resource):
    """When a job is due again, and what became of it last."""

    name: str
    """The job that is due, as `subject:verb`."""

    at: str | None
    """The local time at which it is due each day, as 03:00; null where it is due at intervals."""

    every_minutes: int | None
    """The interval in minutes; null where it is due once a day."""

    time_zone: str
    next_run_at: datetime
    """The instant, in UTC, at which it is enqueued next."""

    last_run_at: datetime | None
    """The instant, in UTC, at which it ended last, well or not; null before it ever did."""

    last_success_at: datetime | None
    """The instant, in UTC, at which it succeeded last; null before it ever did."""

    last_failure: str | None
    """The kind and place of the error with which it ended last; null where it succeeded."""

    late_seconds: int
    """How long ago the first run was due that has not succeeded yet; 0 while nothing is due."""
