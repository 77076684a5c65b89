"""Prometheus metrics of this process, or of all workers of a server together."""

import asyncio
import functools
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from app.core.database import Database

SHARED_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Variable naming the folder of the workers' shared counts.

prometheus-client reads it when it is imported, so it has to be set before that.
"""

REFRESH_SECONDS: Final = 1.0

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)


class Metrics:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._registry = CollectorRegistry()
        self._is_shared = SHARED_FOLDER in os.environ
        if self._is_shared:
            MultiProcessCollector(self._registry)  # type: ignore[no-untyped-call]  # untyped there
        # The MultiProcessCollector reports the shared metrics from the folder. If they were also
        # registered here, each would be reported twice.
        own = None if self._is_shared else self._registry
        self._requests = Counter(
            "http_requests_total",
            "Requests by route and status",
            ["method", "route", "status"],
            registry=own,
        )
        self._seconds = Histogram(
            "http_request_seconds",
            "Time to the last byte by route",
            ["method", "route"],
            buckets=_BUCKETS,
            registry=own,
        )
        self._pool = Gauge(
            "database_pool_connections",
            "Connections of the pool by state",
            ["state"],
            multiprocess_mode="livesum",
            registry=own,
        )
        # Looking up a metric by its labels takes several times as long as incrementing it.
        self._counter_of = functools.cache(self._requests.labels)
        self._histogram_of = functools.cache(self._seconds.labels)

    def text(self) -> bytes:
        """Return everything in Prometheus' format."""
        self._refresh()
        return generate_latest(self._registry)

    @asynccontextmanager
    async def shared(self) -> AsyncIterator[None]:
        """Write this worker's gauges to the folder now and then, while the worker serves.

        A request for the metrics reaches one worker, which reports the gauges of all of them.
        """
        if not self._is_shared:
            yield
            return
        refreshing = asyncio.create_task(self._keep_fresh())
        try:
            yield
        finally:
            refreshing.cancel()

    async def _keep_fresh(self) -> None:
        while True:
            self._refresh()
            await asyncio.sleep(REFRESH_SECONDS)

    def _refresh(self) -> None:
        for state, value in self._database.pool_status().items():
            self._pool.labels(state).set(value)

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request. Unknown methods count as `other`: clients may send endlessly many."""
        method = method if method in _METHODS else "other"
        self._counter_of(method, route, status).inc()
        self._histogram_of(method, route).observe(seconds)
