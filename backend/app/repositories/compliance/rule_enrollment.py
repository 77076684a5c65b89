"""Creates, dates and withdraws the enrollments of requirements, for many people at once."""

import uuid
from collections.abc import Sequence
from datetime import date

from sqlalchemy import Date, String, Uuid, bindparam, exists, select, text
from sqlalchemy.dialects.postgresql import ARRAY

from app.domain.compliance.rule_enrollment import Assigned, OpenEnrollment
from app.models import Enrollment, SectionProgress
from app.models.study.enrollment import EnrollmentStatus
from app.repositories.base import Repository
from app.repositories.study.enrolling import creation, creation_events
from app.repositories.unnest import columns, unnesting

_ASSIGN = unnesting(
    f"""
    WITH asker AS (
        SELECT 'rule' AS source, :actor_id AS actor_id, :request_id AS request_id
    ), wanted AS (
        SELECT new_id() AS id, a.*
          FROM {{rows}} AS a (user_id, module_id, version_id, due_on)
    ), created AS ({creation()}), audited AS ({creation_events()})
    SELECT written FROM audited
    """,  # noqa: S608  # made of constants
    *(Uuid(), Uuid(), Uuid(), Date()),
).bindparams(bindparam("actor_id", type_=Uuid()), bindparam("request_id", type_=String()))

# SKIP LOCKED, because a transaction that has locked an enrollment may wait for this reconciliation.
# Waiting for that transaction here would be a deadlock.
_DATE = unnesting(
    """
    WITH free AS (
        SELECT e.id, dated.due_on
          FROM enrollments e
          JOIN {rows} AS dated (id, due_on) ON dated.id = e.id
         WHERE e.status = 'active'
           FOR NO KEY UPDATE OF e SKIP LOCKED
    )
    UPDATE enrollments e SET due_on = free.due_on, updated_at = now()
      FROM free WHERE e.id = free.id
    RETURNING e.id
    """,
    *(Uuid(), Date()),
)

_WITHDRAW = text(
    """
    WITH free AS (
        SELECT id FROM enrollments
         WHERE id = ANY(:ids) AND status = 'active'
           FOR NO KEY UPDATE SKIP LOCKED
    ), withdrawn AS (
        UPDATE enrollments e
           SET status = 'withdrawn', withdrawn_at = clock_timestamp(), updated_at = now()
          FROM free WHERE e.id = free.id
        RETURNING e.id
    )
    SELECT record_events(
               :actor_id, :request_id, array_agg(CAST('enrollment:withdrawn' AS text)),
               array_agg(id), NULL, array_agg(jsonb_build_object('reason', 'no longer required')))
      FROM withdrawn
    """
).bindparams(
    bindparam("ids", type_=ARRAY(Uuid())),
    bindparam("actor_id", type_=Uuid()),
    bindparam("request_id", type_=String()),
)


class RuleEnrollmentRepository(Repository[Enrollment]):
    model = Enrollment

    async def open_of(self, user_ids: Sequence[uuid.UUID]) -> list[OpenEnrollment]:
        started = exists().where(SectionProgress.enrollment_id == Enrollment.id)
        statement = select(
            Enrollment.id,
            Enrollment.user_id,
            Enrollment.module_id,
            Enrollment.source,
            Enrollment.due_on,
            started.label("started"),
        ).where(Enrollment.user_id.in_(user_ids), Enrollment.status == EnrollmentStatus.ACTIVE)
        return [
            OpenEnrollment(
                id=row.id,
                user_id=row.user_id,
                module_id=row.module_id,
                follows_rules=row.source.follows_rules,
                due_on=row.due_on,
                started=row.started,
            )
            for row in await self.session.execute(statement)
        ]

    async def assign(
        self, assigned: Sequence[Assigned], actor_id: uuid.UUID | None, request_id: str | None
    ) -> int:
        if not assigned:
            return 0
        rows = [(a.user_id, a.module_id, a.version_id, a.due_on) for a in assigned]
        parameters = {**columns(rows), "actor_id": actor_id, "request_id": request_id}
        return int(await self.session.scalar(_ASSIGN, parameters) or 0)

    async def date(self, due: dict[uuid.UUID, date | None]) -> int:
        if not due:
            return 0
        return len(list(await self.session.scalars(_DATE, columns(list(due.items())))))

    async def withdraw(
        self, ids: Sequence[uuid.UUID], actor_id: uuid.UUID | None, request_id: str | None
    ) -> int:
        if not ids:
            return 0
        parameters = {"ids": list(ids), "actor_id": actor_id, "request_id": request_id}
        return int(await self.session.scalar(_WITHDRAW, parameters) or 0)
