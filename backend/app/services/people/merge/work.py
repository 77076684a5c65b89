"""What was recorded of where somebody works, carried over from an entry that ends.

It is recorded again for the entry that continues, as late facts are: nothing is rewritten.
"""

from collections.abc import Sequence
from datetime import date

from app.core.ids import new_id
from app.domain.audit import AuditAction
from app.domain.compliance import EmploymentChange as Change
from app.domain.compliance import EmploymentState
from app.domain.compliance.hindsight import employment_in_hindsight
from app.domain.people.merge import Spell, Workplace, before, postings
from app.models import EmploymentChange, Position, User
from app.services.people.employment.effect import ATTRIBUTES
from app.services.people.held_positions import SAID, following
from app.services.unit_of_work import UnitOfWork


async def take_over_work(uow: UnitOfWork, user: User, merged: User) -> None:
    recorded = await uow.employment.of_people([user.id, merged.id])
    own = employment_in_hindsight(recorded[user.id], date.max)
    other = employment_in_hindsight(recorded[merged.id], date.max)
    today = await uow.employment.today_of(user.id)
    own_spells, other_spells = _spells(own), _spells(other)
    beginning = other[: before(own_spells, other_spells)]
    for change in beginning:
        await _record(uow, user, change, today)
    for posting in postings(own_spells, other_spells):
        said = {**posting.place._asdict(), "manager_id": _manager(merged.manager_id, user)}
        said |= {"starts_on": posting.starts_on, "ends_on": posting.ends_on}
        await _add_position(uow, user, said, today)
    await _take_over_positions(uow, user, merged, today)
    if beginning and beginning[-1].state is not EmploymentState.TERMINATED:
        user.hired_on = beginning[-1].person.hired_on
        await uow.users.save(user)


def _spells(changes: Sequence[Change]) -> list[Spell]:
    gone = EmploymentState.TERMINATED
    return [
        Spell(
            change.effective_on,
            None if change.state is gone else _place(change),
        )
        for change in changes
    ]


def _place(change: Change) -> Workplace:
    person = change.person
    return Workplace(person.location_id, person.department, person.job_title)


async def _record(uow: UnitOfWork, user: User, change: Change, today: date) -> None:
    known = {name: getattr(change.person, name) for name in ATTRIBUTES}
    await uow.employment.add(
        EmploymentChange(
            user_id=user.id,
            effective_on=change.effective_on,
            recorded_on=today,
            state=change.state,
            recorded_by_id=uow.actor_id,
            **known,
        )
    )


async def _take_over_positions(uow: UnitOfWork, user: User, merged: User, today: date) -> None:
    for held in await uow.positions.of_user(merged.id):
        said = {name: getattr(held, name) for name in SAID}
        await _say(uow, following(held, withdrawn=True), today)
        await uow.audit(AuditAction.POSITION_WITHDRAWN, held.position_id, before=said)
        said["manager_id"] = _manager(held.manager_id, user)
        await _add_position(uow, user, said, today)
    for held in await uow.merges.managed_positions(merged.id):
        new = None if held.user_id == user.id else user.id
        await _say(uow, following(held, manager_id=new), today)
        changed = {"manager_id": merged.id}, {"manager_id": new}
        await uow.audit(
            AuditAction.POSITION_UPDATED, held.position_id, before=changed[0], after=changed[1]
        )


async def _add_position(uow: UnitOfWork, user: User, said: dict[str, object], today: date) -> None:
    position_id = new_id()
    row = Position(id=position_id, position_id=position_id, user_id=user.id, **said)
    await _say(uow, row, today)
    await uow.audit(AuditAction.POSITION_CREATED, position_id, after=said)


async def _say(uow: UnitOfWork, row: Position, today: date) -> None:
    row.recorded_on, row.recorded_by_id = today, uow.actor_id
    await uow.positions.add(row)


def _manager(manager_id: object, user: User) -> object:
    return None if manager_id == user.id else manager_id
