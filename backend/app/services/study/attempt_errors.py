"""Why an attempt is not started, kept or graded."""

from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import Field

from app.core.errors import ConflictError, FieldError, InvalidPayloadError, pointer_to
from app.domain.study.quiz.answers import AnswerFault


class NotAQuizSectionError(ConflictError):
    code = "not_a_quiz"
    title = "Only quiz sections have attempts"


class AttemptClosedError(ConflictError):
    code = "attempt_closed"
    title = "This attempt is closed"


class AlreadyPassedError(ConflictError):
    code = "already_passed"
    title = "This quiz is passed"


class NoAttemptsLeftError(ConflictError):
    code = "no_attempts_left"
    title = "All attempts at this quiz are used"


class CoolingDownError(ConflictError):
    code = "cooling_down"
    title = "The next attempt may start a little later"
    members: ClassVar = {
        "available_at": Annotated[datetime, Field(examples=["2026-11-28T09:30:00Z"])],
        "server_time": Annotated[datetime, Field(examples=["2026-11-28T09:12:00Z"])],
    }

    def __init__(self, available_at: datetime, now: datetime) -> None:
        super().__init__(available_at=_rfc3339(available_at), server_time=_rfc3339(now))


def _rfc3339(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")


class AttemptStartedError(ConflictError):
    code = "attempt_started"
    title = "Another attempt was started meanwhile"


class InvalidAnswersError(InvalidPayloadError):
    code = "invalid_answers"
    title = "Some answers are not valid; none of this request was saved"

    def __init__(self, faults: list[AnswerFault]) -> None:
        super().__init__(
            [FieldError(pointer_to("answers", each.key), each.code, each.detail) for each in faults]
        )
