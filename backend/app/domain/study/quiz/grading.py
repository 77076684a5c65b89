"""Grading: a pure function of what was shown, the key and the answers.

Points are exact fractions; decimals are for display only, rounded half up.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any, Final, Self, assert_never
from uuid import UUID

from pydantic import model_validator

from app.domain.content.quiz.key import QuizKey
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
from app.domain.fields import Value, refuse
from app.domain.study.quiz.answers import Answer, answer_json, is_blank, parse_answer

NOTHING: Final = Fraction(0)
ALL: Final = Fraction(1)


class CorrectionKind(StrEnum):
    ACCEPT = "accept"
    VOID = "void"
    CREDIT = "credit"


class Correction(Value):
    """What an author decides about a question whose key was wrong.

    accept: `answer` is as right as the key; void: the question counts for nobody; credit: everybody
    who was shown the question has its full points, whatever the answer.
    """

    question_id: UUID
    kind: CorrectionKind
    answer: Any = None

    @model_validator(mode="after")
    def _answer_belongs_to_accept(self) -> Self:
        if (self.kind is CorrectionKind.ACCEPT) != (self.answer is not None):
            refuse("answer_mismatch", "An answer goes with accept, and with nothing else.")
        return self


@dataclass(frozen=True, slots=True)
class QuestionGrade:
    question_id: UUID
    points: Fraction
    max_points: Fraction
    answered: bool
    voided: bool = False

    @property
    def correct(self) -> bool:
        """Whether it has its full points; a voided question is neither right nor wrong."""
        return not self.voided and self.points == self.max_points


@dataclass(frozen=True, slots=True)
class Grade:
    points: Fraction
    max_points: Fraction
    passed: bool
    questions: tuple[QuestionGrade, ...]

    @property
    def score_percent(self) -> Decimal:
        """For display; `passed` was decided on the exact share."""
        return rounded(share(self.points, self.max_points) * 100)


def share(points: Fraction, max_points: Fraction) -> Fraction:
    """Return the share of the points that was reached; 0 if there were no points."""
    return points / max_points if max_points else NOTHING


def rounded(number: Fraction, places: int = 2) -> Decimal:
    """Round a non-negative fraction half up to a number of decimal places."""
    units = (number * 10**places + Fraction(1, 2)).__floor__()
    return Decimal(units).scaleb(-places)


def grade(
    shown: Iterable[UUID],
    key: QuizKey,
    answers: Mapping[UUID, Answer],
    corrections: Sequence[Correction] = (),
) -> Grade:
    """Grade the questions that were shown, by their ids, under the key of the version.

    Answers come validated from `parse_answers`; those to other questions are not looked at.
    """
    by_id = {question.id: question for question in key.questions}
    grades = tuple(
        _grade_question(by_id[question_id], answers.get(question_id), corrections)
        for question_id in shown
    )
    points = sum((each.points for each in grades), NOTHING)
    max_points = sum((each.max_points for each in grades), NOTHING)
    passed = share(points, max_points) * 100 >= Fraction(key.pass_mark)
    return Grade(points, max_points, passed, grades)


def _grade_question(
    question: Question, answer: Answer, corrections: Sequence[Correction]
) -> QuestionGrade:
    ours = [each for each in corrections if each.question_id == question.id]
    kinds = {each.kind for each in ours}
    answered = not is_blank(answer)
    if CorrectionKind.VOID in kinds:
        return QuestionGrade(question.id, NOTHING, NOTHING, answered, voided=True)
    max_points = Fraction(question.points)
    if CorrectionKind.CREDIT in kinds:
        return QuestionGrade(question.id, max_points, max_points, answered)
    accepted = [each for each in ours if each.kind is CorrectionKind.ACCEPT]
    variants = [question, *(accepting(question, each.answer) for each in accepted)]
    reached = max(share_right(variant, answer) for variant in variants)
    return QuestionGrade(question.id, max_points * reached, max_points, answered)


def accepting(question: Question, raw: object) -> Question:
    """Return the question with `raw`, an answer as a learner gives it, as its key.

    A numeric answer keeps the tolerance. Raises AnswerError, or pydantic.ValidationError where the
    answer is no complete key.
    """
    answer = answer_json(parse_answer(question, raw))
    fields = question.as_json()
    match question:
        case SingleChoiceQuestion():
            change = {"correct": [answer]}
        case ShortAnswerQuestion():
            change = {"accepted": [answer]}
        case MatchingQuestion():
            change = {"pairs": answer}
        case (
            MultipleChoiceQuestion() | TrueFalseQuestion() | NumericQuestion() | OrderingQuestion()
        ):
            change = {"correct": answer}
        case _:
            assert_never(question)
    return type(question).model_validate({**fields, "metadata": {**fields["metadata"], **change}})


def share_right(question: Question, answer: Answer) -> Fraction:
    """Return the share of a question's points, 0 to 1, that an answer is worth."""
    match question:
        case MultipleChoiceQuestion():
            return _chosen_share(question.metadata.correct, answer)
        case MatchingQuestion():
            return _matched_share(question.metadata.pairs, answer)
        case OrderingQuestion():
            return _placed_share(question.metadata.correct, answer)
        case (
            SingleChoiceQuestion() | TrueFalseQuestion() | ShortAnswerQuestion() | NumericQuestion()
        ):
            return ALL if _is_right(question, answer) else NOTHING
        case _:
            assert_never(question)


def _chosen_share(correct: Sequence[str], chosen: Answer) -> Fraction:
    """Right minus wrong, not below 0, over the number of right ones."""
    if not isinstance(chosen, tuple):
        return NOTHING
    right = len(set(correct) & set(chosen))
    wrong = len(set(chosen) - set(correct))
    return max(NOTHING, Fraction(right - wrong, len(correct)))


def _matched_share(pairs: Mapping[str, str], matched: Answer) -> Fraction:
    if not isinstance(matched, dict):
        return NOTHING
    return Fraction(sum(matched.get(left) == right for left, right in pairs.items()), len(pairs))


def _placed_share(order: Sequence[str], placed: Answer) -> Fraction:
    if not isinstance(placed, tuple):
        return NOTHING
    return Fraction(sum(map(str.__eq__, placed, order)), len(order))


def _is_right(
    question: SingleChoiceQuestion | TrueFalseQuestion | ShortAnswerQuestion | NumericQuestion,
    answer: Answer,
) -> bool:
    match question:
        case SingleChoiceQuestion():
            return answer in question.metadata.correct
        case TrueFalseQuestion():
            return answer is question.metadata.correct
        case ShortAnswerQuestion():
            return isinstance(answer, str) and question.metadata.accepts(answer)
        case NumericQuestion():
            return isinstance(answer, Decimal) and question.metadata.accepts(answer)
        case _:
            assert_never(question)
