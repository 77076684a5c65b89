"""Of two entries' accounts, addresses and numbers, those that the person keeps."""

import uuid

from app.models import User
from app.services.unit_of_work import UnitOfWork

_ACCOUNT = ("supabase_id", "email", "email_confirmed", "email_as_of", "last_sign_in")


async def one_account(uow: UnitOfWork, user: User, merged: User) -> uuid.UUID | None:
    """Close an entry; return the account that is given up, which is noted for its removal.

    The continuing entry's own account stays, unless only the other is in use.
    """
    held = {name: getattr(merged, name) for name in _ACCOUNT}
    takes = _is_better(merged, user)
    given_up = user.supabase_id if takes else merged.supabase_id
    # Closed first: an address, a number and an account are one active person's.
    merged.is_active, merged.supabase_id, merged.email_confirmed = False, None, False
    await uow.users.save(merged)
    if takes:
        for name, value in held.items():
            setattr(user, name, value)
    for name in ("email", "employee_number", "full_name"):
        if getattr(user, name) is None:
            setattr(user, name, getattr(merged, name))
    await uow.users.save(user)
    if given_up is not None:
        await uow.account_removals.note(given_up)
    return given_up


def _is_better(merged: User, user: User) -> bool:
    if merged.supabase_id is None or user.supabase_id is None:
        return merged.supabase_id is not None
    return merged.email_confirmed and not user.email_confirmed
