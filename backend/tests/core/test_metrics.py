from prometheus_client.parser import text_string_to_metric_families

from app.core.config import PoolSettings
from app.core.database import Database
from app.core.metrics import Metrics
from app.core.postgres.engine import create_engine
from app.core.postgres.url import parse_database_url
from tests.support import RollbackDatabase


def samples(metrics: Metrics, family: str) -> dict[tuple[str, ...], float]:
    text = metrics.text().decode()
    return {
        tuple(sample.labels[name] for name in sorted(sample.labels)): sample.value
        for found in text_string_to_metric_families(text)
        if found.name == family
        for sample in found.samples
    }


async def test_the_pool_is_read_when_it_is_asked_for(database: RollbackDatabase) -> None:
    metrics = Metrics(database)
    before = samples(metrics, "database_pool_connections")
    async with database.engine.connect():
        during = samples(metrics, "database_pool_connections")
    assert during[("checked_out",)] == before[("checked_out",)] + 1
    assert during[("size",)] == 5
    assert samples(metrics, "database_pool_connections") == before


async def test_an_idle_pool_has_no_negative_overflow() -> None:
    url = parse_database_url("postgresql://api@127.0.0.1:1/app")
    pool = PoolSettings(size=3, overflow=2, timeout=1, recycle=60)
    database = Database(create_engine(url, pool))
    assert database.pool_status() == {"size": 3, "checked_out": 0, "overflow": 0}
    await database.close()


async def test_requests_are_counted_by_route_and_status(database: RollbackDatabase) -> None:
    metrics = Metrics(database)
    metrics.observe("GET", "/api/v1/modules", 200, 0.003)
    assert samples(metrics, "http_requests")[("GET", "/api/v1/modules", "200")] == 1
    counted = samples(metrics, "http_request_seconds")
    assert counted[("0.002", "GET", "/api/v1/modules")] == 0
    assert counted[("0.005", "GET", "/api/v1/modules")] == 1


async def test_each_process_has_its_own_registry(database: RollbackDatabase) -> None:
    first, second = Metrics(database), Metrics(database)
    first.observe("GET", "/", 200, 0.001)
    assert samples(second, "http_requests") == {}


async def test_invented_methods_make_no_series(database: RollbackDatabase) -> None:
    metrics = Metrics(database)
    for number in range(3):
        metrics.observe(f"INVENTED{number}", "unmatched", 405, 0.001)
    assert samples(metrics, "http_requests") == {("other", "unmatched", "405"): 3}
