import uuid
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from app.domain.content.quiz.questions import QuestionView
from app.domain.fields import ExactNumber
from app.domain.study.quiz.attempts import AttemptFeedback
from app.models.study.attempt import AttemptState
from app.schemas.answers import Answers
from app.schemas.base import Resource
from app.schemas.described import DescribedAs

ShownQuestion = Annotated[dict[str, Any], DescribedAs(QuestionView)]


def _hundredths(number: Decimal) -> Decimal:
    return number.quantize(Decimal("0.01"), ROUND_HALF_UP)


Points = Annotated[ExactNumber, AfterValidator(_hundredths)]
"""Rounded as the points of each question are. What decided was exact."""


class AttemptBase(Resource):
    id: uuid.UUID
    enrollment_id: uuid.UUID
    section_id: uuid.UUID
    user_id: uuid.UUID
    number: int
    started_at: datetime
    expires_at: datetime | None
    pass_mark: ExactNumber


class AttemptOpen(AttemptBase):
    """What the learner needs to continue the attempt, also on another device.

    `questions` and `answers` are empty for anybody else.
    """

    state: Literal[AttemptState.OPEN]
    server_time: datetime | None
    """Now, by the clock of `expires_at`; null where time is not limited.

    In an answer with `Idempotency-Replayed` it is the clock of the first time: read the attempt
    again (`GET /attempts/{id}`) before counting down.
    """

    questions: list[ShownQuestion]
    answers: Answers


class AnswersSaved(Resource):
    id: uuid.UUID
    state: Literal[AttemptState.OPEN] = AttemptState.OPEN
    answers: Answers
    expires_at: datetime | None
    server_time: datetime | None


class AttemptRead(AttemptBase):
    """A line of a list: results are null while the attempt is open."""

    state: AttemptState
    submitted_at: datetime | None
    timed_out: bool
    score_percent: ExactNumber | None
    passed: bool | None
    points: Points | None
    max_points: Points | None


class AttemptResultRead(AttemptBase):
    """The result, which nothing changes but a correction of the quiz's key.

    `feedback` is there only if the quiz's policy allows it. Points are rounded for display, but
    `passed` was decided by the exact points. `questions` and `answers` are empty for anybody but
    the learner, for whom alone `attempts_left`, `available_at` and `feedback` are there.
    """

    state: Literal[AttemptState.GRADED]
    submitted_at: datetime
    timed_out: bool
    score_percent: ExactNumber
    passed: bool
    points: Points
    max_points: Points
    attempts_left: int | None = Field(None, exclude_if=lambda value: value is None)
    """How many may still be started: 0 once it is passed or the enrollment is closed.

    Absent where nothing limits them.
    """

    available_at: datetime | None = Field(None, exclude_if=lambda value: value is None)
    """When the next one may start; absent where it may at once, or never."""

    server_time: datetime | None = Field(None, exclude_if=lambda value: value is None)
    """Now, by the clock of `available_at`, and there only beside it.

    In an answer with `Idempotency-Replayed` it is the clock of the first time: read the attempt
    again before counting down.
    """

    feedback: AttemptFeedback | None = Field(None, exclude_if=lambda value: value is None)
    questions: list[ShownQuestion]
    answers: Answers


AttemptByState = Annotated[AttemptOpen | AttemptResultRead, Field(discriminator="state")]
