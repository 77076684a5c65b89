import uuid

from app.domain.content.quiz.questions import QuestionKind
from app.domain.content.section_settings import SectionKind
from app.schemas.base import Resource

ChangedFields = list[str]


class ComparedSection(Resource):
    section_id: uuid.UUID
    kind: SectionKind
    title: str


class PlacedSection(ComparedSection):
    position: int


class ChangedSection(ComparedSection):
    fields: ChangedFields


class MovedSection(ComparedSection):
    position_before: int
    position_after: int


class SectionChanges(Resource):
    """One section may be both changed and moved."""

    added: list[PlacedSection]
    """Those after that were not there before, each with its place after."""

    removed: list[PlacedSection]
    """Those before that are not there after, each with its place before."""

    changed: list[ChangedSection]
    """Those in both that have other fields, each as it is after."""

    moved: list[MovedSection]
    """Those in both that stand elsewhere among them: the fewest that explain the order."""


class ComparedQuestion(Resource):
    section_id: uuid.UUID
    question_id: uuid.UUID
    kind: QuestionKind
    prompt: str


class PlacedQuestion(ComparedQuestion):
    position: int


class ChangedQuestion(ComparedQuestion):
    fields: ChangedFields


class MovedQuestion(ComparedQuestion):
    position_before: int
    position_after: int


class QuestionChanges(Resource):
    """Questions of sections that are in both states; the others came or went with their section."""

    added: list[PlacedQuestion]
    """Those after that were not there before, each with its place after."""

    removed: list[PlacedQuestion]
    """Those before that are not there after, each with its place before."""

    changed: list[ChangedQuestion]
    """Those in both that have other fields, each as it is after."""

    moved: list[MovedQuestion]
    """Those in both that stand elsewhere among them: the fewest that explain the order."""


class ModuleComparison(Resource):
    """What differs between two states of a module; nothing does where all lists are empty."""

    before: int | None
    """The number of the version; null for the draft."""

    after: int | None
    """The number of the version; null for the draft."""

    fields: ChangedFields
    sections: SectionChanges
    questions: QuestionChanges
