import uuid
from datetime import datetime

from app.domain.fields import ExactNumber, Statement
from app.domain.study.quiz.grading import CorrectionKind
from app.schemas.answers import Answer
from app.schemas.base import Payload, Resource


class CorrectionCreate(Payload):
    """`answer`, as a learner would give it, goes with accept: it is right as well as the key.

    void: the question counts for nobody; credit: everybody who saw it has its full points.
    """

    section_id: uuid.UUID
    question_id: uuid.UUID
    kind: CorrectionKind
    answer: Answer = None
    note: Statement


class CorrectionRead(Resource):
    id: uuid.UUID
    number: int
    section_id: uuid.UUID
    question_id: uuid.UUID
    kind: CorrectionKind
    answer: Answer
    note: str
    created_by_id: uuid.UUID | None
    created_at: datetime


class RegradeRead(Resource):
    """`kept_pass`: the new score is below the pass mark, but the attempt stays passed."""

    attempt_id: uuid.UUID
    enrollment_id: uuid.UUID
    user_id: uuid.UUID
    number: int
    score_before: ExactNumber
    score_after: ExactNumber
    passed_before: bool
    passed_after: bool
    kept_pass: bool


class CorrectionReport(Resource):
    """What a correction changes, or would change in a dry run; `correction` is null then."""

    dry_run: bool
    correction: CorrectionRead | None
    attempts_seen: int
    """Graded attempts that showed the question."""

    newly_passed: int
    kept_passes: int
    records_corrected: int | None
    """Number of training records that correct earlier ones; null in a dry run."""

    changes: list[RegradeRead]
    """The results of people whom the reader may see. The counts include everybody."""
