"""Grants learners access to their own rows through Supabase Realtime, or revokes it."""

from app.core.errors import ForbiddenError
from app.repositories.study.realtime import PUBLISHED, READABLE, Exposure, RealtimeRepository
from app.services.base import Service
from app.services.unit_of_work import UnitOfWork


class RealtimeNeedsOwnerError(ForbiddenError):
    code = "not_the_owner"
    detail = "Opening tables needs the owner of the schema: set MIGRATION_DATABASE_URL."


class RealtimeService(Service):
    """Needs the owner's connection, because the API's role may not grant rights."""

    async def enable(self) -> list[Exposure]:
        """Grant exactly the readable columns and publish their tables. May be repeated."""
        async with self.work() as uow:
            realtime = await _owned(uow)
            # Rights that an earlier release granted and this one does not are revoked.
            await realtime.revoke()
            await realtime.grant()
            await realtime.publish()
            return await realtime.exposures()

    async def disable(self) -> list[Exposure]:
        """Revoke all of it. May be repeated."""
        async with self.work() as uow:
            realtime = await _owned(uow)
            await realtime.withdraw()
            await realtime.revoke()
            return await realtime.exposures()

    async def status(self) -> list[Exposure]:
        async with self.reading() as uow:
            return await uow.realtime.exposures()


async def _owned(uow: UnitOfWork) -> RealtimeRepository:
    realtime = uow.realtime
    if not await realtime.is_owner():
        raise RealtimeNeedsOwnerError
    return realtime


def is_as_enabled(exposure: Exposure) -> bool:
    """Tell whether `enable` would change nothing about the table."""
    return exposure.columns == frozenset(READABLE[exposure.table]) and exposure.published == (
        exposure.table in PUBLISHED
    )
