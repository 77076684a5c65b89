"""Statements that also look up the caller, so that a request takes one round trip."""

import functools
import uuid
from typing import TypeAlias

import asyncpg

from app.core.auth.security import Claims
from app.core.database import Fetch

Caller: TypeAlias = uuid.UUID | Claims
"""The caller, by id or by the verified claims of a token.

With claims the caller's row must be active and agree with them; otherwise no caller is found.
"""

_CALLER = """
    WITH caller AS (
        SELECT id, role, location_id, full_name, email FROM users WHERE {})
"""
_BY_ID = _CALLER.format("id = $1")


def named_by(subject: str, signed_in_at: str, email: str) -> str:
    """Return the condition that a row of `users` is the token's and needs no update from it.

    `UserSync` decides in the same way whether a row needs one. The arguments are SQL expressions.
    """
    return f"""supabase_id = {subject} AND is_active AND last_sign_in >= {signed_in_at}
           AND ({email}::text IS NULL OR email = {email}::text)"""


async def run_for(
    fetch: Fetch, caller: Caller, statement: str, *arguments: object
) -> list[asyncpg.Record]:
    """Run a statement that goes on after the common table expression `caller`.

    Its arguments start at $2. `caller` has one row, with id, role, location_id, full_name and
    email, or none.
    """
    if isinstance(caller, uuid.UUID):
        return await fetch(_BY_ID + statement, caller, *arguments)
    facts = (caller.signed_in_at, caller.email)
    return await fetch(_by_claims(len(arguments)) + statement, caller.subject, *arguments, *facts)


@functools.cache
def _by_claims(arguments: int) -> str:
    """Append the values of the token to the statement's own arguments."""
    last = 1 + arguments
    named = named_by("$1", f"${last + 1}", f"${last + 2}")
    return _CALLER.format(named)
