"""Parsed answer keys, kept in memory because parsing one takes 2 ms for 50 questions."""

import uuid

from cachetools import LRUCache

from app.domain.content.quiz.key import QuizKey
from app.models.types import JsonObject

MAX_QUESTIONS = 1_000
"""The most questions kept in one process; a parsed question takes about 4 kB."""


class AnswerKeys:
    """The most recently used ones. Versions are immutable, so nothing in here ever goes stale."""

    def __init__(self, max_questions: int) -> None:
        self._parsed: LRUCache[tuple[uuid.UUID, uuid.UUID], QuizKey] = LRUCache(
            max_questions, getsizeof=lambda key: len(key.questions)
        )

    def parsed(self, version_id: uuid.UUID, section_id: uuid.UUID, stored: JsonObject) -> QuizKey:
        """Return a version's key for a section, checked once."""
        key = self._parsed.get((version_id, section_id))
        if key is None:
            key = QuizKey.model_validate(stored)
            if len(key.questions) <= self._parsed.maxsize:
                self._parsed[version_id, section_id] = key
        return key


parsed_key = AnswerKeys(MAX_QUESTIONS).parsed
