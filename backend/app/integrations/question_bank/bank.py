"""What all exchange formats share: the report of an import or export, and the intake."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from pydantic import ValidationError

from app.domain.content.quiz.feedback import (
    NumberFeedback,
    NumericFeedback,
    ShortAnswerFeedback,
    TextFeedback,
)
from app.domain.content.quiz.metadata import MAX_ITEMS, Item, QuestionKind
from app.domain.content.quiz.questions import (
    MAX_CATEGORY,
    MAX_NAME,
    MAX_TAG,
    MAX_TAGS,
    MatchingQuestion,
    MultipleChoiceQuestion,
    OrderingQuestion,
    Question,
    SingleChoiceQuestion,
    parse_question,
)

NewId = Callable[[], UUID]

MAX_QUESTIONS: Final = 500
"""How many questions a file may have at most, which limits the work that one request can cause."""

MAX_ANSWERS: Final = 2 * MAX_ITEMS
NAME_LENGTH: Final = 60
_CATEGORY_START = re.compile(r"(?:\$[a-z0-9]+\$(?:/|$))?(?:top(?:/|$))?", re.IGNORECASE)
MAX_QUESTION_LENGTH: Final = 100_000


@dataclass(frozen=True, slots=True)
class Problem:
    """`skipped`: the question at this line (from 1) is not among the imported ones.

    Otherwise it is, and `detail` says what was left behind.
    """

    line: int
    code: str
    detail: str
    skipped: bool = True
    name: str | None = None


@dataclass(slots=True)
class Imported:
    """`found` counts the questions of the file, carried or not; `lines` says where each begins.

    Nothing of an `unreadable` file may be imported, because the rest of it is unknown.
    """

    questions: list[Question] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    found: int = 0
    unreadable: bool = False
    lines: dict[UUID, int] = field(default_factory=dict)

    @property
    def carried(self) -> dict[QuestionKind, int]:
        return dict(Counter(question.kind for question in self.questions))


@dataclass(frozen=True, slots=True)
class NotCarried:
    question_id: UUID
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Exported:
    content: bytes
    not_carried: list[NotCarried] = field(default_factory=list)


class UnsupportedError(Exception):
    """A question, or a file, that a format or this platform has no way to carry."""

    def __init__(self, code: str, detail: str, line: int = 1) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.line = line


@dataclass(slots=True)
class Found:
    """A question that is being imported: what was read of it, and notes on what was left out."""

    line: int
    prompt: str = ""
    kind: QuestionKind | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    points: Decimal = Decimal(1)
    explanation: str | None = None
    results: dict[str, str] = field(default_factory=dict)
    name: str | None = None
    category: str | None = None
    tags: tuple[str, ...] = ()
    id: UUID | None = None
    picture: Any = None
    item_ids: tuple[str, ...] = ()
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str | None:
        """The text by which an author recognises the question."""
        return (self.name or " ".join(self.prompt.split()))[:NAME_LENGTH] or None

    def become(self, kind: QuestionKind, metadata: Mapping[str, Any], **feedback: object) -> None:
        """Set the kind. `feedback` is feedback on answers; feedback on results is in `results`."""
        self.kind = kind
        told = self.results | {name: value for name, value in feedback.items() if value}
        self.metadata = {**metadata, "feedback": told or None}

    def keep_labels(self) -> None:
        """Cut the labels to the lengths that are stored here, and note what was cut."""
        self.name = self._cut("name", self.name, MAX_NAME)
        self.category = self._cut("category", self.category, MAX_CATEGORY)
        kept = [tag for tag in self.tags if tag.strip() and ";" not in tag and len(tag) <= MAX_TAG]
        if len(kept) < len(self.tags) or len(kept) > MAX_TAGS:
            self.notes["tags_dropped"] = "Tags that are too long or many, or have a ; stay behind."
        self.tags = tuple(kept[:MAX_TAGS])

    def _cut(self, label: str, text: str | None, limit: int) -> str | None:
        if text and len(text) > limit:
            self.notes[f"{label}_cut"] = f"A {label} has {limit} characters here."
        return text[:limit] if text else None

    def identify(self, text: str) -> None:
        """Keep the id if it is a UUID, as ours are. Other systems use any text as an id."""
        try:
            self.id = UUID(text)
        except ValueError:
            self.id = None
            if text:
                self.notes["id_dropped"] = "The other system's id of a question stays behind."


@dataclass(slots=True)
class Intake:
    """Collects the questions that a reader finds. A fault in one does not stop the others."""

    new_id: NewId
    imported: Imported = field(default_factory=Imported)
    _ids: set[UUID] = field(default_factory=set)

    def take(self, found: Found, read: Callable[[Found], None]) -> None:
        """Let `read` fill in a question, and keep it or say why not.

        Raises UnsupportedError once there are too many.
        """
        if self.imported.found == MAX_QUESTIONS:
            raise UnsupportedError("too_many_questions", f"A file has {MAX_QUESTIONS} at most.")
        self.imported.found += 1
        try:
            read(found)
            question = self._build(found)
        except UnsupportedError as error:
            self._skip(found, error.code, error.detail)
        except ValidationError as error:
            fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
            place = "/".join(str(part) for part in fault["loc"][1:])
            self._skip(found, fault["type"], f"{place}: {fault['msg']}")
        else:
            self._ids.add(question.id)
            self.imported.questions.append(question)
            self.imported.lines[question.id] = found.line
            for code, detail in found.notes.items():
                note = Problem(found.line, code, detail, skipped=False, name=found.title)
                self.imported.problems.append(note)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Keep what stops the reading of a whole file as its problem."""
        try:
            yield
        except UnsupportedError as error:
            self.stop(error.line, error.code, error.detail)

    def note(self, line: int, code: str, detail: str) -> None:
        self.imported.problems.append(Problem(line, code, detail, skipped=False))

    def stop(self, line: int, code: str, detail: str) -> None:
        self.imported.unreadable = True
        self.imported.problems.append(Problem(line, code, detail))

    def _skip(self, found: Found, code: str, detail: str) -> None:
        self.imported.problems.append(Problem(found.line, code, detail, name=found.title))

    def _build(self, found: Found) -> Question:
        found.keep_labels()
        question_id = found.id or self.new_id()
        if question_id in self._ids:
            raise UnsupportedError(code="duplicate_id", detail="This id was used further up.")
        return parse_question(
            {
                "id": question_id,
                "kind": found.kind,
                "prompt": found.prompt,
                "points": found.points,
                "metadata": found.metadata,
                "explanation": found.explanation,
                "name": found.name,
                "category": found.category,
                "tags": found.tags,
                "picture": found.picture,
            }
        )


