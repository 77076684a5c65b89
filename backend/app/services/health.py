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
    def __init__(self) -> None:
        super().__init__("not_migrated", "The database is not migrated", retry_after_seconds=5)


async def check_readiness(database: Database) -> str:
    """Return how it is; raise UnavailableError (503) while requests would fail.

    A process without a free connection is ready: it is in use, and the others of the fleet are as
    busy. What holds its connections ends by itself, by the limits of locks and of statements.
    """
    async with UnitOfWork(database, SYSTEM, reads=True) as uow:
        try:
            state = await uow.server.schema_state()
        except ProgrammingError:
            # There is no table of revisions, or none for us to read.
            raise NotMigratedError from None
        except PoolTimeoutError:
            return BUSY
    if not state.fits:
        raise NotMigratedError
    if state.is_read_only:
        raise ReadOnlyError
    return READY
