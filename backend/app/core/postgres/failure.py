"""Translates errors of the database: into "try again later" where that helps, else not at all."""

import asyncio

import asyncpg
import structlog
from asyncpg import exceptions as pg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.core.errors import OverloadedError, UnavailableError
from app.core.postgres.connection import NotConnectedError
from app.core.postgres.dropped_connection import driver_error

log = structlog.get_logger(__name__)

# The pool is exhausted, a lock or a statement exceeded the time limit of the role, or there was a
# deadlock.
_CROWDED = (
    PoolTimeoutError,
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,
    asyncpg.QueryCanceledError,
)

# Classes of SQLSTATE. Errors of 08, 53, 57 and 58 come from the server's state, not from the
# statement.
_AWAY = (
    OSError,
    asyncio.TimeoutError,
    pg.PostgresConnectionError,
    pg.InsufficientResourcesError,
    pg.OperatorInterventionError,
    pg.PostgresSystemError,
    pg.IdleInTransactionSessionTimeoutError,
    pg.InternalClientError,
)


def unavailable(error: BaseException) -> UnavailableError | None:
    """Return the error for the client, or None where the statement itself is at fault.

    Errors that pass by themselves, or once an operator has acted, become UnavailableError.
    """
    cause = origin(error)
    if isinstance(cause, _CROWDED):
        return OverloadedError()
    if isinstance(cause, pg.ReadOnlySQLTransactionError):
        return ReadOnlyError()
    invalidated = isinstance(error, DBAPIError) and error.connection_invalidated
    if invalidated or isinstance(error, NotConnectedError) or isinstance(cause, _AWAY):
        return DatabaseUnavailableError()
    return None


def log_unavailable(code: str, error: BaseException) -> None:
    """Log why something has to be tried again, without the message, which may quote a statement."""
    reason = type(origin(error)).__name__
    log.warning("unavailable", code=code, reason=reason, sqlstate=sqlstate(error))


# What somebody has to mend before anything works.
_REFUSED = (
    pg.InvalidAuthorizationSpecificationError,
    pg.InvalidCatalogNameError,
    pg.InsufficientPrivilegeError,
)
_OTHER_SCHEMA = (pg.UndefinedTableError, pg.UndefinedColumnError, pg.UndefinedFunctionError)


def to_mend(error: BaseException) -> str | None:
    """Say in one line what a person has to mend; None for a fault of ours."""
    cause = origin(error)
    if isinstance(cause, _REFUSED):
        said = str(cause).partition("\n")[0]
        return f"The database refuses this user: {cause.sqlstate} {said}"
    if lacking(error) is not None:
        return "The database's schema is not this release's: run `alembic upgrade head`"
    if isinstance(cause, OSError) and cause.filename is not None:
        return f"{cause.filename}: {cause.strerror}"
    known = unavailable(error)
    if known is None:
        return None
    state = sqlstate(error)
    return f"{known.title} ({state})" if state else known.title


def lacking(error: BaseException) -> str | None:
    """Return what the code asked for and the schema does not have, in the server's words."""
    cause = origin(error)
    return str(cause).partition("\n")[0] if isinstance(cause, _OTHER_SCHEMA) else None


class DatabaseUnavailableError(UnavailableError):
    code = "database_unavailable"
    title = "The database is not available"


class ReadOnlyError(UnavailableError):
    code = "database_read_only"
    title = "The database takes no changes just now"
    retry_after_seconds = 5


def origin(error: BaseException) -> BaseException:
    """Return the driver's or the system's own exception, below those that wrap it."""
    below = driver_error(error) if isinstance(error, DBAPIError) else None
    if isinstance(error, NotConnectedError):
        below = error.__cause__
    return below or error


def sqlstate(error: BaseException) -> str | None:
    return getattr(origin(error), "sqlstate", None)


def constraint_name(error: DBAPIError) -> str | None:
    """Return the constraint that a statement broke, when the server named one."""
    return getattr(driver_error(error), "constraint_name", None)
