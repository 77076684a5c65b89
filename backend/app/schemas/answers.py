"""Answers to quiz questions, which several areas take and show."""

from typing import Annotated, Any

from pydantic import Field

from app.schemas.base import Payload
from app.schemas.described import DescribedAs

MAX_ANSWERS = 1_000

Answer = Annotated[Any, DescribedAs(str | bool | float | list[str] | dict[str, str] | None)]
Answers = dict[str, Answer]


class AnswersPayload(Payload):
    """Answers by question id, in the form that docs/quizzes.md gives by kind; null clears one."""

    answers: Answers = Field(default_factory=dict, max_length=MAX_ANSWERS)
