from collections.abc import Collection
from datetime import datetime
from zoneinfo import ZoneInfo

from app.core.database import Database
from app.domain.outreach.job import JobName
from app.domain.outreach.schedule import SCHEDULES, Daily
from app.models import Schedule
from app.schemas.base import ListOf
from app.schemas.outreach.schedule import ScheduleRead
from app.services.base import Service
from app.services.context import RequestContext


class ScheduleService(Service):
    """Enqueues what is due. Any number of workers may do so at the same time."""

    def __init__(self, database: Database, context: RequestContext, zone: ZoneInfo) -> None:
        super().__init__(database, context)
        self._zone = zone

    async def keep(self) -> None:
        """Bring the rows to what this release and its settings say.

        A schedule that is new, or has another time now, is due at its next time.
        """
        async with self.work() as uow:
            now = await uow.now()
            rows = [
                {
                    "name": name,
                    "at": when.at if isinstance(when, Daily) else None,
                    "every_minutes": None if isinstance(when, Daily) else when.minutes,
                    "time_zone": self._zone.key,
                    "next_run_at": when.next_after(now, self._zone),
                }
                for name, when in SCHEDULES.items()
            ]
            await uow.schedules.keep(rows)

    async def run_due(
        self, now: datetime | None = None, *, among: Collection[JobName] = tuple(SCHEDULES)
    ) -> list[JobName]:
        """Enqueue what is due.

        What was due several times while no worker ran is enqueued once.
        """
        async with self.work() as uow:
            now = now or await uow.now()
            due = await uow.schedules.lock_due(now, SCHEDULES.keys() & set(among))
            names = [JobName(row.name) for row in due]
            for name, row in zip(names, due, strict=True):
                await uow.queue.enqueue(name, key=f"schedule:{name}")
                row.due_at = row.due_at or row.next_run_at
                row.next_run_at = SCHEDULES[name].next_after(now, ZoneInfo(row.time_zone))
                await uow.schedules.save(row)
        return names

    async def list(self) -> ListOf[ScheduleRead]:
        async with self.reading() as uow:
            now = await uow.now()
            rows = [_read(row, now) for row in await uow.schedules.all()]
        return ListOf(items=rows)

    async def succeeded(self, name: JobName, started_at: datetime) -> None:
        async with self.work() as uow:
            await uow.schedules.succeeded(name, started_at)

    async def failed(self, name: JobName, kind: str) -> None:
        async with self.work() as uow:
            await uow.schedules.failed(name, kind)


def _read(row: Schedule, now: datetime) -> ScheduleRead:
    due = min(row.due_at or row.next_run_at, row.next_run_at)
    return ScheduleRead(
        name=row.name,
        at=row.at and row.at.isoformat("minutes"),
        every_minutes=row.every_minutes,
        time_zone=row.time_zone,
        next_run_at=row.next_run_at,
        last_run_at=row.last_run_at,
        last_success_at=row.last_success_at,
        last_failure=row.last_failure,
        late_seconds=max(int((now - due).total_seconds()), 0),
    )
