"""Says whom a session waits for, since a lock that is not given looks like a hang."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.core.postgres.failure import origin

LOOK_SECONDS: Final = 0.2
"""Often enough to see waits that are given up after half a second."""

PATIENCE_SECONDS: Final = 2.0
"""How long somebody may stand in the way before it is told."""

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
    """Tell once of everybody who holds up the session `pid` for some seconds, if it can be seen."""
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
    except Exception as error:  # noqa: BLE001  # what is watched does not depend on its watcher
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
    """Roles that may not see what others do are shown the process and its role alone."""
    about = [f"role {blocker.role}", f"application {blocker.application or 'unnamed'}"]
    about += [blocker.state] if blocker.state else []
    about += [f"in a transaction for {blocker.seconds} s"] if blocker.seconds is not None else []
    return f"Waiting for process {blocker.pid} ({', '.join(about)}): {blocker.query}"
