"""What a recorded change of an employment does at once: to the person's row and to compliance."""

import uuid

from app.domain.actor import Role
from app.domain.audit import AuditAction
from app.domain.compliance import EmploymentState
from app.domain.people.worker_kind import WorkerKind
from app.models import EmploymentChange
from app.services.compliance.reconciliation import reconcile
from app.services.people.held_words import recorded_word
from app.services.people.manager_change import Move
from app.services.unit_of_work import UnitOfWork

ATTRIBUTES = ("role", "worker_kind", "location_id", "department", "job_title", "hired_on")


async def take_effect(
    uow: UnitOfWork,
    row: EmploymentChange,
    action: AuditAction = AuditAction.USER_EMPLOYMENT_CHANGED,
    move: Move | None = None,
) -> None:
    await _bring_up_to_date(uow, row.user_id)
    after = {name: getattr(row, name) for name in ("effective_on", "state", *ATTRIBUTES)}
    after |= {"voids_id": row.voids_id} if row.voids_id else {}
    after |= move.recorded if move else {}
    before = move.before._asdict() if move else None
    await uow.audit(action, row.user_id, before=before, after=after)
    await reconcile(uow, [row.user_id])


async def _bring_up_to_date(uow: UnitOfWork, user_id: uuid.UUID) -> None:
    """Set the person's row to what is in force today.

    The trigger then records no further employment change, because this one is recorded already.
    """
    user = await uow.users.by_id(user_id)
    today = await uow.employment.today_of(user_id)
    held = await uow.employment.in_force(user_id, today)
    if user is None or held is None:
        return
    user.is_active = held.state is not EmploymentState.TERMINATED
    user.role = Role(held.role)
    user.worker_kind = WorkerKind(held.worker_kind)
    user.location_id = held.location_id
    user.department_id = await recorded_word(uow, uow.departments, held.department)
    user.job_title_id = await recorded_word(uow, uow.job_titles, held.job_title)
    user.hired_on = held.hired_on
    user.manager_id = await uow.manager_changes.manager_on(user, today)
    await uow.users.save(user)
    await uow.manager_changes.overtake(user_id, today)
