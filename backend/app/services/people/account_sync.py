"""Brings the directory up to the accounts of Supabase Auth: deletions and changed addresses.

Idempotent. Accounts are left as they are but for those of which a note says what is still to be
done, and nobody is removed: evidence stays where it is. A person who returns after the account was
deleted gets a new one for the same row.
"""

import asyncio
import math
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import TypeVar

from app.core.database import Database
from app.core.errors import ConflictError
from app.domain.audit import AuditAction
from app.domain.people.account_sync import (
    Account,
    AddressChange,
    LinkedPerson,
    differences,
    is_too_many,
    without_account,
)
from app.integrations.auth_admin import AuthAdmin, AuthUser
from app.models import User
from app.repositories.people.account_sync import TakenOver
from app.services.base import Service
from app.services.compliance.reconciliation import BATCH, reconcile
from app.services.context import SYSTEM
from app.services.people.account_note import (
    given_up_accounts,
    moved_accounts,
    remove_accounts,
    settle_moves,
)
from app.services.unit_of_work import UnitOfWork

PER_PAGE = 500
PEOPLE_A_TRANSACTION = 500
QUESTIONS_AT_ONCE = 8
REPEATED_PAGES = 3
"""After this many pages without a new account, the list is taken for endless."""


T = TypeVar("T")
Accounts = dict[uuid.UUID, Account]


class TooManyGoneError(ConflictError):
    code = "too_many_deactivations"
    title = "Too many accounts are missing"

    def __init__(self, gone: int, people: int) -> None:
        super().__init__(
            f"At least {gone} of {people} people have no account in Supabase. Nothing was changed. "
            "Look at SUPABASE_URL and at the list there; if they really left, say --confirm.",
        )


class NoAccountsError(ConflictError):
    code = "no_accounts"
    title = "Supabase lists no account at all"

    def __init__(self, people: int) -> None:
        super().__init__(f"{people} people have one by what we know. Nothing was changed.")


@dataclass(frozen=True, slots=True)
class AccountsSynced:
    accounts: int
    people: int
    """Active people with an account, as we knew them."""

    deactivated: int
    emails_changed: int
    confirmed: int
    """People whose address we had and who have confirmed it since."""

    held_back: int
    """Confirmed addresses that were not taken over: another person or several accounts have them,
    they are not allowed, or the person's row was locked."""

    unconfirmed: int
    strangers: int
    """Accounts without a person: they become one with their first request."""

    unlinked: tuple[str, ...]
    """Addresses of active people without an account."""

    given_up: int
    """Accounts that are still to be removed: Auth has not said yet that they are gone."""

    apart: int
    """Accounts that may have another address than their row: Auth has not said yet that not."""

    @property
    def changed(self) -> int:
        return self.deactivated + self.emails_changed + self.confirmed


