"""Who may change whose access."""

import uuid

from app.domain.actor import Role


def takes_own_access(
    actor_id: uuid.UUID | None, user_id: uuid.UUID, *, is_active: bool, before: Role, after: Role
) -> bool:
    """Say whether somebody changes their own role, or closes their own account.

    This holds for every route and for changes on a later day as well, because they might not be
    able to undo it themselves.
    """
    return actor_id == user_id and (not is_active or before is not after)
