import uuid
from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert

from app.models import IdempotencyKey
from app.repositories.base import Repository


class IdempotencyKeyRepository(Repository[IdempotencyKey]):
    model = IdempotencyKey

    async def claim(self, user_id: uuid.UUID, key: str, fingerprint: str) -> IdempotencyKey | None:
        """Take the key for this transaction; return what it answered before, None if it is new.

        A second request with the key waits here until the first has committed or rolled back.
        """
        taken = (
            insert(IdempotencyKey)
            .values(user_id=user_id, key=key, fingerprint=fingerprint)
            .on_conflict_do_nothing()
            .returning(IdempotencyKey.key)
        )
        if await self.session.scalar(taken) is not None:
            return None
        return await self.find(user_id, key)

    async def find(self, user_id: uuid.UUID, key: str) -> IdempotencyKey | None:
        return await self.session.get(IdempotencyKey, (user_id, key))

    async def prune(self, older_than: datetime) -> int:
        result = await self.session.execute(
            delete(IdempotencyKey)
            .where(IdempotencyKey.created_at < older_than)
            .returning(IdempotencyKey.key)
        )
        return len(result.all())
