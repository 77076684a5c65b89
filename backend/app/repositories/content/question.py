import uuid
from collections.abc import Collection

from sqlalchemy import select

from app.models import QuizQuestion
from app.repositories.base import Repository
from app.repositories.content.deletion import restorable


class QuestionRepository(Repository[QuizQuestion]):
    model = QuizQuestion

    async def deleted_of(self, section_id: uuid.UUID) -> dict[uuid.UUID, QuizQuestion]:
        """Return the deleted questions of a section by id, whenever they were deleted."""
        statement = select(QuizQuestion).where(
            QuizQuestion.section_id == section_id, QuizQuestion.deleted_at.is_not(None)
        )
        return {question.id: question for question in await self.session.scalars(statement)}

    async def restorable_of(self, section_ids: Collection[uuid.UUID]) -> list[QuizQuestion]:
        """List the questions of sections that may be restored, the last one deleted first."""
        statement = (
            select(QuizQuestion)
            .where(QuizQuestion.section_id.in_(section_ids), restorable(QuizQuestion))
            .order_by(QuizQuestion.deleted_at.desc(), QuizQuestion.id)
        )
        return list(await self.session.scalars(statement))

    async def ids_outside(
        self, section_id: uuid.UUID, question_ids: list[uuid.UUID]
    ) -> set[uuid.UUID]:
        """Return those of the ids that questions of other sections have."""
        statement = select(QuizQuestion.id).where(
            QuizQuestion.id.in_(question_ids), QuizQuestion.section_id != section_id
        )
        return set(await self.session.scalars(statement))
