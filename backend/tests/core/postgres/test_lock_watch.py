import asyncio

from sqlalchemy.ext.asyncio import create_async_engine

from app.core.postgres.lock_watch import watched

NOBODY_LISTENS = "postgresql+asyncpg://nobody@127.0.0.1:1/nowhere"


async def test_what_is_watched_goes_on_where_nobody_can_watch() -> None:
    """The watch may fail, for example because the pooler has no connection left for it."""
    said: list[str] = []
    async with watched(create_async_engine(NOBODY_LISTENS), 1, said.append):
        async with asyncio.timeout(5):
            while not said:  # noqa: ASYNC110  # waits for another task to fail
                await asyncio.sleep(0.01)
    assert said == ["Cannot see whom this waits for: ConnectionRefusedError"]
