import asyncio
from collections.abc import Sequence

import pytest
from structlog.testing import capture_logs

from app.core.background import repeating

PATIENCE = 5
LONG = 3600.0


class Steps:
    """What each step does, in turn; after the last one nothing is left."""

    def __init__(self, outcomes: Sequence[bool | Exception] = ()) -> None:
        self._outcomes = list(outcomes)
        self.done = 0
        self.idle = asyncio.Event()

    async def __call__(self) -> bool:
        self.done += 1
        if not self._outcomes:
            self.idle.set()
            return False
        outcome = self._outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


async def test_goes_on_while_there_is_work_then_rests() -> None:
    steps = Steps([True, True, True])
    async with repeating(steps, LONG), asyncio.timeout(PATIENCE):
        await steps.idle.wait()
        await asyncio.sleep(0.05)
    assert steps.done == 4


async def test_looks_again_after_a_rest() -> None:
    steps = Steps([False, False])
    async with repeating(steps, 0.01), asyncio.timeout(PATIENCE):
        await steps.idle.wait()


async def test_an_error_is_logged_and_survived() -> None:
    """A database that is away is told as it is to callers: in one line, without a traceback."""
    steps = Steps([ConnectionError("away"), LookupError("a mistake")])
    with capture_logs() as logs:
        async with repeating(steps, 0.01), asyncio.timeout(PATIENCE):
            await steps.idle.wait()
    away, mistake = logs
    assert away == {
        "event": "unavailable",
        "log_level": "warning",
        "code": "database_unavailable",
        "reason": "ConnectionError",
        "sqlstate": None,
    }
    assert (mistake["event"], mistake["log_level"]) == ("background_step_failed", "error")


async def test_a_step_under_way_is_cancelled_at_the_end() -> None:
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def hangs() -> bool:
        begun.set()
        try:
            await asyncio.sleep(LONG)
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return False

    async with asyncio.timeout(PATIENCE), repeating(hangs, LONG):
        await begun.wait()
    assert cancelled.is_set()


async def test_an_error_of_the_block_passes() -> None:
    with pytest.raises(LookupError):
        async with repeating(Steps(), LONG):
            raise LookupError
