"""Work that a process does beside its requests."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import structlog

log = structlog.get_logger(__name__)


@asynccontextmanager
async def repeating(step: Callable[[], Awaitable[bool]], pause: float) -> AsyncIterator[None]:
    """Repeat a step while the block is entered, and cancel it at the end.

    A step that did something is followed by the next one, after as long as it took: requests get
    half of the time. Else, and after an error, it rests for `pause` seconds.
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
            # A database that is away, say. Whatever it is, the next try meets it or it is gone.
            log.warning("background_step_failed", error=type(error).__name__, exc_info=True)
            is_busy = False
        await asyncio.sleep(time.monotonic() - begun if is_busy else pause)
