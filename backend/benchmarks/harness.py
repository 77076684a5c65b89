"""Limit, idiomatic and served start together, warm up together and take turns in every round."""

import asyncio
import itertools
import random
import statistics
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from app.core.config import Environment, Settings
from app.core.database import Database
from app.core.postgres.table_security import API_ROLE
from benchmarks import dataset, load
from benchmarks.identity import Identity, serve_identity
from benchmarks.operations import Operation, Variant
from benchmarks.servers import TRAINING, Cpu, Server, postgres_cpu_us, uvicorn
from benchmarks.wire import CountingProxy
from devstack.migrate import migrate
from devstack.postgres import EmbeddedPostgres

DATABASE = "bench"
POOL = 5
SAMPLE = 400
WARM_REQUESTS = 200
POSTGRES = {"shared_buffers": "512MB", "autovacuum": "off", "max_connections": "100"}
WIRE_REQUESTS = 20
COUNTS = 3


@dataclass(slots=True)
class Round:
    """Microseconds of processor time for each request, by variant."""

    cpu: dict[Variant, Cpu] = field(default_factory=dict)
    p50_ms: dict[Variant, float] = field(default_factory=dict)
    p99_ms: dict[Variant, float] = field(default_factory=dict)
    failures: int = 0

    def t(self, variant: Variant) -> float:
        # A few quick requests may take less than one tick of the clock, which is measured as zero.
        return self.cpu["limit"].total / max(self.cpu[variant].total, 1)


@dataclass(slots=True)
class Result:
    operation: Operation
    rounds: list[Round]
    round_trips: float
    statements: float
    growth_10x: float | None = None

    @property
    def failures(self) -> int:
        return sum(one.failures for one in self.rounds)

    def median_t(self, variant: Variant = "served") -> float:
        return statistics.median(one.t(variant) for one in self.rounds)

    def latency_ms(self, variant: Variant = "served") -> tuple[float, float]:
        return (
            statistics.median(one.p50_ms[variant] for one in self.rounds),
            statistics.median(one.p99_ms[variant] for one in self.rounds),
        )

    def t_range(self, variant: Variant = "served") -> tuple[float, float]:
        ratios = [one.t(variant) for one in self.rounds]
        return min(ratios), max(ratios)

    def median_cpu(self, variant: Variant = "served") -> Cpu:
        return Cpu(
            statistics.median(one.cpu[variant].app for one in self.rounds),
            statistics.median(one.cpu[variant].postgres for one in self.rounds),
        )


