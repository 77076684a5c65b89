"""Statements on the driver that find their own caller, so that a request is one round trip."""

import functools
import uuid
from typing import TypeAlias

import asyncpg

from app.core.auth.security import Claims
from app.core.database import Fetch

Caller: TypeAlias = uuid.UUID | Claims
"""Somebody known by id, or whom a verified token names.

The latter must be active, with a row that says what the token says; else there is no caller.
"""

_BY_ID = "WITH caller AS (SELECT id, role, location_id FROM users WHERE id = $1)"


def named_by(subject: str, signed_in_at: str, email: str) -> str:
    """Return the condition on `users` that a token names this row, and that nothing needs mending.

    As UserSync decides the latter. The arguments are expressions of SQL.
    """
    return f"""supabase_id = {subject} AND is_active AND last_sign_in >= {signed_in_at}
           AND ({email}::text IS NULL OR email = {email}::text)"""


async def run_for(
    fetch: Fetch, caller: Caller, statement: str, *arguments: object
) -> list[asyncpg.Record]:
    """Run a statement that goes on after the common table expression `caller`.

    Its arguments start at $2. `caller` has one row, with id, role and location_id, or none.
    """
    if isinstance(caller, uuid.UUID):
        return await fetch(_BY_ID + statement, caller, *arguments)
    facts = (caller.signed_in_at, caller.email)
    return await fetch(_by_claims(len(arguments)) + statement, caller.subject, *arguments, *facts)


@functools.cache
def _by_claims(arguments: int) -> str:
    """Let what the token says follow the statement's own arguments."""
    last = 1 + arguments
    named = named_by("$1", f"${last + 1}", f"${last + 2}")
    return f"WITH caller AS (SELECT id, role, location_id FROM users WHERE {named})"  # noqa: S608  # made of constants
