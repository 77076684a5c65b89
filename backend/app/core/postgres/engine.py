"""The engine: how connections are made, and which statements are logged as slow."""

import time
from collections.abc import Callable
from typing import Any

import orjson
import structlog
from sqlalchemy import Engine, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from app.core.config import PoolSettings
from app.core.postgres.connection import Connector, Credentials
from app.core.postgres.dropped_connection import replace_dropped_connections
from app.core.postgres.fair_pool import FairPool
from app.core.postgres.url import DatabaseUrl, PoolerMode

log = structlog.get_logger(__name__)

UNANSWERED_SECONDS = 5.0
"""How much longer than the server's statement timeout to wait before giving up a connection."""


def _dumps(value: object) -> str:
    # asyncpg returns UUIDs as a subclass of its own, which orjson cannot serialise without
    # `default`.
    return orjson.dumps(value, default=str).decode()


def create_engine(  # noqa: PLR0913  # the settings of one engine, by name
    database: DatabaseUrl,
    pool: PoolSettings,
    *,
    connect_timeout: float = 5.0,
    statement_timeout_ms: int = 15_000,
    slow_query_ms: float = 0,
    reread: Callable[[], Credentials] | None = None,
) -> AsyncEngine:
    """Make the engine. `pool_pre_ping` stays off: it costs three round trips a checkout.

    `reread` is called for new credentials when the server refuses those of the URL.
    """
    arguments = database.connect_args | {
        "async_creator_fn": Connector(reread),
        "timeout": connect_timeout,
        "command_timeout": statement_timeout_ms / 1000 + UNANSWERED_SECONDS,
    }
    if database.mode is PoolerMode.DIRECT:
        # Poolers refuse settings at the start of a session. Behind one, the limit that is set on
        # the database role applies.
        arguments["server_settings"] = {"statement_timeout": str(statement_timeout_ms)}
    engine = create_async_engine(
        database.url,
        connect_args=arguments,
        poolclass=FairPool,
        pool_size=pool.size,
        max_overflow=pool.overflow,
        pool_timeout=pool.timeout,
        pool_recycle=pool.recycle,
        json_serializer=_dumps,
        json_deserializer=orjson.loads,
    )
    replace_dropped_connections(engine.sync_engine)
    if slow_query_ms:
        _log_slow_queries(engine.sync_engine, slow_query_ms)
    return engine


def _log_slow_queries(engine: Engine, threshold_ms: float) -> None:
    @event.listens_for(engine, "before_cursor_execute")
    def _start(*arguments: Any) -> None:  # noqa: ANN401  # the event's own signature
        arguments[4].query_started = time.perf_counter()

    @event.listens_for(engine, "after_cursor_execute")
    def _stop(*arguments: Any) -> None:  # noqa: ANN401  # the event's own signature
        log_if_slow(arguments[2], arguments[4].query_started, threshold_ms)


def log_if_slow(statement: str, started: float, threshold_ms: float) -> None:
    duration_ms = (time.perf_counter() - started) * 1000
    if duration_ms >= threshold_ms:
        # The parameters are not logged, because they may be personal data.
        log.warning("slow_query", statement=statement[:500], duration_ms=round(duration_ms))
