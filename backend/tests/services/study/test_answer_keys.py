import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.domain.content.quiz.key import QuizKey
from app.models.types import JsonObject
from app.services.study.answer_keys import AnswerKeys
from tests.domain.content.quiz.strategies import items, question

SECTION = uuid.UUID(int=1)


def stored(size: int) -> JsonObject:
    metadata = {"options": items("a", "b"), "correct": ["a"]}
    asked = tuple(question("single_choice", metadata, id=uuid.UUID(int=n)) for n in range(size))
    return QuizKey(questions=asked).model_dump(mode="json")


def test_a_key_is_parsed_once() -> None:
    keys, version = AnswerKeys(10), uuid.uuid4()
    key = keys.parsed(version, SECTION, stored(2))
    assert key == QuizKey.model_validate(stored(2))
    assert keys.parsed(version, SECTION, {}) is key
    assert keys.parsed(version, uuid.uuid4(), stored(2)) is not key


def test_the_least_recently_used_leaves_first() -> None:
    keys, versions = AnswerKeys(6), [uuid.uuid4() for _ in range(4)]
    first, second, third = (keys.parsed(each, SECTION, stored(2)) for each in versions[:3])
    assert keys.parsed(versions[0], SECTION, {}) is first
    keys.parsed(versions[3], SECTION, stored(2))
    assert keys.parsed(versions[0], SECTION, {}) is first
    assert keys.parsed(versions[2], SECTION, {}) is third
    assert keys.parsed(versions[1], SECTION, stored(2)) is not second


@given(sizes=st.lists(st.integers(1, 6), min_size=1, max_size=8))
def test_what_is_kept_has_so_many_questions_at_most(sizes: list[int]) -> None:
    keys, versions = AnswerKeys(5), [uuid.uuid4() for _ in sizes]
    parsed = [
        keys.parsed(each, SECTION, stored(size)) for each, size in zip(versions, sizes, strict=True)
    ]
    questions = 0
    for size, version, key in reversed(list(zip(sizes, versions, parsed, strict=True))):
        # A quiz that is larger than everything that is kept is not kept, and displaces nothing.
        questions += size if size <= 5 else 0
        if size <= 5 and questions <= 5:
            assert keys.parsed(version, SECTION, {}) is key
        else:
            with pytest.raises(ValidationError):
                keys.parsed(version, SECTION, {})
