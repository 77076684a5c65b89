"""The examples of questions in the documentation are questions."""

import json
import re
import uuid
from pathlib import Path
from typing import Any

import pytest

from app.domain.content.quiz.questions import QuestionKind, parse_question
from app.schemas.content.question import QuestionCreate

PAGE = Path(__file__).parents[3] / "docs" / "quizzes.md"
EXAMPLES: list[dict[str, Any]] = [
    json.loads(block) for block in re.findall("```json\n(.*?)```", PAGE.read_text(), re.DOTALL)
]


def test_every_kind_has_an_example() -> None:
    assert [example["kind"] for example in EXAMPLES] == list(QuestionKind)


@pytest.mark.parametrize("example", EXAMPLES, ids=[example["kind"] for example in EXAMPLES])
def test_examples_are_taken_as_they_stand(example: dict[str, Any]) -> None:
    payload = QuestionCreate.model_validate(example)
    fields = payload.model_dump(exclude={"position"})
    question = parse_question({"id": uuid.uuid4(), **fields})
    assert question.metadata.as_json() == example["metadata"]
    assert question.metadata.feedback is not None
