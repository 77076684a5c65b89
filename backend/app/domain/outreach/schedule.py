"""When scheduled jobs are due. Every day has one due time, also when clocks change."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from app.domain.outreach.job import JobName

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Daily:
    """Once a day at a local time."""

    at: time

    def next_after(self, instant: datetime, zone: ZoneInfo) -> datetime:
        """Return the first due time after an instant.

        A time that a change of clocks skips is due as much later as the change is; one that comes
        twice is due at the first of both.
        """
        day = instant.astimezone(zone).date() - DAY
        while (due := datetime.combine(day, self.at, zone).astimezone(UTC)) <= instant:
            day += DAY
        return due


@dataclass(frozen=True, slots=True)
class Every:
    """Again and again, whatever the zone."""

    minutes: int

    def next_after(self, instant: datetime, _zone: ZoneInfo) -> datetime:
        """Return the first due time after an instant."""
        interval = timedelta(minutes=self.minutes)
        return _EPOCH + ((instant - _EPOCH) // interval + 1) * interval


When = Daily | Every

SCHEDULES: Final[Mapping[JobName, When]] = {
    JobName.COMPLETIONS_RECONCILE: Every(10),
    JobName.ATTEMPTS_CLOSE_OVERDUE: Every(60),
    JobName.REQUIREMENTS_RECONCILE: Daily(time(0, 15)),
    JobName.ACCOUNTS_RECONCILE: Daily(time(1, 0)),
    JobName.IDEMPOTENCY_KEYS_PRUNE: Daily(time(2, 0)),
    JobName.JOBS_PRUNE: Daily(time(2, 10)),
    JobName.MEDIA_SWEEP: Daily(time(2, 30)),
    JobName.RECORDS_SEAL: Daily(time(3, 0)),
}
