"""Answer keys as the rules of quizzes want them. To check one takes 2 ms for 50 questions."""

import uuid
from collections import OrderedDict

from app.domain.content.quiz.key import QuizKey
from app.models.types import JsonObject

MAX_QUESTIONS = 1_000
"""In a process; a parsed question takes about 4 kB."""


class AnswerKeys:
    """The most recently used ones. Versions are immutable, so nothing in here ever goes stale."""

    def __init__(self, max_questions: int) -> None:
        self._max_questions = max_questions
        self._questions = 0
        self._parsed: OrderedDict[tuple[uuid.UUID, uuid.UUID], QuizKey] = OrderedDict()

    def parsed(self, version_id: uuid.UUID, section_id: uuid.UUID, stored: JsonObject) -> QuizKey:
        """Return a version's key for a section, checked once."""
        key = self._parsed.get((version_id, section_id))
        if key is None:
            key = self._parsed[version_id, section_id] = QuizKey.model_validate(stored)
            self._questions += len(key.questions)
            while self._questions > self._max_questions:
                self._questions -= len(self._parsed.popitem(last=False)[1].questions)
        else:
            self._parsed.move_to_end((version_id, section_id))
        return key


parsed_key = AnswerKeys(MAX_QUESTIONS).parsed
