import uuid

from sqlalchemy import select

from app.models import QuizQuestion
from app.repositories.base import Repository


class QuestionRepository(Repository[QuizQuestion]):
    model = QuizQuestion

    async def ids_outside(
        self, section_id: uuid.UUID, question_ids: list[uuid.UUID]
    ) -> set[uuid.UUID]:
        """Return those of the ids that questions of other sections have."""
        statement = select(QuizQuestion.id).where(
            QuizQuestion.id.in_(question_ids), QuizQuestion.section_id != section_id
        )
        return set(await self.session.scalars(statement))
