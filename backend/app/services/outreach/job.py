from datetime import timedelta

from app.services.base import Service

BATCH = 5_000
"""Rows of the log deleted in one transaction."""


class JobService(Service):
    async def prune_log(self, kept: timedelta, *, batch: int = BATCH) -> int:
        """Delete entries of the log by age; return how many."""
        pruned = 0
        while True:
            async with self.work() as uow:
                done = await uow.jobs.prune_log(await uow.now() - kept, batch)
            pruned += done
            if done < batch:
                return pruned
