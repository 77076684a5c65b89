"""Whether this process can serve: the database takes changes and has a schema that fits."""

from sqlalchemy.exc import ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.core.database import Database
from app.core.errors import UnavailableError
from app.core.postgres.failure import ReadOnlyError
from app.services.context import SYSTEM
from app.services.unit_of_work import UnitOfWork

READY, BUSY = "ok", "busy"


class NotMigratedError(UnavailableError):
    code = "not_migrated"
    title = "The database is not migrated"
    detail = "The schema is not this release's: run `alembic upgrade head`, or the release before."
    retry_after_seconds = 5


async def check_readiness(database: Database) -> str:
    """Return how it is; raise UnavailableError (503) while requests would fail.

    A process without a free connection counts as ready: it is only busy, and so probably are the
    other processes. Limits on locks and statements make sure that connections become free.
    """
    async with UnitOfWork(database, SYSTEM, reads=True) as uow:
        try:
            state = await uow.server.schema_state()
        except ProgrammingError:
            # The table of revisions does not exist, or the API's role may not read it.
            raise NotMigratedError from None
        except PoolTimeoutError:
            return BUSY
    if not state.fits:
        raise NotMigratedError
    if state.is_read_only:
        raise ReadOnlyError
    return READY
