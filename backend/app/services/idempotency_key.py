"""Deletes old answers that were kept for retries, because they contain personal data."""

from datetime import timedelta

from app.core.database import Database
from app.services.base import Service
from app.services.context import SYSTEM

BATCH = 5_000
"""Rows deleted in one transaction: few enough to stay far below the statement timeout."""


class IdempotencyKeyService(Service):
    def __init__(self, database: Database) -> None:
        super().__init__(database, SYSTEM)

    async def prune(self, older_than: timedelta, *, batch: int = BATCH) -> int:
        """Forget answers by age, whatever their key; return how many."""
        pruned = 0
        while True:
            async with self.work() as uow:
                done = await uow.idempotency_keys.prune(await uow.now() - older_than, batch)
            pruned += done
            if done < batch:
                return pruned
