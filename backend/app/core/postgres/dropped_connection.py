"""Deals with connections that end while they are idle: a restarted pooler or server, a failover.

Idle connections are replaced and reads are repeated, which loses nothing. Writes are never repeated
here, because a write whose connection ended may or may not have been committed.
"""

import asyncpg
from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.engine.result import Result
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.orm import ORMExecuteState, Session
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

_DROPPED = (
    ConnectionError,
    asyncpg.exceptions.PostgresConnectionError,
    asyncpg.exceptions.AdminShutdownError,
    asyncpg.exceptions.CrashShutdownError,
    asyncpg.exceptions.IdleInTransactionSessionTimeoutError,
    asyncpg.exceptions.IdleSessionTimeoutError,
    # The driver raises this while the server's last message has not arrived yet.
    asyncpg.exceptions.InternalClientError,
)
MAY_BE_DROPPED = (*_DROPPED, DBAPIError)


def is_dropped(error: BaseException) -> bool:
    """Tell whether the connection has ended, in which case another one may still work."""
    if isinstance(error, DBAPIError):
        cause = driver_error(error)
        return error.connection_invalidated or (cause is not None and is_dropped(cause))
    return isinstance(error, _DROPPED)


def is_read_only(error: BaseException) -> bool:
    return isinstance(error, asyncpg.exceptions.ReadOnlySQLTransactionError)


def leaves_usable(error: BaseException) -> bool:
    """Tell whether a connection may be used again after its statement met this error.

    It may only if the error came from the server. Otherwise the connection may be in the middle of
    a message.
    """
    return isinstance(error, asyncpg.PostgresError) and not is_read_only(error)


def driver_error(error: DBAPIError) -> BaseException | None:
    """Return asyncpg's own exception below SQLAlchemy's adapter."""
    original = error.orig
    return original.__cause__ if original is not None else None


def replace_dropped_connections(engine: Engine) -> None:
    """Let the pool hand out no connection that the server has closed. Costs no round trip."""
    event.listen(engine, "checkout", _refuse_closed)
    event.listen(engine, "handle_error", _forget_dropped)


def _refuse_closed(
    connection: DBAPIConnection, _entry: ConnectionPoolEntry, _proxy: PoolProxiedConnection
) -> None:
    driver = getattr(connection, "driver_connection", None)
    if isinstance(driver, asyncpg.Connection) and driver.is_closed():
        raise DisconnectionError


def _forget_dropped(context: ExceptionContext) -> None:
    """Replace a connection that has ended and all older ones, which probably have ended too.

    A connection to a server that is read-only is replaced alone. A new one may reach another
    server, or the same one after it was made writable.
    """
    error = context.original_exception
    cause = getattr(error, "__cause__", None) or error
    if is_read_only(cause):
        context.is_disconnect, context.invalidate_pool_on_disconnect = True, False
    elif is_dropped(cause) or isinstance(cause, TimeoutError):
        # The driver waits longer than the server's own statement limit, so the server is not
        # answering.
        context.is_disconnect = True


class ReadingSession(Session):
    """Repeats a statement once, on another connection, when its own turns out to be dead."""


@event.listens_for(ReadingSession, "do_orm_execute")
def _repeat_read(state: ORMExecuteState) -> Result[*tuple[object, ...]] | None:
    if state.is_relationship_load or state.is_column_load or not _only_reads(state):
        return None
    try:
        return state.invoke_statement()
    except DBAPIError as error:
        if not is_dropped(error):
            raise
    # What was loaded before keeps its values, detached; a rollback would expire them.
    state.session.reset()
    return state.invoke_statement()


def _only_reads(state: ORMExecuteState) -> bool:
    return not (state.is_insert or state.is_update or state.is_delete)
