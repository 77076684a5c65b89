"""What a published module asks of who studies it, and the answers to its quizzes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, assert_never
from uuid import UUID

from app.domain.content.quiz.questions import QuestionKind
from app.domain.content.section_settings import SectionKind
from app.schemas.content.module import ModuleDraft, VersionDetail


@dataclass(frozen=True, slots=True)
class Step:
    section_id: UUID
    kind: SectionKind
    seconds: int
    """At least so long it takes."""

    answers: Mapping[str, tuple[Any, Any]]
    """A right and a wrong one by question."""


@dataclass(frozen=True, slots=True)
class Lesson:
    module_id: UUID
    steps: Sequence[Step]

    @classmethod
    def of(cls, draft: ModuleDraft, version: VersionDetail) -> Self:
        questions = {section.id: section.questions for section in draft.sections}
        return cls(
            draft.id,
            [
                Step(
                    UUID(str(section["id"])),
                    SectionKind(section["kind"]),
                    int(section.get("minimum_seconds", 0)),
                    {
                        str(question.id): answers(question.kind, question.metadata)
                        for question in questions.get(UUID(str(section["id"])), [])
                    },
                )
                for section in version.content["sections"]
            ],
        )


def answers(kind: QuestionKind, metadata: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return a right answer and a wrong one, in the form that attempts take."""
    match kind:
        case QuestionKind.SINGLE_CHOICE:
            [right] = metadata["correct"]
            pair: tuple[Any, Any] = (right, _others(metadata)[0])
        case QuestionKind.MULTIPLE_CHOICE:
            pair = (list(metadata["correct"]), _others(metadata))
        case QuestionKind.TRUE_FALSE:
            pair = (metadata["correct"], not metadata["correct"])
        case QuestionKind.SHORT_ANSWER:
            pair = (metadata["accepted"][0], "I do not know")
        case QuestionKind.NUMERIC:
            pair = (float(metadata["correct"]), float(metadata["correct"]) * 3 + 7)
        case QuestionKind.MATCHING:
            there = list(metadata["pairs"].values())
            turned = dict(zip(metadata["pairs"], [*there[1:], there[0]], strict=True))
            pair = (dict(metadata["pairs"]), turned)
        case QuestionKind.ORDERING:
            pair = (list(metadata["correct"]), metadata["correct"][::-1])
        case _:
            assert_never(kind)
    return pair


def _others(metadata: Mapping[str, Any]) -> list[str]:
    return [each["id"] for each in metadata["options"] if each["id"] not in metadata["correct"]]
