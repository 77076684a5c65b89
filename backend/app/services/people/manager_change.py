"""Who a person's manager is, and who sees the person after a move. Steps that services share."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from pydantic import MISSING

from app.core.errors import FieldError, InvalidPayloadError
from app.domain.people.manager_change import Oversight
from app.models import User
from app.schemas.people.employment import Seer
from app.services.unit_of_work import UnitOfWork


class Overseen(NamedTuple):
    """Who answers for somebody on a day."""

    day: date
    oversight: Oversight


@dataclass(frozen=True, slots=True)
class Move:
    """What a move changes about who sees somebody."""

    before: Oversight
    after: Oversight
    saw: Mapping[uuid.UUID, str]
    sees: Mapping[uuid.UUID, str]

    @property
    def told(self) -> dict[str, Any]:
        """Return what the answer says of it."""
        return {
            "manager_id": self.after.manager_id,
            "newly_seen_by": seers(self.sees, self.saw),
            "no_longer_seen_by": seers(self.saw, self.sees),
        }

    @property
    def recorded(self) -> dict[str, object]:
        """Return what the audit trail says of it: who they are, without their names."""
        return {
            "manager_id": self.after.manager_id,
            "newly_seen_by": sorted(self.sees.keys() - self.saw),
            "no_longer_seen_by": sorted(self.saw.keys() - self.sees),
        }


def seers(people: Mapping[uuid.UUID, str], others: Mapping[uuid.UUID, str]) -> list[Seer]:
    """Return those of the people who are not among the others."""
    found = [Seer(id=each, display_name=people[each]) for each in people.keys() - others]
    return sorted(found, key=lambda seer: (seer.display_name, seer.id))


async def seen_by(uow: UnitOfWork, oversights: Iterable[Oversight]) -> dict[uuid.UUID, str]:
    """Return the managers who see a person by any of these, with their names."""
    found: dict[uuid.UUID, str] = {}
    for oversight in oversights:
        found |= await uow.manager_changes.seen_by(oversight)
    return found


async def move_manager(
    uow: UnitOfWork,
    user: User,
    overseen: Overseen,
    location_id: uuid.UUID | None,
    wanted: uuid.UUID | MISSING | None,
) -> Move:
    """Let the manager be from a day on what was asked for or, where nothing was, what is safe."""
    day, before = overseen
    after = before.moved_to(location_id)
    if wanted is not MISSING:
        if fault := await manager_fault(uow, wanted, user.id):
            raise InvalidPayloadError([fault])
        after = after._replace(manager_id=wanted)
    if after.manager_id != before.manager_id:
        await uow.manager_changes.announce(user.id, day, after.manager_id)
    further = await uow.positions.oversights(user.id, day)
    return Move(
        before,
        after,
        await seen_by(uow, [before, *further]),
        await seen_by(uow, [after, *further]),
    )


async def manager_fault(
    uow: UnitOfWork, manager_id: uuid.UUID | None, user_id: uuid.UUID | None
) -> FieldError | None:
    if manager_id is None:
        return None
    if manager_id != user_id and await uow.users.by_id(manager_id) is not None:
        return None
    return FieldError("/manager_id", "unknown_manager", "No such other person")


def edit_manager(
    user: User, held: Oversight, before: dict[str, object], after: dict[str, object]
) -> None:
    """Apply the rule for moves to an edit that said nothing about the manager."""
    moved = held.moved_to(user.location_id)
    if moved.manager_id != held.manager_id:
        before["manager_id"], after["manager_id"] = held.manager_id, moved.manager_id
        user.manager_id = moved.manager_id
