"""The members of the union `Question`, by their kind."""

from typing import Any, get_args

from app.domain.content.quiz.questions import Metadata, Question, QuestionKind

QUESTION_TYPES: dict[QuestionKind, Any] = {
    kind: member
    for member in get_args(get_args(Question)[0])
    for kind in get_args(member.model_fields["kind"].annotation)
}


def parse_metadata(kind: QuestionKind, raw: dict[str, Any]) -> Metadata:
    parsed: Metadata = QUESTION_TYPES[kind].model_fields["metadata"].annotation.model_validate(raw)
    return parsed
