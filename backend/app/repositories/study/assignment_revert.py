"""Takes an assignment back, as the audit trail tells what it did, in one statement.

An enrollment is still as the assignment left it while the last event that made or assigned it
names the assignment. What was changed, completed or withdrawn since stays as it is.
"""

import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, String, Uuid, column, func, literal, select, text, true
from sqlalchemy.dialects.postgresql import ARRAY

from app.domain.actor import Actor
from app.domain.audit import AuditAction
from app.models import AuditEvent, Enrollment, SectionProgress, User
from app.models.study.enrollment import EnrollmentStatus
from app.repositories.people.visibility import managed_by


@dataclass(frozen=True, slots=True)
class Revert:
    """Numbers of enrollments, and the people whom they are of."""

    withdrawn: int
    kept: int
    restored: int
    user_ids: list[uuid.UUID]


_WITHDRAWN = """
    UPDATE enrollments e
       SET status = 'withdrawn', withdrawn_at = clock_timestamp(), updated_at = now()
      FROM held WHERE e.id = held.id AND held.action = 'enrollment:created' AND NOT held.begun
    RETURNING e.id
"""
_KEPT = """
    UPDATE enrollments e SET source = 'self', due_on = NULL, updated_at = now()
      FROM held WHERE e.id = held.id AND held.action = 'enrollment:created' AND held.begun
    RETURNING e.*
"""
_RESTORED = """
    UPDATE enrollments e
       SET source = held.before ->> 'source', due_on = (held.before ->> 'due_on')::date,
           updated_at = now()
      FROM held
     WHERE e.id = held.id AND held.action = 'enrollment:assigned' AND held.before IS NOT NULL
    RETURNING e.*
"""
_EVENTS = """
    SELECT record_events(
               (SELECT actor_id FROM asker), (SELECT request_id FROM asker),
               array_agg(action), array_agg(id), NULL, array_agg(after)) AS written
      FROM (SELECT 'enrollment:withdrawn' AS action, id,
                   jsonb_build_object('reason', 'assignment reverted') AS after
              FROM withdrawn
            UNION ALL
            SELECT 'enrollment:assigned', id,
                   jsonb_build_object('source', source, 'due_on', due_on)
              FROM (SELECT id, source, due_on FROM kept
                    UNION ALL SELECT id, source, due_on FROM restored) AS stay
            UNION ALL
            SELECT 'assignment:reverted', assignment_id, NULL
              FROM asker WHERE EXISTS (SELECT FROM held)) AS told
"""
_PENDING = """
    INSERT INTO compliance_pending (user_id, module_id) SELECT user_id, module_id FROM held
"""


def reverting(event: AuditEvent, actor: Actor, request_id: str | None) -> Select[Any]:
    """Return the statement that answers with a Revert."""
    asker = select(
        literal(event.target_id, Uuid()).label("assignment_id"),
        literal(actor.id, Uuid()).label("actor_id"),
        literal(request_id, String()).label("request_id"),
    ).cte("asker")
    held = _held(event, actor).cte("held")
    done = [
        text(body).columns(column("id")).cte(name)
        for name, body in (("withdrawn", _WITHDRAWN), ("kept", _KEPT), ("restored", _RESTORED))
    ]
    events = text(_EVENTS).columns(column("written")).cte("events")
    user_ids = select(func.array_agg(held.c.user_id, type_=ARRAY(Uuid()))).scalar_subquery()
    return (
        select(
            *(select(func.count()).select_from(each).scalar_subquery() for each in done),
            func.coalesce(user_ids, text("'{}'")),
        )
        .where(select(events.c.written).scalar_subquery().is_distinct_from(-1))
        .add_cte(asker, held, *done, events, text(_PENDING).columns().cte("pending"))
    )


def _held(event: AuditEvent, actor: Actor) -> Select[Any]:
    """Lock the enrollments that are still as the assignment left them."""
    last = (
        select(AuditEvent.action, AuditEvent.before, AuditEvent.after)
        .where(
            AuditEvent.target_id == Enrollment.id,
            AuditEvent.action.in_(
                [AuditAction.ENROLLMENT_CREATED.value, AuditAction.ENROLLMENT_ASSIGNED.value]
            ),
        )
        .order_by(AuditEvent.created_at.desc(), AuditEvent.id.desc())
        .limit(1)
        .correlate(Enrollment)
        .lateral("last")
    )
    begun = select(SectionProgress.section_id).where(SectionProgress.enrollment_id == Enrollment.id)
    team = Enrollment.user_id.in_(select(User.id).where(managed_by(actor)))
    scope = [] if actor.sees_everybody else [team]
    return (
        select(
            Enrollment.id,
            Enrollment.user_id,
            Enrollment.module_id,
            last.c.action,
            last.c.before,
            begun.exists().label("begun"),
        )
        .join(last, true())
        .where(
            Enrollment.module_id == uuid.UUID((event.after or {})["module_id"]),
            Enrollment.status == EnrollmentStatus.ACTIVE,
            # Nobody frees themselves of a training.
            Enrollment.user_id != actor.id,
            last.c.after["assignment_id"].as_string() == str(event.target_id),
            *scope,
        )
        .order_by(Enrollment.id)
        .with_for_update(key_share=True, of=Enrollment)
    )
