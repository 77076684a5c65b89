"""Works off what is still to be done with sign-in accounts. Steps that services share.

Accounts that were given up are removed, and those that were moved get the address of their row.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from time import monotonic
from typing import Any, Final

import structlog

from app.core.database import Database
from app.core.errors import AppError
from app.integrations.auth_admin import AuthAdmin, AuthUnavailableError, AuthUser
from app.models import AccountMove, AccountRemoval, User
from app.repositories.people.account_note import AccountNotes
from app.services.context import SYSTEM
from app.services.people.invitation.claim import (
    CORRECTION_CLAIM,
    InvitationUnderWayError,
    claimed,
)
from app.services.unit_of_work import UnitOfWork

AT_ONCE: Final = 8
PATIENCE_SECONDS: Final = 30.0
"""After this long no further account is taken up. Where Auth hangs, the next run does the rest."""

Step = Callable[[uuid.UUID, User | None], Awaitable[None]]
"""What Auth is asked to do with an account, which may be that of a row."""

Notes = Callable[[UnitOfWork], AccountNotes[Any]]

log = structlog.get_logger(__name__)


async def given_up_accounts(database: Database) -> list[uuid.UUID]:
    async with UnitOfWork(database, SYSTEM, reads=True) as uow:
        return await uow.account_removals.noted()


async def moved_accounts(database: Database) -> list[uuid.UUID]:
    async with UnitOfWork(database, SYSTEM, reads=True) as uow:
        return await uow.account_moves.noted()


async def remove_accounts(
    database: Database, auth: AuthAdmin, account_ids: Sequence[uuid.UUID]
) -> int:
    """Delete noted accounts, and forget each that Auth says is gone; return how many remain."""

    async def step(account_id: uuid.UUID, _row: User | None) -> None:
        await auth.delete_user(account_id)

    return await _work_off(database, account_ids, step, _removals)


async def settle_moves(
    database: Database, auth: AuthAdmin, account_ids: Sequence[uuid.UUID]
) -> int:
    """Give noted accounts the address of their rows; return how many may still have another."""

    async def step(account_id: uuid.UUID, row: User | None) -> None:
        await _give_address(auth, account_id, row)

    return await _work_off(database, account_ids, step, _moves)


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


async def remove_account(database: Database, auth: AuthAdmin, account_id: uuid.UUID) -> None:
    """Delete an account and its note. The caller claims the person."""
    await auth.delete_user(account_id)
    await _forget(database, [account_id], _removals)


async def settle_move(database: Database, auth: AuthAdmin, account_id: uuid.UUID) -> None:
    """Give an account the address of its row, whichever that is. The caller claims the person."""
    await _give_address(auth, account_id, await _row_of(database, account_id))
    await _forget(database, [account_id], _moves)


async def _give_address(auth: AuthAdmin, account_id: uuid.UUID, row: User | None) -> None:
    if row is None or row.email is None:
        return
    # A move ends the sessions, so that an account that never left is left alone.
    account = await auth.get_user(account_id)
    if account is not None and account != replace(account, email=row.email):
        await auth.move_user(account_id, row.email)


async def _work_off(
    database: Database, account_ids: Sequence[uuid.UUID], step: Step, notes: Notes
) -> int:
    """Take the step for accounts, some at a time; return for how many it is still to be taken.

    Whatever Auth says of one account, the others are not to wait for it.
    """
    end = monotonic() + PATIENCE_SECONDS
    remain = len(account_ids)
    for first in range(0, len(account_ids), AT_ONCE):
        if monotonic() >= end:
            break
        remain -= await _taken(database, account_ids[first : first + AT_ONCE], step, notes)
    return remain


async def _taken(
    database: Database, account_ids: Sequence[uuid.UUID], step: Step, notes: Notes
) -> int:
    """Take the step for accounts at once; return for how many there is nothing left to do.

    The people are claimed: an address that is just being corrected, or an account that is just
    being opened, is left to whoever does so.
    """
    async with AsyncExitStack() as claims:
        rows = {each: await _row_of(database, each) for each in account_ids}
        mine = [each for each in account_ids if await _claims(claims, database, each, rows[each])]
        async with UnitOfWork(database, SYSTEM, reads=True) as uow:
            noted = set(await notes(uow).noted())
        asked = [each for each in mine if each in noted]
        told = await asyncio.gather(*(_tried(step, each, rows[each]) for each in asked))
        done = {each for each in mine if each not in noted} | {each for each in told if each}
        await _forget(database, done, notes)
    return len(done)


async def _claims(
    claims: AsyncExitStack, database: Database, account_id: uuid.UUID, row: User | None
) -> bool:
    """Claim the person. An account that is being opened has its person's id, and no row yet."""
    person = f"user:{row.id if row else account_id}"
    try:
        await claims.enter_async_context(claimed(database, person, CORRECTION_CLAIM, keep=False))
    except InvitationUnderWayError:
        return False
    return True


async def _tried(step: Step, account_id: uuid.UUID, row: User | None) -> uuid.UUID | None:
    """Return the account if the step succeeded."""
    try:
        await step(account_id, row)
    except AppError as error:
        log.warning("account_note_kept", code=error.code, account_id=str(account_id))
        return None
    return account_id


async def _forget(database: Database, account_ids: Collection[uuid.UUID], notes: Notes) -> None:
    async with UnitOfWork(database, SYSTEM) as uow:
        await notes(uow).done(account_ids)


async def _row_of(database: Database, account_id: uuid.UUID) -> User | None:
    async with UnitOfWork(database, SYSTEM, reads=True) as uow:
        return await uow.users.by_supabase_id(account_id)


def _removals(uow: UnitOfWork) -> AccountNotes[AccountRemoval]:
    return uow.account_removals


def _moves(uow: UnitOfWork) -> AccountNotes[AccountMove]:
    return uow.account_moves


async def _account(auth: AuthAdmin, account_id: uuid.UUID) -> AuthUser | None:
    try:
        return await auth.get_user(account_id)
    except AppError as error:
        log.warning("account_note_unread", code=error.code, account_id=str(account_id))
        return None
