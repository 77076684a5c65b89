import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from app.domain.content.quiz.questions import QuestionView
from app.domain.fields import ExactNumber
from app.domain.study.quiz.attempts import AttemptFeedback
from app.models.study.attempt import AttemptState
from app.schemas.base import Payload, Resource
from app.schemas.described import DescribedAs

MAX_ANSWERS = 1_000

ShownQuestion = Annotated[dict[str, Any], DescribedAs(QuestionView)]
Answer = Annotated[Any, DescribedAs(str | bool | float | list[str] | dict[str, str] | None)]
Answers = dict[str, Answer]


class AnswersPayload(Payload):
    """Answers by question id, in the form that docs/quizzes.md gives by kind; null clears one."""

    answers: Answers = Field(default_factory=dict, max_length=MAX_ANSWERS)


class AttemptBase(Resource):
    id: uuid.UUID
    enrollment_id: uuid.UUID
    section_id: uuid.UUID
    number: int
    state: AttemptState
    started_at: datetime
    expires_at: datetime | None


class AttemptOpen(AttemptBase):
    """What the learner needs to continue the attempt, also on another device."""

    state: Literal[AttemptState.OPEN]
    questions: list[ShownQuestion]
    answers: Answers


class AnswersSaved(Resource):
    id: uuid.UUID
    state: Literal[AttemptState.OPEN] = AttemptState.OPEN
    answers: Answers
    expires_at: datetime | None


class AttemptRead(AttemptBase):
    """A line of a list: results are null while the attempt is open."""

    user_id: uuid.UUID
    submitted_at: datetime | None
    timed_out: bool
    score_percent: ExactNumber | None
    passed: bool | None
    points: ExactNumber | None
    max_points: ExactNumber | None
    pass_mark: ExactNumber


class AttemptResultRead(AttemptRead):
    """`feedback`, `questions` and `answers` are there for the learner alone.

    `feedback` is there only if the quiz's policy allows it. Points are rounded for display, but
    `passed` was decided by the exact points.
    """

    feedback: AttemptFeedback | None = Field(None, exclude_if=lambda value: value is None)
    questions: list[ShownQuestion] | None = Field(None, exclude_if=lambda value: value is None)
    answers: Answers | None = Field(None, exclude_if=lambda value: value is None)
