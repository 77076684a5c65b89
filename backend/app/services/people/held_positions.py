"""The further positions of somebody whose employment ended. Steps that services share."""

import uuid
from datetime import date

from app.domain.audit import AuditAction
from app.domain.recurrence import add_days
from app.models import Position
from app.services.unit_of_work import UnitOfWork

PLACE = ("location_id", "department", "job_title")
SAID = (*PLACE, "manager_id", "starts_on", "ends_on")
"""What is said of a position."""


def following(held: Position, **changes: object) -> Position:
    """Return the row that holds from now on in place of another."""
    known = {name: getattr(held, name) for name in ("user_id", "position_id", *SAID)}
    return Position(**{**known, **changes}, number=held.number + 1)


async def end_positions(uow: UnitOfWork, user_id: uuid.UUID, day: date) -> None:
    """End what somebody had when they left, on `day`: whoever comes back starts anew."""
    today = await uow.employment.today_of(user_id)
    for held in await uow.positions.of_user(user_id):
        if held.ends_on is not None and held.ends_on < day:
            continue
        last = add_days(day, -1)
        never = held.starts_on > last
        row = following(held, ends_on=held.ends_on if never else last, withdrawn=never)
        row.recorded_on, row.recorded_by_id = today, uow.actor_id
        await uow.positions.add(row)
        before, after = {"ends_on": held.ends_on}, {"ends_on": row.ends_on}
        action = AuditAction.POSITION_WITHDRAWN if never else AuditAction.POSITION_UPDATED
        await uow.audit(action, held.position_id, before=before, after=after)
