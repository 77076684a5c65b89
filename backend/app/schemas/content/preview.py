"""A quiz of a draft as a learner would take it. Nothing is kept: the client holds the seed."""

import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from app.domain.content.quiz.questions import QuestionView
from app.domain.fields import ExactNumber, Whole
from app.domain.study.quiz.attempts import AttemptFeedback
from app.schemas.answers import Answers, AnswersPayload
from app.schemas.base import Payload, Resource
from app.schemas.described import DescribedAs

Seed = Annotated[str, StringConstraints(pattern="^[0-9a-f]{32}$")]
Number = Annotated[int, Field(ge=1, le=1_000, strict=True), Whole]
ShownQuestion = Annotated[dict[str, Any], DescribedAs(QuestionView)]


class PreviewStart(Payload):
    number: Number = 1
    """Which attempt to act: feedback may depend on how many are left."""


class PreviewSubmit(AnswersPayload):
    seed: Seed
    number: Number = 1


class PreviewBase(Resource):
    section_id: uuid.UUID
    number: int
    seed: str
    """What was drawn and in which order: send it back with the answers."""

    questions: list[ShownQuestion]
    answers: Answers


class PreviewAttempt(PreviewBase):
    """As an attempt that was just started. Its deadline is shown, and not enforced."""

    state: Literal["open"]
    """As of an attempt under way, so that one page can show both."""

    started_at: datetime
    expires_at: datetime | None
    server_time: datetime | None
    """Now, by the clock of `expires_at`; null where time is not limited.

    In an answer with `Idempotency-Replayed` it is the clock of the first time.
    """


class PreviewResult(PreviewBase):
    """As the result of an attempt, with the feedback that a learner would get."""

    state: Literal["graded"]
    """As of a graded attempt, so that one page can show both."""

    score_percent: ExactNumber
    passed: bool
    points: ExactNumber
    max_points: ExactNumber
    pass_mark: ExactNumber
    attempts_left: int | None = Field(None, exclude_if=lambda value: value is None)
    """How many a learner could still start: 0 once it is passed.

    Absent where nothing limits them.
    """

    feedback: AttemptFeedback | None = Field(None, exclude_if=lambda value: value is None)
