import uuid

from app.domain.content.quiz.questions import QuestionKind
from app.schemas.base import Resource


class ChoiceCount(Resource):
    """`correct` is what the published key says, whatever was corrected since."""

    choice: str
    text: str
    correct: bool
    count: int


class QuestionAnalysis(Resource):
    """Figures of one question over the graded attempts that showed it.

    `discrimination` is the point-biserial correlation of getting it right with the rest of the
    score, -1 to 1; null where either never varies. `median_seconds` to the first saved answer.
    """

    id: uuid.UUID
    kind: QuestionKind
    prompt: str
    shown: int
    answered: int
    share_right: float | None
    discrimination: float | None
    median_seconds: float | None
    choices: list[ChoiceCount]


class ScoreBand(Resource):
    """Attempts with a score from `from_percent` up to, and below but for the last, `to_percent`."""

    from_percent: int
    to_percent: int
    attempts: int


class QuizAnalysis(Resource):
    section_id: uuid.UUID
    version: int
    attempts: int
    """The graded attempts, which all other figures are about."""

    open: int
    timed_out: int
    people: int
    passed: int
    pass_rate: float | None
    mean_score: float | None
    score_deviation: float | None
    median_score: float | None
    median_seconds: float | None
    distribution: list[ScoreBand]
    questions: list[QuestionAnalysis]
