"""Who may change whose access."""

import uuid
from collections.abc import Collection

from app.domain.actor import Actor, Permission, Role
from app.domain.people.manager_change import Oversight


def takes_own_access(
    actor_id: uuid.UUID | None, user_id: uuid.UUID, *, is_active: bool, before: Role, after: Role
) -> bool:
    """Say whether somebody changes their own role, or closes their own account.

    This holds for every route and for changes on a later day as well, because they might not be
    able to undo it themselves.
    """
    return actor_id == user_id and (not is_active or before is not after)


def may_invite(
    actor: Actor, role: Role, oversight: Oversight, offices: Collection[uuid.UUID]
) -> bool:
    """Say whether somebody may invite a person; `offices` are those that they answer for.

    Managers invite learners to offices of theirs, and answer for them by name themselves or not at
    all: nobody gets more rights than a learner or is seen elsewhere on a manager's word.
    """
    if actor.may(Permission.USERS_WRITE):
        return True
    within = oversight.location_id in offices and oversight.manager_id in {None, actor.id}
    return within and role is Role.LEARNER
