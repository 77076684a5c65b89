import uuid

from app.domain.content.question_bank import BankFormat
from app.domain.content.quiz.questions import QuestionKind
from app.schemas.base import Resource
from app.schemas.content.question import ChangedQuiz


class ProblemRead(Resource):
    """`skipped`: the question was not imported or exported.

    An import then refuses the whole file, unless it was told to skip such questions.
    """

    line: int
    name: str | None
    """The question's name, or the beginning of its prompt; null where neither can be read."""

    code: str
    detail: str
    skipped: bool


class ImportReport(ChangedQuiz):
    """What an import did, or would do in a dry run. Questions are recognised by their ids.

    `problems` names each question that was skipped, and what was left out of other questions.
    """

    format: BankFormat
    dry_run: bool
    found: int
    carried: dict[QuestionKind, int]
    created: int
    updated: int
    unchanged: int
    problems: list[ProblemRead]


class NotCarriedRead(Resource):
    question_id: uuid.UUID
    code: str
    detail: str


class ExportReport(Resource):
    format: BankFormat
    exported: int
    not_carried: list[NotCarriedRead]
