from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import IdempotencyKey, User
from tests.cli.conftest import Invoke


async def test_prune(invoke: Invoke, session: AsyncSession, learner: User) -> None:
    for hours in (23, 25):
        created_at = func.now() - timedelta(hours=hours)
        key = {"key": str(hours), "fingerprint": "a" * 64, "created_at": created_at}
        session.add(IdempotencyKey(user_id=learner.id, **key))
    await session.commit()
    result = await invoke("idempotency-keys", "prune")
    assert (result.exit_code, result.stdout) == (0, "1 answers forgotten.\n")
    assert list(await session.scalars(select(IdempotencyKey.key))) == ["23"]
