"""Records a change of an employment, and again what was announced for after it."""

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from app.core.errors import InvalidPayloadError
from app.domain import compliance as facts
from app.domain.actor import Actor, Role
from app.domain.compliance import EmploymentState
from app.domain.compliance.hindsight import employment_in_hindsight
from app.domain.people.manager_change import Oversight
from app.models import EmploymentChange, User
from app.services.people.employment.effect import ATTRIBUTES
from app.services.people.employment.errors import NotEmployedError
from app.services.people.manager_change import Overseen
from app.services.people.user import refuse_own_access
from app.services.unit_of_work import UnitOfWork

Chosen = Callable[[Sequence[EmploymentChange]], Iterable[EmploymentChange]]


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the employment that is in force on `effective_on`."""

    effective_on: date
    state: EmploymentState
    attributes: dict[str, Any]
    note: str | None = None


async def held_on(
    uow: UnitOfWork, user_id: uuid.UUID, day: date, knower: Actor | None = None
) -> facts.EmploymentChange:
    """Return what is in force on a day, as compliance has it: from the corrected date of hire.

    With `knower` as far as this person may know.
    """
    if knower is None:
        recorded = (await uow.employment.of_people([user_id]))[user_id]
    else:
        recorded = await uow.employment.known_to(knower, user_id)
    known = employment_in_hindsight(recorded, date.max)
    begun = [change for change in known if change.effective_on <= day]
    if not begun:
        raise NotEmployedError
    return begun[-1]


def require_employed(held: facts.EmploymentChange) -> None:
    if held.state is EmploymentState.TERMINATED:
        raise NotEmployedError


async def overseen_on(uow: UnitOfWork, user: User, day: date) -> Overseen:
    """Return who answers for a person on a day, or today if it is over: nobody sees the past."""
    day = max(day, await uow.employment.today_of(user.id))
    held = await held_on(uow, user.id, day)
    manager_id = await uow.manager_changes.manager_on(user, day)
    return Overseen(day, Oversight(held.person.location_id, manager_id))


async def record_move(
    uow: UnitOfWork, user: User, held: facts.EmploymentChange, change: Change
) -> EmploymentChange:
    """Record a change of place; what was announced for later days moves along."""
    row = await record(uow, user, held, change)
    for later in await uow.employment.announced(user.id, change.effective_on):
        moved = {
            name: value
            for name, value in change.attributes.items()
            if getattr(later, name) == getattr(held.person, name)
        }
        if moved:
            await again(uow, later, moved)
    return row


async def record(
    uow: UnitOfWork, user: User, held: facts.EmploymentChange, change: Change
) -> EmploymentChange:
    refuse_own_access(
        uow.actor_id,
        user.id,
        is_active=change.state is not EmploymentState.TERMINATED,
        before=held.person.role,
        after=Role(change.attributes.get("role", held.person.role)),
    )
    await _check_location(uow, held, change)
    await _record_beginning(uow, user, held)
    return await _add(uow, user, held, change)


async def record_as_known(
    uow: UnitOfWork, actor: Actor, user: User, held: facts.EmploymentChange, change: Change
) -> EmploymentChange:
    """Record a change of what the actor knows; what they may not know goes on to hold above it."""
    day = change.effective_on
    holds = await uow.employment.in_force(user.id, day)
    known = await uow.employment.in_force(user.id, day, actor)
    if holds is None or holds is known:
        return await record(uow, user, held, change)
    ended = holds.state is EmploymentState.TERMINATED
    above = {"effective_on": day, "note": None, "state": holds.state if ended else change.state}
    row = await record(uow, user, held, change)
    await _again_unseen(uow, holds, above)
    return row


async def again(
    uow: UnitOfWork, row: EmploymentChange, changes: dict[str, Any], knower: Actor | None = None
) -> EmploymentChange:
    """Record a change again, with these changes applied and the date of hire known today.

    Only whoever wrote a note takes it along: it is read by whom the new row was recorded by.
    """
    held = await held_on(uow, row.user_id, row.effective_on, knower)
    note = row.note if row.recorded_by_id == uow.actor_id else None
    known = {"note": note, "hired_on": held.person.hired_on, "recorded_by_id": uow.actor_id}
    return await _copy(uow, row, {**known, **changes})


async def again_as_known(
    uow: UnitOfWork, actor: Actor, row: EmploymentChange, chosen: Chosen, state: EmploymentState
) -> None:
    """Put some of what was announced for after a change into a state, whoever announced it."""
    later = await uow.employment.announced(row.user_id, row.effective_on)
    known = await uow.employment.announced(row.user_id, row.effective_on, actor)
    changed = {each.effective_on for each in chosen(later)}
    overlaid = [*chosen(known)]
    for each in overlaid:
        await again(uow, each, {"state": state}, actor)
    days = changed | {each.effective_on for each in overlaid}
    for each in later:
        if each not in known and each.effective_on in days:
            held = state if each.effective_on in changed else each.state
            await _again_unseen(uow, each, {"state": held})


async def _again_unseen(uow: UnitOfWork, row: EmploymentChange, changes: dict[str, Any]) -> None:
    """Record again what the actor may not know: it stays whose it was, and hidden from them."""
    known = {name: getattr(row, name) for name in ("note", "hired_on", "recorded_by_id")}
    await _copy(uow, row, {**known, **changes})


async def _copy(
    uow: UnitOfWork, row: EmploymentChange, changes: dict[str, Any]
) -> EmploymentChange:
    known = {name: getattr(row, name) for name in ("effective_on", "state", *ATTRIBUTES)}
    today = await uow.employment.today_of(row.user_id)
    return await uow.employment.add(
        EmploymentChange(user_id=row.user_id, recorded_on=today, **{**known, **changes})
    )


async def _record_beginning(uow: UnitOfWork, user: User, held: facts.EmploymentChange) -> None:
    """Record what is in force from its own day on, if only a corrected date of hire says so.

    Otherwise a change before the day of that record would be taken for the beginning.
    """
    recorded = await uow.employment.in_force(user.id, held.effective_on)
    if recorded is None or recorded.effective_on < held.effective_on:
        await _add(uow, user, held, Change(held.effective_on, held.state, {}))


async def _add(
    uow: UnitOfWork, user: User, held: facts.EmploymentChange, change: Change
) -> EmploymentChange:
    known = {name: getattr(held.person, name) for name in ATTRIBUTES}
    return await uow.employment.add(
        EmploymentChange(
            user_id=user.id,
            effective_on=change.effective_on,
            recorded_on=await uow.employment.today_of(user.id),
            state=change.state,
            recorded_by_id=uow.actor_id,
            note=change.note,
            **{**known, **change.attributes},
        )
    )


async def _check_location(uow: UnitOfWork, held: facts.EmploymentChange, change: Change) -> None:
    """Refuse to place somebody at a location that is deleted, be it where they were before."""
    location_id = change.attributes.get("location_id", held.person.location_id)
    gone = EmploymentState.TERMINATED
    back = held.state is gone and change.state is not gone
    if location_id is None or not (back or "location_id" in change.attributes):
        return
    if not await uow.locations.holds(location_id):
        raise InvalidPayloadError.at("/location_id", "unknown_location", "No such location")
