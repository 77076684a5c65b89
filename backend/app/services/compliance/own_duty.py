"""The one door through which nobody frees themselves. A step of every reconciliation."""

import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final, TypeVar

from app.core.database import Database
from app.core.errors import ForbiddenError
from app.domain.actor import Permission
from app.domain.audit import AuditAction
from app.domain.compliance.own_duty import Change, Shown, frees
from app.repositories.compliance.compliance_segment import SegmentRow
from app.services.context import RequestContext
from app.services.unit_of_work import UnitOfWork

T = TypeVar("T")

ASKED_FOR: Final = timedelta(days=30)
"""How long a second person may take to make the change that a first was refused."""


class OwnDutyError(ForbiddenError):
    code = "own_duty"
    detail = "This would free you of training, or give you more time: somebody else has to do it."


async def by_two(
    database: Database,
    context: RequestContext,
    requirement_id: uuid.UUID,
    asked: Mapping[str, Any],
    make: Callable[[Change], Awaitable[T]],
) -> T:
    """Make a change of a rule; one that frees whoever makes it is made by two people.

    The first who asks for it is refused, and the audit trail keeps what they asked. The second who
    keeps rules, and asks for the same of the same version, makes it, whether it frees them or not.
    """
    try:
        return await make(Change.RULE)
    except OwnDutyError as error:
        async with UnitOfWork(database, replace(context, idempotency=None)) as uow:
            is_seconded = await _is_seconded(uow, requirement_id, asked)
        if not is_seconded:
            detail = "Somebody else who keeps rules has to make the same change within 30 days."
            raise OwnDutyError(detail) from error
    return await make(Change.NOTHING)


async def _is_seconded(
    uow: UnitOfWork, requirement_id: uuid.UUID, asked: Mapping[str, Any]
) -> bool:
    """Tell whether somebody else asked for the same; note that the actor does, if nobody did."""
    requirement = await uow.requirements.by_id(requirement_id, lock=True)
    said = {**asked, "version": requirement.version if requirement else 0}
    action = AuditAction.REQUIREMENT_CHANGE_ASKED
    askers = await uow.audit_events.recent_actors(action, requirement_id, said, ASKED_FOR)
    left = await uow.users.closed_ids(askers)
    demoted = await uow.users.without(Permission.REQUIREMENTS_WRITE, askers)
    if askers - left - demoted - {uow.actor_id}:
        return True
    if uow.actor_id not in askers:
        await uow.audit(action, requirement_id, after=said)
    return False


@dataclass(frozen=True, slots=True)
class Changer:
    """Whoever makes the change; nobody for the system itself and for operators.

    `requirement_ids` are those that the change may concern.
    """

    user_id: uuid.UUID | None
    requirement_ids: Collection[uuid.UUID]
    change: Change

    def refuse_own_release(
        self,
        before: Iterable[SegmentRow],
        after: Iterable[SegmentRow],
        todays: Mapping[uuid.UUID, date],
    ) -> None:
        """Raise OwnDutyError where the change frees whoever makes it."""
        if self.user_id is None or self.user_id not in todays:
            return
        today = todays[self.user_id]
        known, found = self._own(before), self._own(after)
        for each in self.requirement_ids:
            if frees(known[each], found[each], today, self.change):
                raise OwnDutyError

    def _own(self, rows: Iterable[SegmentRow]) -> defaultdict[uuid.UUID, list[Shown]]:
        shown = defaultdict[uuid.UUID, list[Shown]](list)
        for row in rows:
            if row.user_id == self.user_id and row.place == 0:
                shown[row.requirement_id].append(
                    Shown(row.starts_on, row.ends_on, row.status, row.due_on, row.met_by)
                )
        return shown
