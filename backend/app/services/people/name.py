"""Steps that services share when a person is named or renamed."""

import uuid

from app.core.errors import ForbiddenError
from app.domain.fields import is_name
from app.domain.people.name import Naming, comparable_name, named_by_oneself
from app.models import User
from app.services.unit_of_work import UnitOfWork


class OwnNameError(ForbiddenError):
    code = "own_name"
    detail = "Somebody else has to confirm your name."


async def naming_of_newcomer(uow: UnitOfWork, name: str | None) -> Naming:
    """Return the naming of a new person who gives their own name."""
    return await _named(uow, None, Naming(None), name if name and is_name(name) else None)


async def rename(
    uow: UnitOfWork,
    user: User,
    known: Naming,
    before: dict[str, object],
    after: dict[str, object],
) -> None:
    """Decide whether the new name of `user` counts at once or has to be confirmed.

    `known` is the naming before the change. If this is changed, it is added to `before` and
    `after`, which go into the audit trail.
    """
    own = uow.actor_id == user.id
    user.naming = (
        await _named(uow, user.id, known, user.full_name) if own else Naming(user.full_name)
    )
    if user.name_confirmed is not known.confirmed:
        before["name_confirmed"], after["name_confirmed"] = known.confirmed, user.name_confirmed


async def _named(
    uow: UnitOfWork, user_id: uuid.UUID | None, known: Naming, name: str | None
) -> Naming:
    if name is None or known.directory_name is not None:
        return named_by_oneself(known, name, [])
    # If another transaction is just giving the same name, the name is treated as taken and has to
    # be confirmed. Waiting for that transaction could end in a deadlock.
    alone = await uow.users.claim_name(comparable_name(name))
    others = await uow.users.names_of_others(user_id) if alone else [name]
    return named_by_oneself(known, name, others)
