"""Pauses between attempts."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential pauses with jitter, in seconds; time is injected so that tests take none."""

    first: float = 1.0
    longest: float = 15.0
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    monotonic: Callable[[], float] = time.monotonic
    random: Callable[[], float] = random.random

    def seconds(self, attempt: int) -> float:
        """Return between half and the whole of the attempt's ceiling; attempts count from 0."""
        doublings = min(attempt, 16)  # beyond `longest` anyway, and floats overflow in the end
        ceiling = min(self.longest, self.first * 2.0**doublings)
        return ceiling * (0.5 + self.random() / 2)

    async def pause(self, attempt: int, *, at_least: float = 0.0) -> None:
        await self.sleep(max(at_least, self.seconds(attempt)))
