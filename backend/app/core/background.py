"""Repeats a step of work in the background of a process that answers requests."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import structlog

from app.core.postgres.failure import log_unavailable, unavailable

log = structlog.get_logger(__name__)


@asynccontextmanager
async def repeating(step: Callable[[], Awaitable[bool]], pause: float) -> AsyncIterator[None]:
    """Repeat a step while the block is entered, and cancel it at the end.

    After a step that did something the next one follows after a pause as long as the step took, so
    that requests get at least half of the time. After a step without work, or an error, the pause
    is `pause` seconds.
    """
    task = asyncio.create_task(_repeat(step, pause))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _repeat(step: Callable[[], Awaitable[bool]], pause: float) -> None:
    while True:
        begun = time.monotonic()
        try:
            is_busy = await step()
        except Exception as error:
            # The next try shows whether it passes.
            if known := unavailable(error):
                log_unavailable(known.code, error)
            else:
                log.exception("background_step_failed")
            is_busy = False
        await asyncio.sleep(time.monotonic() - begun if is_busy else pause)
