"""Prometheus metrics of this process."""

import functools
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.core.database import Database

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)


class PoolCollector(Collector):
    """Reads the connection pool when Prometheus asks, so that nothing is kept up to date."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def collect(self) -> Iterator[Metric]:
        gauge = GaugeMetricFamily(
            "database_pool_connections", "Connections of the pool by state", labels=["state"]
        )
        for state, value in self._database.pool_status().items():
            gauge.add_metric([state], value)
        yield gauge


class Metrics:
    def __init__(self, database: Database) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "http_requests_total",
            "Requests by route and status",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "http_request_seconds",
            "Time to the last byte by route",
            ["method", "route"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.registry.register(PoolCollector(database))
        # To find a child by its labels costs several times what counting does.
        self._counter_of = functools.cache(self._requests.labels)
        self._histogram_of = functools.cache(self._seconds.labels)

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request. A method that nobody knows is `other`: clients may invent any."""
        method = method if method in _METHODS else "other"
        self._counter_of(method, route, status).inc()
        self._histogram_of(method, route).observe(seconds)
