"""The published key of a quiz section: its rules and its questions, answers included."""

from app.domain.content.quiz.questions import Question
from app.domain.content.section_settings import QuizSettings


class QuizKey(QuizSettings):
    """Kept apart from learner content, and never sent to a learner in any form.

    Not even as a hash: a key of a few questions can be found by trying.
    """

    questions: tuple[Question, ...]
