from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import case, delete, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from app.domain.outreach.job import JobName
from app.models import Schedule
from app.repositories.base import Repository

_TOLD = ("at", "every_minutes", "time_zone")


class ScheduleRepository(Repository[Schedule]):
    model = Schedule

    async def keep(self, rows: Sequence[dict[str, Any]]) -> None:
        """Write these and no others; leave those alone that say the same already."""
        others = delete(Schedule).where(Schedule.name.not_in([row["name"] for row in rows]))
        await self.session.execute(others)
        told = insert(Schedule).values(rows)
        before = tuple_(*(getattr(Schedule, name) for name in _TOLD))
        after = tuple_(*(told.excluded[name] for name in _TOLD))
        statement = told.on_conflict_do_update(
            index_elements=[Schedule.name],
            set_={name: told.excluded[name] for name in (*_TOLD, "next_run_at")},
            where=before.is_distinct_from(after),
        )
        await self.session.execute(statement)

    async def lock_due(self, now: datetime, names: Collection[JobName]) -> list[Schedule]:
        """Lock those of `names` that are due; pass over those that another worker has locked."""
        due = (
            select(Schedule)
            .where(Schedule.next_run_at <= now, Schedule.name.in_(names))
            .order_by(Schedule.next_run_at)
            .with_for_update(skip_locked=True)
        )
        return list(await self.session.scalars(due))

    async def all(self) -> list[Schedule]:
        return list(await self.session.scalars(select(Schedule).order_by(Schedule.name)))

    async def succeeded(self, name: JobName, started_at: datetime) -> None:
        """Note a success. What has become due since it started is still to be done."""
        statement = (
            update(Schedule)
            .where(Schedule.name == name)
            .values(
                last_run_at=func.now(),
                last_success_at=func.now(),
                last_failure=None,
                due_at=case((Schedule.due_at > started_at, Schedule.due_at)),
            )
        )
        await self.session.execute(statement)

    async def failed(self, name: JobName, kind: str) -> None:
        statement = update(Schedule).where(Schedule.name == name)
        await self.session.execute(statement.values(last_run_at=func.now(), last_failure=kind))
