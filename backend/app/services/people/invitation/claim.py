"""Claims on an address or a person: one request at a time asks the Auth service about them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

from app.core.database import Database
from app.core.errors import ConflictError
from app.services.context import SYSTEM
from app.services.unit_of_work import UnitOfWork

INVITATION_CLAIM: Final = timedelta(seconds=30)
"""Longer than the Auth service is waited for; also the pause between two mails to one person."""

CORRECTION_CLAIM: Final = timedelta(minutes=3)
"""Longer than a correction can take: it waits for the Auth service up to four times."""


class InvitationUnderWayError(ConflictError):
    code = "invitation_under_way"
    title = "This address is being invited, or was a moment ago"
    detail = "Another mail would kill the link of the last one. Wait half a minute."


@asynccontextmanager
async def claimed(
    database: Database, what: str, lasting: timedelta, *, keep: bool
) -> AsyncIterator[None]:
    """Let nobody else claim the same within the block: an address that is invited, for example.

    `lasting` has to be longer than the block can take. With `keep` the claim lasts that long,
    unless the block fails. It is committed before the Auth service is asked: no transaction waits
    for that.
    """
    async with UnitOfWork(database, SYSTEM) as uow:
        claimed_until = await uow.invitations.claim(what, lasting)
        if claimed_until is None:
            raise InvitationUnderWayError
    try:
        yield
    except BaseException:
        keep = False
        raise
    finally:
        if not keep:
            async with UnitOfWork(database, SYSTEM) as uow:
                await uow.invitations.give_back(what, claimed_until)
