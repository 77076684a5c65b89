import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from app.core.postgres.batching import Batcher

PATIENCE_SECONDS = 5


@dataclass
class Squares:
    """Answers when the gate is open, and keeps what it was asked."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    batches: list[list[int]] = field(default_factory=list)
    error: Exception | None = None

    async def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.batches.append(list(numbers))
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return [number * number for number in numbers]


async def under_way(*tasks: asyncio.Task[int]) -> None:
    """Let the tasks run until they all wait."""
    for _ in tasks:
        await asyncio.sleep(0)
    await asyncio.sleep(0)


async def test_one_question_waits_for_no_other() -> None:
    squares = Squares()
    squares.gate.set()
    batcher = Batcher(squares)
    assert [await batcher.ask(3), await batcher.ask(4)] == [9, 16]
    assert squares.batches == [[3], [4]]


async def test_what_comes_meanwhile_goes_together() -> None:
    squares = Squares()
    batcher = Batcher(squares, most=3)
    first = asyncio.create_task(batcher.ask(1))
    await under_way(first)
    others = [asyncio.create_task(batcher.ask(number)) for number in range(2, 7)]
    await under_way(*others)
    squares.gate.set()
    answers = await asyncio.wait_for(asyncio.gather(first, *others), PATIENCE_SECONDS)
    assert answers == [1, 4, 9, 16, 25, 36]
    assert squares.batches == [[1], [2, 3, 4], [5, 6]]


async def test_whoever_leaves_takes_nobody_along() -> None:
    squares = Squares()
    batcher = Batcher(squares)
    tasks = [asyncio.create_task(batcher.ask(number)) for number in (1, 2, 3)]
    await under_way(*tasks)
    tasks[0].cancel()
    tasks[1].cancel()
    squares.gate.set()
    assert await asyncio.wait_for(tasks[2], PATIENCE_SECONDS) == 9
    assert await batcher.ask(4) == 16


async def test_what_waits_together_fails_together() -> None:
    squares = Squares(error=ConnectionError())
    batcher = Batcher(squares)
    first = asyncio.create_task(batcher.ask(1))
    await under_way(first)
    second = asyncio.create_task(batcher.ask(2))
    await under_way(second)
    squares.gate.set()
    both = asyncio.gather(first, second, return_exceptions=True)
    outcomes = await asyncio.wait_for(both, PATIENCE_SECONDS)
    assert [type(outcome) for outcome in outcomes] == [ConnectionError, ConnectionError]
    assert squares.batches == [[1]]


async def test_an_answer_comes_again_after_a_failure() -> None:
    squares = Squares(error=ConnectionError())
    squares.gate.set()
    batcher = Batcher(squares)
    with pytest.raises(ConnectionError):
        await batcher.ask(1)
    squares.error = None
    assert await batcher.ask(2) == 4
