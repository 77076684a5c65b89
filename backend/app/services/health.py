"""Whether this process can serve: the database answers and has the schema of this code."""

from sqlalchemy.exc import ProgrammingError

from app.core.database import Database
from app.core.errors import UnavailableError
from app.core.postgres.schema import SCHEMA_REVISION
from app.services.context import SYSTEM
from app.services.unit_of_work import UnitOfWork


class NotMigratedError(UnavailableError):
    def __init__(self) -> None:
        super().__init__("not_migrated", "The database is not migrated", retry_after_seconds=5)


async def check_readiness(database: Database) -> None:
    """Raise UnavailableError (503) while requests would fail."""
    async with UnitOfWork(database, SYSTEM, reads=True) as uow:
        try:
            revision = await uow.schema_revision()
        except ProgrammingError:
            # There is no table of revisions, or none for us to read.
            raise NotMigratedError from None
        if revision != SCHEMA_REVISION:
            raise NotMigratedError