class AccountSyncService(Service):
    """`confirm_share`: a larger share of people without an account needs a confirmation."""

    def __init__(
        self,
        database: Database,
        auth: AuthAdmin,
        confirm_share: float,
        sign_up_domains: Collection[str],
    ) -> None:
        super().__init__(database, SYSTEM)
        self._auth = auth
        self._confirm_share = confirm_share
        self._domains = frozenset(sign_up_domains)

    async def run(
        self,
        *,
        dry_run: bool = False,
        confirmed: bool = False,
        progress: Callable[[int], None] = lambda _: None,
    ) -> AccountsSynced:
        """Compare and follow; a dry run counts and rolls back.

        Raises TooManyGoneError unless `confirmed`, NoAccountsError, and AuthUnavailableError:
        all of them before anything is written.
        """
        given_up, apart = await self._work_off_notes(dry_run=dry_run)
        async with self.reading() as uow:
            as_of = await uow.now()
        accounts = await self._accounts(progress)
        listed = len(accounts)
        async with self.reading() as uow:
            known, unlinked = await uow.account_sync.linked(), await uow.account_sync.unlinked()
        people = [person for person in known if person.is_active]
        if people and not accounts:
            raise NoAccountsError(len(people))
        strangers = len(accounts.keys() - {person.account_id for person in known})
        most = len(people) if confirmed else self._confirm_share * len(people)
        gone = await self._really_gone(without_account(people, accounts), accounts, most)
        if is_too_many(gone, people, self._confirm_share) and not confirmed:
            raise TooManyGoneError(len(gone), len(people))
        left = [person for person in known if not person.is_active]
        forgotten = await self._really_gone(without_account(left, accounts), accounts)
        found = differences(people, accounts, self._domains)
        deactivated = await self._deactivate(gone, dry_run=dry_run)
        await self._forget(forgotten, dry_run=dry_run)
        taken = await self._take_over(found.changes, as_of, dry_run=dry_run)
        moved = sum(each.email != each.email_before for each in taken)
        return AccountsSynced(
            accounts=listed,
            people=len(people),
            deactivated=deactivated,
            emails_changed=moved,
            confirmed=len(taken) - moved,
            held_back=len(found.changes) - len(taken) + len(found.clashes),
            unconfirmed=found.unconfirmed,
            strangers=strangers,
            unlinked=tuple(unlinked),
            given_up=given_up,
            apart=apart,
        )

    async def _work_off_notes(self, *, dry_run: bool) -> tuple[int, int]:
        """Return how many accounts are still to be removed, and to follow their row."""
        given_up = await given_up_accounts(self._database)
        moved = await moved_accounts(self._database)
        if dry_run:
            return len(given_up), len(moved)
        return (
            await remove_accounts(self._database, self._auth, given_up),
            await settle_moves(self._database, self._auth, moved),
        )

    async def _accounts(self, progress: Callable[[int], None]) -> Accounts:
        """Read the list to its end.

        The list has no stable order. Of accounts made at the same instant, some come twice and some
        never, and a page of known accounts may come before a page with new ones. Accounts that are
        on no page are therefore asked for by id.
        """
        accounts: Accounts = {}
        seen: set[uuid.UUID] = set()
        repeated = 0
        for page in count(1):
            users = await self._auth.list_users(page, PER_PAGE)
            repeated = repeated + 1 if seen.issuperset(user.id for user in users) else 0
            if not users or repeated == REPEATED_PAGES:
                break
            seen.update(user.id for user in users)
            accounts.update((user.id, _account(user)) for user in users if not user.is_deleted)
            progress(len(accounts))
        return accounts

    async def _really_gone(
        self, missing: Sequence[LinkedPerson], accounts: Accounts, most: float = math.inf
    ) -> list[LinkedPerson]:
        """Ask for each account by id, and add those that exist to `accounts`.

        Pages shift while accounts are made and deleted, so an account that was on no page may
        still exist. Stops asking once more than `most` are gone, since the run is then refused.
        """
        gone: list[LinkedPerson] = []
        for some in _parts(missing, QUESTIONS_AT_ONCE):
            answers = await asyncio.gather(
                *(self._auth.get_user(person.account_id) for person in some)
            )
            accounts.update((user.id, _account(user)) for user in answers if user is not None)
            gone += without_account(some, accounts)
            if len(gone) > most:
                break
        return gone

    async def _forget(self, gone: Sequence[LinkedPerson], *, dry_run: bool) -> None:
        """Clear deleted accounts from rows of people who left, so that they can get another."""
        for some in _parts(gone, PEOPLE_A_TRANSACTION):
            async with self.work() as uow:
                await uow.account_sync.take_turns()
                forgotten = await uow.account_sync.forget(some, active=False)
                await uow.audit_many(
                    AuditAction.USER_ACCOUNT_FORGOTTEN,
                    [
                        (each, {"supabase_id": str(account)}, {"supabase_id": None})
                        for each, account in forgotten
                    ],
                )
                if dry_run:
                    uow.discard()

    async def _deactivate(self, gone: Sequence[LinkedPerson], *, dry_run: bool) -> int:
        """Close the rows of people whose account is gone.

        Tokens that are still valid make no new row, because that needs an existing account.
        """
        done = 0
        for some in _parts(gone, PEOPLE_A_TRANSACTION):
            async with self.work() as uow:
                await uow.account_sync.take_turns()
                closed = await uow.account_sync.forget(some, active=True)
                await uow.audit_many(
                    AuditAction.USER_ACCOUNT_DELETED,
                    [
                        (
                            each,
                            {"is_active": True, "supabase_id": str(account)},
                            {"is_active": False, "supabase_id": None},
                        )
                        for each, account in closed
                    ],
                )
                for batch in _parts([each for each, _ in closed], BATCH):
                    await reconcile(uow, batch)
                done += len(closed)
                if dry_run:
                    uow.discard()
        return done

    async def _take_over(
        self, changes: Sequence[AddressChange], as_of: datetime, *, dry_run: bool
    ) -> list[TakenOver]:
        """Apply the address changes, repeatedly while that changes something.

        A person's new address may be one that another person's change makes free.
        """
        taken: list[TakenOver] = []
        pending = list(changes)
        while pending:
            done = [
                each
                for some in _parts(pending, PEOPLE_A_TRANSACTION)
                for each in await self._take_over_some(some, as_of, dry_run=dry_run)
            ]
            if not done:
                break
            taken += done
            finished = {each.id for each in done}
            pending = [change for change in pending if change.id not in finished]
        return taken

    async def _take_over_some(
        self, changes: Sequence[AddressChange], as_of: datetime, *, dry_run: bool
    ) -> list[TakenOver]:
        async with self.work() as uow:
            await uow.account_sync.take_turns()
            taken = await uow.account_sync.take_over(changes, as_of)
            await _audit(uow, taken)
            if dry_run:
                uow.discard()
        return taken


