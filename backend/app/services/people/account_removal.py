"""Removes sign-in accounts that were given up. Steps that services share."""

import asyncio
import uuid
from collections.abc import Sequence

import structlog

from app.core.database import Database
from app.core.errors import AppError
from app.integrations.auth_admin import AuthAdmin, AuthUnavailableError, AuthUser
from app.services.context import SYSTEM
from app.services.unit_of_work import UnitOfWork

AT_ONCE = 8

log = structlog.get_logger(__name__)


async def given_up_accounts(database: Database) -> list[uuid.UUID]:
    async with UnitOfWork(database, SYSTEM, reads=True) as uow:
        return await uow.account_removals.noted()


async def remove_accounts(
    database: Database, auth: AuthAdmin, account_ids: Sequence[uuid.UUID]
) -> int:
    """Delete noted accounts, and forget each that Auth says is gone; return how many remain."""
    remain = 0
    for first in range(0, len(account_ids), AT_ONCE):
        some = account_ids[first : first + AT_ONCE]
        answers = await asyncio.gather(*(_is_removed(auth, account_id) for account_id in some))
        removed = [account_id for account_id, gone in zip(some, answers, strict=True) if gone]
        remain += len(some) - len(removed)
        async with UnitOfWork(database, SYSTEM) as uow:
            await uow.account_removals.done(removed)
    return remain


async def remove_account_of(database: Database, auth: AuthAdmin, email: str) -> None:
    """Remove the given-up account that has this address, if one has.

    Raises AuthUnavailableError if it stays: who is invited would otherwise get that account.
    """
    # All at once, because a request waits for it: together they take no longer than one.
    noted = await given_up_accounts(database)
    found = await asyncio.gather(*(_account(auth, account_id) for account_id in noted))
    held = [account.id for account in found if account is not None and account.email == email]
    if await remove_accounts(database, auth, held):
        raise AuthUnavailableError


async def _is_removed(auth: AuthAdmin, account_id: uuid.UUID) -> bool:
    """Whatever Auth says of one account, the others are not to wait for it."""
    try:
        await auth.delete_user(account_id)
    except AppError as error:
        log.warning("account_removal_delayed", code=error.code, account_id=str(account_id))
        return False
    return True


async def _account(auth: AuthAdmin, account_id: uuid.UUID) -> AuthUser | None:
    try:
        return await auth.get_user(account_id)
    except AppError as error:
        log.warning("account_removal_unread", code=error.code, account_id=str(account_id))
        return None
