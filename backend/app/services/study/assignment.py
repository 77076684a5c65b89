"""Assigning a module to many people at once, and taking it back."""

import uuid
from dataclasses import replace
from typing import Any

from app.core.errors import InvalidPayloadError, NotFoundError
from app.core.ids import new_id
from app.core.pagination import PageRequest
from app.domain.people.display_name import display_name
from app.domain.study.enrollment import AssignmentState
from app.repositories.study.assignment import Assignment, AssignmentCount, PeopleFilter
from app.repositories.study.assignment_report import AssignmentFilter, AssignmentLine
from app.schemas.base import ListOf
from app.schemas.reference import ModuleReference, UserReference
from app.schemas.study.assignment import (
    AssignmentChange,
    AssignmentCountsRead,
    AssignmentRead,
    BulkEnroll,
    BulkResult,
    RefusalReason,
    RefusedPerson,
    Reverted,
)
from app.services.answer import Answer
from app.services.base import Service, found, listed
from app.services.compliance.reconciliation import reconcile_completions
from app.services.unit_of_work import UnitOfWork
from app.services.word import listed_names, listed_word

RECONCILED_AT_ONCE = 200
"""People who are worked out with the request; the next reconciliation does it for more."""


class AssignmentService(Service):
    async def assign(self, payload: BulkEnroll) -> Answer[BulkResult]:
        """Assign a module to people of the actor's; count those who are enrolled or may not be."""
        people = _people(payload)
        async with self.autocommit() as uow:
            assignment = Assignment(
                new_id(),
                payload.module_id,
                await _with_listed_words(uow, people),
                payload.due_on,
            )
            count = await uow.enrollments.assign(assignment, self.actor, uow.request_id)
            if not count.module_exists:
                raise NotFoundError("module")
            refused = await self._refused(uow, set(payload.user_ids or ()), count)
            done = count.created + count.changed > 0
            result = BulkResult(
                assignment_id=assignment.id if done else None,
                created=count.created,
                already_enrolled=count.allowed - count.created,
                changed=count.changed,
                changes=[_change(each) for each in count.changes],
                not_allowed=len(refused),
                refused=refused,
            )
            return await uow.answer(Answer(result))

    async def _refused(
        self, uow: UnitOfWork, named: set[uuid.UUID], count: AssignmentCount
    ) -> list[RefusedPerson]:
        """Say why people who were named are not among those that the actor may assign to."""
        if len(named) <= count.allowed:
            return []
        standings = await uow.users.assignability(named, self.actor)
        return [
            RefusedPerson(user_id=user_id, reason=_refusal(standings.get(user_id)))
            for user_id in sorted(named, key=str)
            if standings.get(user_id) != (True, True)
        ]

    async def counts(self, filters: AssignmentFilter) -> ListOf[AssignmentCountsRead]:
        """Count how far people are with what was assigned by hand, module by module."""
        async with self.reading() as uow:
            known = await _listed(uow, filters)
            found = await uow.assignment_reports.counts(self.actor, known)
        items = [
            AssignmentCountsRead(
                module=ModuleReference(id=row.module_id, title=row.title, category=row.category),
                done=row.done,
                open=row.open,
                overdue=row.overdue,
            )
            for row in found
        ]
        return ListOf(items=items)

    async def people(
        self, filters: AssignmentFilter, request: PageRequest
    ) -> ListOf[AssignmentRead]:
        async with self.reading() as uow:
            known = await _listed(uow, filters)
            return listed(await uow.assignment_reports.lines(self.actor, known, request), _line)

    async def revert(self, assignment_id: uuid.UUID) -> Answer[Reverted]:
        """Take back what a bulk assignment did, as far as it is still as it was left."""
        async with self.work() as uow:
            event = found(await uow.enrollments.assignment(assignment_id, self.actor), "assignment")
            reverted = await uow.enrollments.revert(event, self.actor, uow.request_id)
            people = reverted.user_ids
            if 0 < len(people) <= RECONCILED_AT_ONCE:
                uow.after_commit(lambda later: reconcile_completions(later, people))
            return await uow.answer(
                Answer(
                    Reverted(
                        withdrawn=reverted.withdrawn,
                        kept=reverted.kept,
                        restored=reverted.restored,
                    )
                )
            )


def _line(line: AssignmentLine) -> AssignmentRead:
    assigner = None
    if line.assigner_id is not None:
        assigner = _person(line.assigner_id, line.assigner_name, line.assigner_email)
    return AssignmentRead(
        enrollment_id=line.enrollment_id,
        user=_person(line.user_id, line.full_name, line.email),
        module=ModuleReference(id=line.module_id, title=line.title, category=line.category),
        assigned_by=assigner,
        assigned_at=line.assigned_at,
        due_on=line.due_on,
        status=AssignmentState(line.state),
        completed_at=line.completed_at,
    )


def _person(user_id: uuid.UUID, full_name: str | None, email: str | None) -> UserReference:
    return UserReference(id=user_id, display_name=display_name(full_name, email))


def _change(change: dict[str, Any]) -> AssignmentChange:
    user = {"id": change.pop("user_id"), "display_name": change.pop("display_name")}
    return AssignmentChange.model_validate({**change, "user": user})


def _refusal(standing: tuple[bool, bool] | None) -> RefusalReason:
    if standing is None:
        return RefusalReason.NOT_FOUND
    is_active, _is_managed = standing
    return RefusalReason.NOT_MANAGED if is_active else RefusalReason.INACTIVE


def _people(payload: BulkEnroll) -> PeopleFilter:
    if (payload.user_ids is None) == (payload.filter is None):
        raise InvalidPayloadError.at("/user_ids", "one_of", "Send either user_ids or filter")
    if payload.filter is None:
        return PeopleFilter(user_ids=payload.user_ids)
    return PeopleFilter(**payload.filter.model_dump())


async def _listed(uow: UnitOfWork, filters: AssignmentFilter) -> AssignmentFilter:
    names, strange = await listed_names(
        uow, uow.departments, filters.departments, "query:department"
    )
    if strange:
        raise InvalidPayloadError(strange)
    return replace(filters, departments=tuple(names))


async def _with_listed_words(uow: UnitOfWork, people: PeopleFilter) -> PeopleFilter:
    department, job_title = people.department, people.job_title
    if department:
        pointer = "/filter/department"
        department = (await listed_word(uow, uow.departments, department, pointer)).name
    if job_title:
        pointer = "/filter/job_title"
        job_title = (await listed_word(uow, uow.job_titles, job_title, pointer)).name
    return replace(people, department=department, job_title=job_title)
