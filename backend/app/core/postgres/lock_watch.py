"""Reports which sessions a migration waits for, because waiting for a lock looks like a hang."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.core.postgres.failure import origin

LOOK_SECONDS: Final = 0.2
"""Pause between two looks; short enough to see a wait that ends after half a second."""

PATIENCE_SECONDS: Final = 2.0
"""How long another session may block before it is reported."""

_BLOCKERS = text(
    """
    SELECT pid, usename AS role, application_name AS application, state,
        EXTRACT(epoch FROM clock_timestamp() - xact_start)::integer AS seconds,
        left(regexp_replace(query, '\\s+', ' ', 'g'), 120) AS query
    FROM pg_stat_activity WHERE pid = ANY (pg_blocking_pids(:pid)) ORDER BY pid
    """
)


@contextlib.asynccontextmanager
async def watched(
    engine: AsyncEngine, pid: int, tell: Callable[[str], None]
) -> AsyncIterator[None]:
    """Report each session that blocks the session `pid` for more than `PATIENCE_SECONDS`, once."""
    watching = asyncio.create_task(_watch(engine, pid, tell))
    try:
        yield
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching


async def _watch(engine: AsyncEngine, pid: int, tell: Callable[[str], None]) -> None:
    try:
        await _look(engine, pid, tell)
    except Exception as error:  # noqa: BLE001  # an error here must not stop the watched session
        tell(f"Cannot see whom this waits for: {type(origin(error)).__name__}")


async def _look(engine: AsyncEngine, pid: int, tell: Callable[[str], None]) -> None:
    first_seen: dict[int, float] = {}
    told = set[int]()
    clock = asyncio.get_running_loop().time
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            for blocker in await _blockers(connection, pid):
                waited = clock() - first_seen.setdefault(blocker.pid, clock())
                if waited >= PATIENCE_SECONDS and blocker.pid not in told:
                    told.add(blocker.pid)
                    tell(_described(blocker))


async def _blockers(connection: AsyncConnection, pid: int) -> list[Row[tuple[object, ...]]]:
    return list(await connection.execute(_BLOCKERS, {"pid": pid}))


def _described(blocker: Row[tuple[object, ...]]) -> str:
    """Describe a blocker. PostgreSQL shows roles with few rights only its process and role."""
    about = [f"role {blocker.role}", f"application {blocker.application or 'unnamed'}"]
    about += [blocker.state] if blocker.state else []
    about += [f"in a transaction for {blocker.seconds} s"] if blocker.seconds is not None else []
    return f"Waiting for process {blocker.pid} ({', '.join(about)}): {blocker.query}"
