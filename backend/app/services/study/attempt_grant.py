"""Grants of further attempts to people who have used up those that a quiz allows."""

import uuid

from app.core.errors import ConflictError, ForbiddenError
from app.core.pagination import PageRequest
from app.domain.audit import AuditAction
from app.domain.people.display_name import display_name
from app.domain.study.quiz.attempts import Refusal, is_over
from app.models import AttemptGrant, Enrollment
from app.models.study.attempt import AttemptState
from app.models.study.enrollment import EnrollmentStatus
from app.repositories.study.attempt_grant import UsedUp, UsedUpFilter
from app.schemas.base import ListOf
from app.schemas.reference import ModuleReference, UserReference
from app.schemas.study.attempt_grant import (
    AttemptGrantCreate,
    AttemptGrantRead,
    QuizReference,
    UsedUpRead,
)
from app.services.answer import Answer
from app.services.base import Service, found, listed
from app.services.study.attempt import decide_next, quiz_key
from app.services.study.attempt_errors import AlreadyPassedError
from app.services.study.enrollment_errors import EnrollmentClosedError
from app.services.unit_of_work import UnitOfWork


class OwnAttemptsError(ForbiddenError):
    code = "second_person_required"
    detail = "Somebody else has to grant you another attempt."


class AttemptsLeftError(ConflictError):
    code = "attempts_left"
    title = "This person can still try this quiz"


class AttemptGrantService(Service):
    async def grant(
        self, enrollment_id: uuid.UUID, section_id: uuid.UUID, payload: AttemptGrantCreate
    ) -> Answer[AttemptGrantRead]:
        """Give another person one more attempt. They must have used up those they have."""
        async with self.work() as uow:
            locked = await uow.enrollments.lock_visible(enrollment_id, self.actor)
            enrollment = found(locked, "enrollment")
            if enrollment.user_id == self.actor.id:
                raise OwnAttemptsError
            if enrollment.status is not EnrollmentStatus.ACTIVE:
                raise EnrollmentClosedError
            await _require_used_up(uow, enrollment, section_id)
            grant = await uow.attempt_grants.add(
                AttemptGrant(
                    enrollment_id=enrollment.id,
                    section_id=section_id,
                    user_id=enrollment.user_id,
                    reason=payload.reason,
                    granted_by_id=self.actor.id,
                )
            )
            after = {"enrollment_id": enrollment.id, "section_id": section_id}
            await uow.audit(AuditAction.ATTEMPT_GRANTED, grant, after=after)
            return await uow.answer(Answer(AttemptGrantRead.model_validate(grant), created=True))

    async def get(self, grant_id: uuid.UUID) -> Answer[AttemptGrantRead]:
        async with self.reading() as uow:
            grant = await uow.attempt_grants.get_visible(grant_id, self.actor)
            return Answer(AttemptGrantRead.model_validate(found(grant, "attempt_grant")))

    async def used_up(self, filters: UsedUpFilter, request: PageRequest) -> ListOf[UsedUpRead]:
        """List whose attempts are used up, among the people whom the actor may see."""
        async with self.reading() as uow:
            await self.see_all(uow, filters.user_ids)
            return listed(await uow.attempt_grants.used_up(self.actor, filters, request), _read)


async def _require_used_up(uow: UnitOfWork, enrollment: Enrollment, section_id: uuid.UUID) -> None:
    key = await quiz_key(uow, enrollment, section_id)
    history = await uow.attempts.of_quiz(enrollment, section_id)
    now = await uow.now()
    live = any(
        attempt.enrollment_id == enrollment.id
        and attempt.state is AttemptState.OPEN
        and not is_over(attempt.expires_at, now)
        for attempt, _ in history.attempts
    )
    decision = decide_next(key, history, now)
    if decision.refusal is Refusal.ALREADY_PASSED:
        raise AlreadyPassedError
    if live or decision.refusal is not Refusal.NO_ATTEMPTS_LEFT:
        raise AttemptsLeftError


def _read(row: UsedUp) -> UsedUpRead:
    return UsedUpRead(
        enrollment_id=row.enrollment_id,
        user=UserReference(id=row.user_id, display_name=display_name(row.full_name, row.email)),
        module=ModuleReference(id=row.module_id, title=row.module_title, category=row.category),
        version=row.version,
        quiz=QuizReference(section_id=row.section_id, title=row.section_title),
        attempts=row.attempts,
        granted=row.granted,
        due_on=row.due_on,
    )
