"""A connection pool in which whoever waits longest comes first."""

import asyncio
from collections import deque
from typing import TypeVar

from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry
from sqlalchemy.util import await_only
from sqlalchemy.util.queue import AsyncAdaptedQueue, Empty, QueueCommon

T = TypeVar("T")


class FairQueue(AsyncAdaptedQueue[T]):
    """Hands what is returned to whoever waits, in the order in which they came.

    asyncio.Queue only wakes a waiter. Until its turn comes, anybody else may take what was
    returned, and the waiter has to queue up again behind all others. Under steady load some
    requests would never get a connection.
    """

    def __init__(self, maxsize: int = 0, use_lifo: bool = False) -> None:  # noqa: FBT001, FBT002  # the base's own signature
        super().__init__(maxsize, use_lifo)
        self._waiters: deque[asyncio.Future[T]] = deque()

    def put_nowait(self, item: T) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(item)
                return
        super().put_nowait(item)

    def get(self, block: bool = True, timeout: float | None = None) -> T:  # noqa: FBT001, FBT002  # the base's own signature
        if not block or not self.empty():
            return self.get_nowait()
        item: T = await_only(self._wait(timeout))
        return item

    async def _wait(self, patience: float | None) -> T:
        waiter: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(patience):
                return await waiter
        except BaseException as error:
            if waiter.done() and not waiter.cancelled():
                # It was handed over in the same turn of the loop in which the wait ended.
                self.put_nowait(waiter.result())
            if isinstance(error, TimeoutError):
                raise Empty from error
            raise


class FairPool(AsyncAdaptedQueuePool):
    # Its base logs under SQLAlchemy's name, which only warns; by default this class would not.
    _sqla_logger_namespace = "sqlalchemy.pool.impl.FairPool"

    _queue_class: type[QueueCommon[ConnectionPoolEntry]] = FairQueue
