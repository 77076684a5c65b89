"""Prometheus metrics of this process."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.core.database import Database

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
        self.requests = Counter(
            "http_requests_total",
            "Requests by route and status",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "http_request_seconds",
            "Time to the last byte by route",
            ["method", "route"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.registry.register(PoolCollector(database))
