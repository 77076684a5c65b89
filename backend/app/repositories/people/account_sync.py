"""Updates many people at a time from the accounts of Supabase Auth."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import DateTime, String, Uuid, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY

from app.domain.people.account_sync import AddressChange, LinkedPerson
from app.models import User
from app.repositories.base import Repository
from app.repositories.unnest import columns, unnesting

# Locked in the order of the addresses, so that two of these transactions never deadlock;
# `UserRepository.lock_email` takes the same locks.
_LOCK_ADDRESSES = text(
    """
    SELECT pg_advisory_xact_lock(hashtextextended('users.email:' || email, 0))
      FROM (SELECT email FROM unnest(:emails) AS email ORDER BY email) AS ordered
    """
).bindparams(bindparam("emails", type_=ARRAY(String())))

# Rows that are locked are skipped until the next run. Waiting for rows while holding the locks on
# addresses could deadlock with a request that has locked its own row and waits for the address.
_TAKE_OVER = unnesting(
    """
    WITH changed AS (
        SELECT u.id, u.email AS email_before, w.email, w.as_of
          FROM users u
          JOIN {rows} AS w (id, supabase_id, email, as_of)
            ON w.id = u.id AND w.supabase_id = u.supabase_id
         WHERE u.is_active
           AND (u.email_as_of IS NULL OR u.email_as_of < w.as_of)
           AND (u.email, u.email_confirmed) IS DISTINCT FROM (w.email, true)
           AND NOT EXISTS (
               SELECT FROM users other
                WHERE lower(other.email) = w.email AND other.is_active AND other.id <> u.id)
           FOR NO KEY UPDATE OF u SKIP LOCKED
    )
    UPDATE users u
       SET email = changed.email, email_confirmed = true, email_as_of = changed.as_of,
           revision = u.revision + 1, updated_at = now()
      FROM changed WHERE changed.id = u.id
    RETURNING u.id, email_before, u.email
    """,
    Uuid(),
    Uuid(),
    String(),
    DateTime(timezone=True),
)

_FORGET = unnesting(
    """
    WITH gone AS (
        SELECT u.id, u.supabase_id
          FROM users u
          JOIN {rows} AS w (id, supabase_id) ON w.id = u.id AND w.supabase_id = u.supabase_id
         WHERE u.is_active = :active
           FOR NO KEY UPDATE OF u SKIP LOCKED
    ), admins AS (
        SELECT count(*) FROM users u
         WHERE u.is_active AND u.role = 'admin' AND u.id NOT IN (SELECT id FROM gone)
    )
    UPDATE users u
       SET is_active = false, supabase_id = NULL, email_confirmed = false,
           revision = u.revision + 1, updated_at = now()
      FROM gone, admins
     WHERE gone.id = u.id AND (admins.count > 0 OR u.role <> 'admin' OR NOT u.is_active)
    RETURNING u.id, gone.supabase_id
    """,
    Uuid(),
    Uuid(),
)


@dataclass(frozen=True, slots=True)
class TakenOver:
    id: uuid.UUID
    email_before: str
    email: str


class AccountSyncRepository(Repository[User]):
    model = User

    async def linked(self) -> list[LinkedPerson]:
        statement = select(
            User.id, User.supabase_id, User.email, User.email_confirmed, User.is_active
        ).where(User.supabase_id.is_not(None))
        return [
            LinkedPerson(user_id, account_id, email, confirmed, active)
            for user_id, account_id, email, confirmed, active in await self.session.execute(
                statement
            )
            if account_id is not None and email is not None
        ]

    async def unlinked(self) -> list[str]:
        """Return the addresses of active people who never signed in, nor were invited."""
        statement = select(User.email).where(User.supabase_id.is_(None), User.is_active)
        addresses = await self.session.scalars(statement.order_by(User.email))
        return [address for address in addresses if address is not None]

    async def take_turns(self) -> None:
        """Let no other reconciliation of accounts run until the transaction ends."""
        key = func.hashtextextended("users:reconcile", 0)
        await self.session.execute(select(func.pg_advisory_xact_lock(key)))

    async def take_over(self, changes: Sequence[AddressChange], as_of: datetime) -> list[TakenOver]:
        """Give people the addresses of their accounts, except those that other people have.

        The list was read at `as_of`. Addresses from tokens that were issued later are kept.
        """
        await self.session.execute(
            _LOCK_ADDRESSES, {"emails": [change.email for change in changes]}
        )
        rows = [(change.id, change.account_id, change.email, as_of) for change in changes]
        return [TakenOver(*row) for row in await self.session.execute(_TAKE_OVER, columns(rows))]

    async def forget(
        self, people: Sequence[LinkedPerson], *, active: bool
    ) -> list[tuple[uuid.UUID, uuid.UUID]]:
        """Take lost accounts off the rows of people, and close those who are `active`.

        Returns each with the account they had. Left out are people who have another account by
        now, and admins if no admin would be left.
        """
        rows = [(person.id, person.account_id) for person in people]
        parameters = {**columns(rows), "active": active}
        return [(row[0], row[1]) for row in await self.session.execute(_FORGET, parameters)]
