"""Completes sections and gives credit when a class is closed."""

import dataclasses

from app.domain.evidence.live_session import Attendee, class_result
from app.models import Enrollment, LiveSession, VerifiedEvidence
from app.models.study.enrollment import EnrollmentStatus
from app.repositories.evidence.live_session import RosterLine
from app.schemas.evidence.live_session import LiveSessionClosed, LiveSessionRead
from app.services.compliance.reconciliation import reconcile_module
from app.services.evidence.verified_evidence import count_evidence, local_day
from app.services.unit_of_work import UnitOfWork


async def complete(uow: UnitOfWork, live: LiveSession) -> LiveSessionClosed:
    """Complete the class's section for all attendees, and credit those who are not enrolled.

    The caller has locked the session and closed it, so that its roster no longer changes.
    """
    completed = set()
    for enrollment in await _lock(uow, live):
        if await _complete_in(uow, live, enrollment):
            completed.add(enrollment.user_id)
    await reconcile_module(uow, sorted(completed), live.module_id)
    lines = {line.user.id: line for line in await uow.live_sessions.attendees(live.id)}
    sections = await uow.live_sessions.live_sections(live.module_id)
    attendees = (
        Attendee(
            user_id,
            enrolled=user_id in completed,
            active=line.user.is_active,
            seconds=line.attendance.counted_seconds or 0,
        )
        for user_id, line in lines.items()
    )
    result = class_result(live.section_id, attendees, sections.required if sections else ())
    if sections is not None:
        for user_id in result.credited:
            await _credit(uow, live, lines[user_id], sections.version)
    return LiveSessionClosed(
        **dict(LiveSessionRead.model_validate(live)), **dataclasses.asdict(result)
    )


async def _lock(uow: UnitOfWork, live: LiveSession) -> list[Enrollment]:
    """Lock what the class may complete, in the order of the people.

    Completing locks the person, too. Corrections also lock all enrollments before any person, and
    the people in this order, so that neither waits for the other.
    """
    begun = await uow.live_sessions.lock_open_enrollments(live)
    ended = await uow.live_sessions.lock_completed_without(live)
    return sorted([*begun, *ended], key=lambda enrollment: enrollment.user_id)


async def _complete_in(uow: UnitOfWork, live: LiveSession, enrollment: Enrollment) -> bool:
    actor_id, request_id = uow.actor_id, uow.request_id
    if enrollment.status is EnrollmentStatus.COMPLETED:
        return await uow.live_sessions.add_to_record(
            live, enrollment.id, actor_id=actor_id, request_id=request_id
        )
    await uow.live_sessions.complete(live, enrollment.id, actor_id=actor_id, request_id=request_id)
    return True


async def _credit(uow: UnitOfWork, live: LiveSession, line: RosterLine, version: int) -> None:
    zone = await uow.employment.zone_of(line.user.id)
    await count_evidence(
        uow,
        VerifiedEvidence(
            id=line.attendance.id,
            user_id=line.user.id,
            day=live.starts_at.astimezone(zone).date(),
            recorded_on=await local_day(uow, line.user),
            module_id=live.module_id,
            version=version,
        ),
    )
