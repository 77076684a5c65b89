"""Enrolls people in what their open periods ask for, and withdraws enrollments none asks for."""

import uuid
from collections.abc import Iterable, Sequence

from app.domain.compliance.rule_enrollment import Wanted, plan_enrollments
from app.services.compliance.compliance_facts import Catalogue
from app.services.unit_of_work import UnitOfWork


async def enroll_as_required(
    uow: UnitOfWork,
    people: Sequence[uuid.UUID],
    catalogue: Catalogue,
    scope: Iterable[uuid.UUID],
    wanted: Sequence[Wanted],
) -> tuple[int, int, int]:
    """Return how many enrollments were made, dated anew and withdrawn."""
    touched = frozenset[uuid.UUID]().union(*(catalogue.modules[each] for each in scope))
    open_now = [
        row for row in await uow.rule_enrollments.open_of(people) if row.module_id in touched
    ]
    plan = plan_enrollments(wanted, open_now, await uow.requirements.assignable_modules())
    return (
        await uow.rule_enrollments.assign(plan.assigned, uow.actor_id, uow.request_id),
        await uow.rule_enrollments.date(plan.dated),
        await uow.rule_enrollments.withdraw(plan.withdrawn, uow.actor_id, uow.request_id),
    )
