import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Numeric, Uuid, func, literal, select, text
from sqlalchemy.dialects.postgresql import JSONB

from app.core.pagination import Page, PageRequest
from app.models import Enrollment, QuizAttempt, QuizCorrection
from app.models.study.attempt import AttemptState
from app.repositories.base import Orders, Repository
from app.repositories.unnest import columns, unnesting

_REGRADE = unnesting(
    """
    SELECT count(regrade_attempt(
               w.id, :correction_id, w.points, w.max_points, w.score_percent, w.passed, w.kept_pass,
               w.grades))
      FROM {rows} AS w (id, kept_pass, points, max_points, score_percent, passed, grades)
    """,
    Uuid(),
    Boolean(),
    Numeric(12, 6),
    Numeric(12, 6),
    Numeric(5, 2),
    Boolean(),
    JSONB(),
)

# In the order of the people, which is the order in which all code locks several people.
_SETTLE = text(
    """
    SELECT count(settle_regrade(e.id, :section_id, :correction_id, :actor_id, :request_id))
      FROM (SELECT id FROM enrollments WHERE id = ANY(:enrollment_ids) ORDER BY user_id, id) e
    """
)


@dataclass(frozen=True, slots=True)
class SecondResult:
    attempt_id: uuid.UUID
    kept_pass: bool
    columns: dict[str, Any]
    """The columns points, max_points, score_percent, passed and grades."""


CORRECTION_ORDERS = Orders("created_at", QuizCorrection.id, created_at=QuizCorrection.created_at)


class CorrectionRepository(Repository[QuizCorrection]):
    model = QuizCorrection

    async def lock_quiz(self, version_id: uuid.UUID, section_id: uuid.UUID) -> None:
        """Lock a quiz of a version, so that nobody is graded at it until the transaction ends."""
        await self.session.execute(select(func.lock_quiz(version_id, section_id, True)))  # noqa: FBT003  # an SQL argument

    async def of_quiz(self, version_id: uuid.UUID, section_id: uuid.UUID) -> list[QuizCorrection]:
        statement = (
            select(QuizCorrection)
            .where(QuizCorrection.version_id == version_id, QuizCorrection.section_id == section_id)
            .order_by(QuizCorrection.number)
        )
        return list(await self.session.scalars(statement))

    async def list_of(self, version_id: uuid.UUID, request: PageRequest) -> Page[QuizCorrection]:
        statement = select(QuizCorrection).where(QuizCorrection.version_id == version_id)
        return await self.page(statement, request, CORRECTION_ORDERS)

    async def graded(
        self,
        version_id: uuid.UUID,
        section_id: uuid.UUID,
        question_id: uuid.UUID,
        *,
        batch: int = 500,
    ) -> AsyncIterator[QuizAttempt]:
        """Yield the graded attempts that showed a question."""
        statement = (
            select(QuizAttempt)
            .where(
                QuizAttempt.version_id == version_id,
                QuizAttempt.section_id == section_id,
                QuizAttempt.state == AttemptState.GRADED,
                QuizAttempt.snapshot.op("@>")(_showing(question_id)),
            )
            .order_by(QuizAttempt.id)
            .limit(batch)
        )
        after: uuid.UUID | None = None
        while True:
            page = statement if after is None else statement.where(QuizAttempt.id > after)
            attempts = (await self.session.scalars(page)).all()
            for attempt in attempts:
                yield attempt
            if len(attempts) < batch:
                return
            after = attempts[-1].id

    async def is_open_for(
        self,
        user_id: uuid.UUID,
        version_id: uuid.UUID,
        section_id: uuid.UUID,
        question_id: uuid.UUID,
    ) -> bool:
        """Say whether a person has been asked a question in an attempt that is not graded yet."""
        statement = select(QuizAttempt.id).where(
            QuizAttempt.user_id == user_id,
            QuizAttempt.version_id == version_id,
            QuizAttempt.section_id == section_id,
            QuizAttempt.state != AttemptState.GRADED,
            QuizAttempt.snapshot.op("@>")(_showing(question_id)),
        )
        return await self.session.scalar(statement.limit(1)) is not None

    async def lock_enrollments(self, enrollment_ids: list[uuid.UUID]) -> None:
        statement = (
            select(Enrollment.id)
            .where(Enrollment.id.in_(enrollment_ids))
            .order_by(Enrollment.user_id, Enrollment.id)
            .with_for_update(key_share=True)
        )
        await self.session.execute(statement)

    async def keep(self, correction: QuizCorrection, results: Sequence[SecondResult]) -> None:
        """Give attempts another result, which is theirs from now on."""
        if results:
            rows = [(it.attempt_id, it.kept_pass, *it.columns.values()) for it in results]
            parameters = {"correction_id": correction.id, **columns(rows)}
            await self.session.execute(_REGRADE, parameters)

    async def settle(
        self,
        correction: QuizCorrection,
        enrollment_ids: list[uuid.UUID],
        *,
        actor_id: uuid.UUID | None,
        request_id: str | None,
    ) -> int:
        """Complete what is passed now and correct records; return how many were corrected.

        The caller holds the locks on the enrollments.
        """
        parameters = {
            "section_id": correction.section_id,
            "correction_id": correction.id,
            "enrollment_ids": enrollment_ids,
            "actor_id": actor_id,
            "request_id": request_id,
        }
        return int((await self.session.execute(_SETTLE, parameters)).scalar_one())


def _showing(question_id: uuid.UUID) -> ColumnElement[Any]:
    """Return the JSON that the snapshot of an attempt contains if it shows this question."""
    return literal({"questions": [{"id": str(question_id)}]}, JSONB)