async def _audit(uow: UnitOfWork, taken: Sequence[TakenOver]) -> None:
    moved = [each for each in taken if each.email != each.email_before]
    confirmed = [each for each in taken if each.email == each.email_before]
    await uow.audit_many(
        AuditAction.USER_EMAIL_CHANGED,
        [(each.id, {"email": each.email_before}, {"email": each.email}) for each in moved],
    )
    await uow.audit_many(
        AuditAction.USER_EMAIL_CONFIRMED,
        [(each.id, {"email_confirmed": False}, {"email_confirmed": True}) for each in confirmed],
    )


def _account(user: AuthUser) -> Account:
    return Account(user.email, user.email_confirmed)


def _parts(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[first : first + size] for first in range(0, len(items), size))


async def lost_account(auth: AuthAdmin, user: User) -> uuid.UUID | None:
    """Return the account that a closed person had and that is no more; asks the Auth service."""
    if user.is_active or user.supabase_id is None:
        return None
    return user.supabase_id if await auth.get_user(user.supabase_id) is None else None


def forget_account(
    user: User,
    lost: uuid.UUID | None,
    before: dict[str, object],
    after: dict[str, object],
) -> None:
    """Clear the deleted account from a row, so that an invitation or a sign-in can set another."""
    if lost is None or user.supabase_id != lost:
        return
    before["supabase_id"], after["supabase_id"] = str(lost), None
    user.supabase_id = None
    user.email_confirmed = False


async def forget_lost_account(uow: UnitOfWork, user: User, lost: uuid.UUID | None) -> None:
    before: dict[str, object] = {}
    after: dict[str, object] = {}
    forget_account(user, lost, before, after)
    if after:
        await uow.audit(AuditAction.USER_ACCOUNT_FORGOTTEN, user, before=before, after=after)


async def forget_account_of(uow: UnitOfWork, user: User) -> None:
    """Clear the account from the row of somebody who stays."""
    await forget_lost_account(uow, user, user.supabase_id)
    await uow.users.save(user)