def export_each(
    questions: Iterable[Question],
    write: Callable[[Question], str],
    enter: Callable[[str], str],
) -> tuple[list[str], list[NotCarried]]:
    """Write each question; `enter` writes the heading of a category before its questions."""
    written: list[str] = []
    not_carried: list[NotCarried] = []
    category: str | None = None
    for question in questions:
        try:
            text = write(question)
            if question.category != category:
                category = question.category
                written.append(enter(f"$course$/top/{category or ''}".rstrip("/")))
            written.append(text)
        except UnsupportedError as error:
            not_carried.append(NotCarried(question.id, error.code, error.detail))
    return written, not_carried


def category_of(path: str) -> str | None:
    """Return a category's path without the context and the top that Moodle starts it with."""
    return _CATEGORY_START.sub("", path.strip(), count=1) or None


def refuse_long(length: int, answers: int) -> None:
    """Refuse texts longer than any question needs before they are parsed."""
    if length > MAX_QUESTION_LENGTH:
        raise UnsupportedError("too_long", f"A question has {MAX_QUESTION_LENGTH} characters.")
    if answers > MAX_ANSWERS:
        raise UnsupportedError("too_many_answers", f"A question has {MAX_ANSWERS} answers.")


def decode(content: bytes) -> str:
    """Return the text of a UTF-8 or UTF-16 file with line feeds as line ends.

    Raises UnsupportedError for other encodings: guessing one would change what a question says.
    """
    encoding = "utf-16" if content[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        raise UnsupportedError(
            code="not_utf8", detail="The file is not UTF-8. Save it as UTF-8 and try again."
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def items(texts: Sequence[str], ids: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Give the texts the ids that they were exported with, or letters if those do not fit."""
    if len(ids) != len(texts):
        ids = [letter(place) for place in range(len(texts))]
    return [{"id": item_id, "text": text} for item_id, text in zip(ids, texts, strict=True)]


def letter(place: int) -> str:
    """Return a, b, ... z, a2, b2, ... for 0, 1, ..."""
    rounds, place = divmod(place, 26)
    return chr(ord("a") + place) + (str(rounds + 1) if rounds else "")


def item_ids(question: Question) -> tuple[str, ...]:
    return tuple(item.id for item in mentioned_items(question))


def mentioned_items(question: Question) -> tuple[Item, ...]:
    """Return a question's items in the order in which readers come upon them."""
    match question:
        case SingleChoiceQuestion() | MultipleChoiceQuestion():
            return question.metadata.options
        case MatchingQuestion():
            return *question.metadata.left, *right_as_mentioned(question)
        case OrderingQuestion():
            item_of = {item.id: item for item in question.metadata.items}
            return tuple(item_of[item_id] for item_id in question.metadata.correct)
        case _:
            return ()


def meaning(question: Question) -> dict[str, Any]:
    """Return a question as JSON without the orders that mean nothing and that formats change."""
    raw = question.as_json()
    metadata = raw["metadata"]
    match question:
        case SingleChoiceQuestion() | MultipleChoiceQuestion():
            metadata["correct"].sort()
        case MatchingQuestion():
            metadata["right"].sort(key=lambda item: item["id"])
        case OrderingQuestion():
            metadata["items"].sort(key=lambda item: item["id"])
        case _:
            pass
    return raw


def right_as_mentioned(question: MatchingQuestion) -> list[Item]:
    """Return the right sides as the pairs mention them, then the distractors."""
    metadata = question.metadata
    item_of = {item.id: item for item in metadata.right}
    matched = [metadata.pairs[item.id] for item in metadata.left]
    return [item_of[item_id] for item_id in dict.fromkeys([*matched, *item_of])]


def match_rows(question: MatchingQuestion) -> list[tuple[str, str]]:
    """Return the texts of each pair; distractors have an empty left side."""
    metadata = question.metadata
    text_of = {item.id: item.text for item in metadata.right}
    matched = [(item.text, text_of[metadata.pairs[item.id]]) for item in metadata.left]
    unmatched = [item for item in metadata.right if item.id not in metadata.pairs.values()]
    return matched + [("", item.text) for item in unmatched]


def told_answers(feedback: ShortAnswerFeedback | None) -> tuple[TextFeedback, ...]:
    return feedback.answers if feedback else ()


def told_numbers(feedback: NumericFeedback | None) -> tuple[NumberFeedback, ...]:
    return feedback.answers if feedback else ()


def plain_number(number: Decimal) -> str:
    """Write a number with a point and without an exponent."""
    return f"{number.normalize():f}"


def option_weight(question: MultipleChoiceQuestion) -> str:
    """Return, in percent, what a right option gives and a wrong one takes when we grade."""
    weight = Decimal(100) / len(question.metadata.correct)
    return plain_number(weight.quantize(Decimal("0.00001")))
