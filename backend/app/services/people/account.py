"""Sign-in accounts that were deleted. A person who returns gets a new one for the same row."""

import uuid

from app.domain.audit import AuditAction
from app.integrations.auth_admin import AuthAdmin
from app.models import User
from app.services.unit_of_work import UnitOfWork


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
