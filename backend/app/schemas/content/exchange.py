import uuid

from app.domain.content.question_bank import BankFormat
from app.domain.content.quiz.questions import QuestionKind
from app.schemas.base import Resource


class ProblemRead(Resource):
    """`skipped`: nothing of the question was carried, so the file is refused as a whole."""

    line: int
    code: str
    detail: str
    skipped: bool


class ImportReport(Resource):
    """What an import did, or would do in a dry run. Questions are known by their ids."""

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