class Bench:
    """One database of one scale, with every variant running on it."""

    def __init__(self, postgres: EmbeddedPostgres, identity: Identity) -> None:
        self.postgres = postgres
        self.identity = identity
        self.proxy = CountingProxy(postgres.port)
        self.servers: dict[Variant, Server] = {}
        self.advance: Callable[[], object] = lambda: None
        """Called after each round."""
        self.counted: Server | None = None
        self.sample: dataset.Sample

    async def start(self) -> None:
        """Start the variants, and one more of the served one behind the counting proxy."""
        await dataset.open_attempts(self.postgres.dsn(DATABASE), SAMPLE)
        self.sample = await dataset.sample(self.postgres.dsn(DATABASE), SAMPLE)
        direct = self.postgres.dsn(DATABASE, API_ROLE)
        common = {
            "BENCH_DSN": direct,
            "BENCH_CONNECTIONS": str(POOL),
            "BENCH_PUBLIC_KEY": self.identity.public_key_pem(),
        }
        # As the owner: only they may COPY into a table with row-level security, and write to tables
        # of evidence without the functions that the API has to call.
        owned = {**common, "BENCH_DSN": self.postgres.dsn(DATABASE)}
        self.servers["limit"] = Server(uvicorn("benchmarks.limit:app"), owned)
        self.servers["idiomatic"] = Server(
            uvicorn("benchmarks.idiomatic:app"), owned, "/openapi.json"
        )
        self.servers["served"] = self.serve(direct, POOL)
        port = await self.proxy.start()
        proxied = direct.replace(str(self.postgres.port), str(port))
        # On a thread: it is ready when the proxy, which runs here, has let it through.
        self.counted = await asyncio.to_thread(self.serve, proxied, 1)

    def serve(self, dsn: str, pool: int) -> Server:
        environment = {
            "ENVIRONMENT": "development",
            "DATABASE_URL": dsn,
            "DATABASE_POOL_SIZE": str(pool),
            "DATABASE_MAX_OVERFLOW": "0",
            "DATABASE_POOL_TIMEOUT": "10",
            "SUPABASE_URL": self.identity.origin,
            "SUPABASE_SECRET_KEY": "sb_secret_bench",
            "LOG_LEVEL": "WARNING",
            # A high limit, because eight assignments of everybody at once are slow without a fault.
            "SLOW_QUERY_MS": "10000",
        }
        return Server(TRAINING, environment, "/api/v1/health/ready")

    async def stop(self) -> None:
        for server in (*self.servers.values(), self.counted):
            if server is not None:
                # On a thread: a server closes connections that run through this event loop.
                await asyncio.to_thread(server.stop)
        await self.proxy.stop()

    async def measure(self, operation: Operation, *, rounds: int, requests: int) -> Result:
        streams = {
            name: operation.requests(name, self.sample, self.identity.token)
            for name in operation.variants
        }
        if operation.writes:
            await self._restore()
        else:
            for name in operation.variants:
                warm = list(itertools.islice(streams[name], WARM_REQUESTS))
                await self._load(name, warm, operation.connections)
        measured = []
        order = list(operation.variants)
        count = min(requests, len(self.sample.unenrolled)) if operation.writes else requests
        count = operation.most_requests or count
        for _ in range(rounds):
            random.shuffle(order)
            one = Round()
            for name in order:
                if operation.writes:
                    await self._restore()
                    streams[name] = operation.requests(name, self.sample, self.identity.token)
                batch = list(itertools.islice(streams[name], count))
                await self._measure_one(one, name, batch, operation.connections)
            measured.append(one)
            self.advance()
        round_trips, statements = await self._count(operation)
        return Result(operation, measured, round_trips, statements)

    async def _measure_one(
        self, one: Round, name: Variant, batch: list[load.Request], connections: int
    ) -> None:
        server, pid = self._server(name), self.postgres.pid
        if pid is None:
            raise RuntimeError
        before = Cpu(server.cpu_us(), postgres_cpu_us(pid))
        outcome = await self._load(name, batch, connections)
        used = Cpu(server.cpu_us(), postgres_cpu_us(pid)).since(before)
        one.cpu[name] = Cpu(used.app / outcome.requests, used.postgres / outcome.requests)
        one.p50_ms[name] = outcome.percentile_ms(0.5)
        one.p99_ms[name] = outcome.percentile_ms(0.99)
        one.failures += outcome.failures

    async def _load(
        self, name: Variant, batch: list[load.Request], connections: int
    ) -> load.LoadResult:
        return await load.run(self._server(name).origin, batch, connections=connections)

    def _server(self, name: Variant) -> Server:
        return self.servers["served" if name == "unchanged" else name]

    async def _count(self, operation: Operation) -> tuple[float, float]:
        """Return round trips and statements per request, on one warm connection.

        The least of several counts: the process also looks for work in the background now and
        then, which no request has asked for.
        """
        counts = [await self._count_once(operation) for _ in range(COUNTS)]
        return min(trips for trips, _ in counts), min(statements for _, statements in counts)

    async def _count_once(self, operation: Operation) -> tuple[float, float]:
        if self.counted is None:
            raise RuntimeError
        if operation.writes:
            await self._restore()
        stream = operation.requests("served", self.sample, self.identity.token)
        count = operation.most_requests or WIRE_REQUESTS
        warm, counted = (list(itertools.islice(stream, count)) for _ in range(2))
        await load.run(self.counted.origin, warm, connections=1)
        counter = self.proxy.counter
        before = (counter.round_trips, counter.statements)
        await load.run(self.counted.origin, counted, connections=1)
        return (
            (counter.round_trips - before[0]) / len(counted),
            (counter.statements - before[1]) / len(counted),
        )

    async def _restore(self) -> None:
        """Take back what the write variants have enrolled."""
        connection = await asyncpg.connect(self.postgres.dsn(DATABASE))
        try:
            await connection.execute(_RESTORE)
            await connection.execute("VACUUM ANALYZE enrollments")
        finally:
            await connection.close()
        await dataset.open_attempts(self.postgres.dsn(DATABASE), SAMPLE)


_RESTORE = "DELETE FROM enrollments WHERE source = 'self' OR progress_percent = 0"


@asynccontextmanager
async def prepared(directory: Path, scale: float) -> AsyncIterator[Bench]:
    """Start PostgreSQL, fill it to the scale, start every variant; stop all of it afterwards."""
    with (
        EmbeddedPostgres(directory / "postgres", settings=POSTGRES) as postgres,
        serve_identity(directory) as identity,
    ):
        await _fill(postgres, scale)
        bench = Bench(postgres, identity)
        try:
            await bench.start()
            yield bench
        finally:
            await bench.stop()


async def _fill(postgres: EmbeddedPostgres, scale: float) -> None:
    connection = await asyncpg.connect(postgres.dsn())
    await connection.execute(f"CREATE DATABASE {DATABASE}")
    await connection.close()
    owner = postgres.dsn(DATABASE)
    await asyncio.to_thread(migrate, owner)
    settings = Settings.model_validate(
        {
            "environment": Environment.TEST,
            "database_url": owner,
            "supabase_url": "http://127.0.0.1",
            "supabase_secret_key": "sb_secret_bench",
        }
    )
    database = Database.from_settings(settings)
    await dataset.build(database, owner, scale)
    await database.close()
