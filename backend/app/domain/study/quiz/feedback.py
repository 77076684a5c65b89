"""Chooses the parts of an author's feedback that apply to one graded answer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import assert_never

from app.domain.content.quiz.feedback import ResultFeedback, ShareFeedback
from app.domain.content.quiz.questions import (
    MatchingQuestion,
    MultipleChoiceQuestion,
    NumericQuestion,
    OrderingQuestion,
    Question,
    ShortAnswerQuestion,
    SingleChoiceQuestion,
    TrueFalseQuestion,
)
from app.domain.fields import Value
from app.domain.study.quiz.answers import Answer, parse_answer
from app.domain.study.quiz.grading import QuestionGrade, share_right


class AnswerFeedback(Value):
    """`item_id` is the chosen option or the left side of a pair, and null for typed answers."""

    item_id: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Told:
    to_result: str | None = None
    to_answer: tuple[AnswerFeedback, ...] = ()


def tell(question: Question, saved: object, result: QuestionGrade, *, show_answer: bool) -> Told:
    """Return the feedback to an answer as it was saved.

    Explanations of pairs give the right answer away, so they need `show_answer`. There is no
    feedback if a correction has changed the points: its author wrote it for the original key.
    """
    written = question.metadata.feedback
    if written is None:
        return Told()
    answer = parse_answer(question, saved)
    if result.voided or share_right(question, answer) * result.max_points != result.points:
        return Told()
    to_answer = tuple(_to_answer(question, answer, show_answer=show_answer))
    return Told(_to_result(written, result), to_answer)


def _to_result(written: ResultFeedback, result: QuestionGrade) -> str | None:
    if result.correct:
        return written.correct
    if isinstance(written, ShareFeedback) and result.points:
        return written.partly_correct
    return written.incorrect


def _to_answer(
    question: Question, answer: Answer, *, show_answer: bool
) -> Iterator[AnswerFeedback]:
    match question:
        case SingleChoiceQuestion() | MultipleChoiceQuestion() | TrueFalseQuestion():
            yield from _to_choice(question, answer)
        case ShortAnswerQuestion() | NumericQuestion():
            text = next(_to_entry(question, answer), None)
            if text is not None:
                yield AnswerFeedback(item_id=None, text=text)
        case MatchingQuestion():
            written = question.metadata.feedback
            if written is not None and show_answer:
                for item_id, text in written.pairs.items():
                    yield AnswerFeedback(item_id=item_id, text=text)
        case OrderingQuestion():
            pass
        case _:
            assert_never(question)


def _to_choice(
    question: SingleChoiceQuestion | MultipleChoiceQuestion | TrueFalseQuestion, answer: Answer
) -> Iterator[AnswerFeedback]:
    written = question.metadata.feedback
    if written is None:
        return
    for item_id, text in written.options.items():
        if item_id in _chosen(answer):
            yield AnswerFeedback(item_id=item_id, text=text)


def _chosen(answer: Answer) -> Sequence[str]:
    match answer:
        case bool():
            return [str(answer).lower()]
        case str():
            return [answer]
        case tuple():
            return answer
        case _:
            return ()


def _to_entry(question: ShortAnswerQuestion | NumericQuestion, answer: Answer) -> Iterator[str]:
    """Yield the feedback of each entry that matches the given answer."""
    match question:
        case ShortAnswerQuestion(metadata=metadata):
            if metadata.feedback is not None and isinstance(answer, str):
                for text in metadata.feedback.answers:
                    if metadata.same(text.answer, answer):
                        yield text.feedback
        case NumericQuestion(metadata=metadata):
            if metadata.feedback is not None and isinstance(answer, Decimal):
                for number in metadata.feedback.answers:
                    if number.holds(answer):
                        yield number.feedback
        case _:
            assert_never(question)
