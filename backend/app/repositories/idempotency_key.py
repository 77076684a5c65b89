import uuid
from datetime import datetime

from sqlalchemy import delete, select, tuple_
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

    async def keep(self, answered: IdempotencyKey) -> None:
        """Keep what a request answered, in the place that it has claimed or in a new one."""
        columns = ("user_id", "key", "fingerprint", "body", "created", "etag")
        row = insert(IdempotencyKey).values({name: getattr(answered, name) for name in columns})
        answer = {name: row.excluded[name] for name in ("body", "created", "etag")}
        statement = row.on_conflict_do_update(
            index_elements=[IdempotencyKey.user_id, IdempotencyKey.key],
            set_=answer,
            where=IdempotencyKey.body.is_(None),
        )
        await self.session.execute(statement)

    async def find(self, user_id: uuid.UUID, key: str) -> IdempotencyKey | None:
        return await self.session.get(IdempotencyKey, (user_id, key))

    async def prune(self, before: datetime, limit: int) -> int:
        """Delete at most `limit` keys that were claimed before an instant; return how many."""
        old = (
            select(IdempotencyKey.user_id, IdempotencyKey.key)
            .where(IdempotencyKey.created_at < before)
            .order_by(IdempotencyKey.created_at)
            .limit(limit)
        )
        statement = (
            delete(IdempotencyKey)
            .where(tuple_(IdempotencyKey.user_id, IdempotencyKey.key).in_(old))
            .returning(IdempotencyKey.key)
            .execution_options(synchronize_session=False)
        )
        return len((await self.session.execute(statement)).all())
