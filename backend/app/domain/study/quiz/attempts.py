"""Attempts: what is drawn, whether another one may start, and what is told afterwards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from app.domain.content.quiz.key import QuizKey
from app.domain.content.quiz.questions import (
    MatchingQuestion,
    Question,
    QuestionView,
    ShortAnswerQuestion,
    SingleChoiceQuestion,
    answer_key,
    learner_view,
)
from app.domain.content.quiz.shuffle import shuffled
from app.domain.content.section_settings import Feedback, QuizSettings
from app.domain.fields import HundredthsNumber, Value
from app.domain.study.quiz.answers import parse_answers
from app.domain.study.quiz.feedback import AnswerFeedback, tell
from app.domain.study.quiz.grading import Correction, Grade, QuestionGrade, grade, rounded

NETWORK_GRACE: Final = timedelta(seconds=5)
"""How long answers that were sent in time may take to arrive."""


class Snapshot(Value):
    """What an attempt shows, in its order, without the key. Kept with the attempt for ever."""

    seed: str
    questions: tuple[QuestionView, ...]

    def by_id(self) -> dict[UUID, QuestionView]:
        return {question.id: question for question in self.questions}


def draw_snapshot(key: QuizKey, seed: str) -> Snapshot:
    """Draw from the pool and shuffle as the quiz's rules say; the seed alone decides how.

    The seed must not contain a line feed, and must not be known before the attempt starts.
    """
    drawn = shuffled(key.questions, seed, "draw")[: key.draw]
    if key.shuffle:
        ordered = shuffled(drawn, seed, "order")
    else:
        ids = {question.id for question in drawn}
        ordered = tuple(question for question in key.questions if question.id in ids)
    seed_of_options = seed if key.shuffle else None
    return Snapshot(
        seed=seed,
        questions=tuple(learner_view(question, seed_of_options) for question in ordered),
    )


def learner_questions(snapshot: Snapshot) -> list[dict[str, Any]]:
    """Return the questions as api.md's attempts list them."""
    return [question.as_json() for question in snapshot.questions]


def grade_attempt(
    snapshot: Snapshot,
    key: QuizKey,
    saved: Mapping[str, object],
    corrections: Sequence[Correction] = (),
) -> Grade:
    """Grade answers as they were saved, question id to JSON.

    Raises ValueError where a saved answer is malformed: none is saved before it is validated.
    """
    parsed = parse_answers(snapshot.by_id(), saved)
    if parsed.faults:
        message = "a saved answer does not fit the question that was shown"
        raise ValueError(message)
    return grade(snapshot.by_id(), key, parsed.valid, corrections)


class Refusal(StrEnum):
    ALREADY_PASSED = "already_passed"
    NO_ATTEMPTS_LEFT = "no_attempts_left"
    COOLING_DOWN = "cooling_down"


@dataclass(frozen=True, slots=True)
class ClosedAttempt:
    """`closed_at` is when it was submitted, or its deadline where time ran out."""

    number: int
    closed_at: datetime
    passed: bool


@dataclass(frozen=True, slots=True)
class NextAttempt:
    """Whether one may start. `attempts_left` counts this one; None is without limit."""

    number: int
    attempts_left: int | None
    refusal: Refusal | None = None
    available_at: datetime | None = None


def attempts_left(rules: QuizSettings, used: int, granted: int = 0) -> int | None:
    return left_of(rules.max_attempts, used, granted)


def left_of(allowed: int | None, used: int, granted: int = 0) -> int | None:
    """Return how many are not used. `granted` are those beyond the `allowed` ones."""
    return None if allowed is None else max(0, allowed + granted - used)


def startable(left: int | None, *, passed: bool, closed: bool) -> int | None:
    """Return how many of those left may be started: none of a passed quiz or closed enrollment."""
    return 0 if passed or closed else left


def next_attempt(
    rules: QuizSettings, closed: Sequence[ClosedAttempt], now: datetime, *, granted: int = 0
) -> NextAttempt:
    """Decide on another attempt, given all closed ones that count with it.

    `now` is the database's clock. An attempt that is still open is resumed instead.
    """
    number = 1 + max((attempt.number for attempt in closed), default=0)
    left = attempts_left(rules, len(closed), granted)
    if any(attempt.passed for attempt in closed):
        return NextAttempt(number, left, Refusal.ALREADY_PASSED)
    if left == 0:
        return NextAttempt(number, left, Refusal.NO_ATTEMPTS_LEFT)
    last_closed_at = max((attempt.closed_at for attempt in closed), default=None)
    available_at = cooled_down(rules.cooldown_minutes, last_closed_at)
    if available_at and now < available_at:
        return NextAttempt(number, left, Refusal.COOLING_DOWN, available_at)
    return NextAttempt(number, left)


def cooled_down(cooldown_minutes: int, last_closed_at: datetime | None) -> datetime | None:
    """Return when the pause after the last attempt ends."""
    if last_closed_at is None:
        return None
    return last_closed_at + timedelta(minutes=cooldown_minutes)


def deadline(rules: QuizSettings, started_at: datetime) -> datetime | None:
    if rules.time_limit_seconds is None:
        return None
    return started_at + timedelta(seconds=rules.time_limit_seconds)


def is_over(expires_at: datetime | None, now: datetime) -> bool:
    """Whether time has run out, the grace for the network included; its last instant counts."""
    return expires_at is not None and now > expires_at + NETWORK_GRACE


class QuestionFeedback(Value):
    """`correct` is null for a voided question; points are rounded for display.

    `result_feedback` is about the result, `answer_feedback` about what was answered.
    `correct_answer` is one right answer, as a learner would give it.
    """

    question_id: UUID
    answered: bool
    correct: bool | None
    points: HundredthsNumber
    max_points: HundredthsNumber
    explanation: str | None = None
    result_feedback: str | None = None
    answer_feedback: tuple[AnswerFeedback, ...] = ()
    correct_answer: str | bool | int | float | list[str] | dict[str, str] | None = None


class AttemptFeedback(Value):
    questions: tuple[QuestionFeedback, ...]


def gives_feedback(key: QuizKey, *, passed: bool) -> bool:
    """Tell whether the quiz's policy lets the learner see anything of a graded attempt."""
    return key.feedback is Feedback.AFTER_ATTEMPT or (
        key.feedback is Feedback.AFTER_PASS and passed
    )


def feedback(
    result: Grade,
    key: QuizKey,
    answers: Mapping[str, object],
    *,
    passed: bool,
    attempts_left: int | None,
) -> AttemptFeedback | None:
    """Return what the quiz's policy lets the learner see of a graded attempt, or None.

    after_pass: everything, once the quiz is passed. after_attempt: right, wrong, explanations and
    feedback to what was answered after each attempt, and the right answers once no further attempt
    could use them. `answers` as they were saved, question id to JSON.
    """
    if not gives_feedback(key, passed=passed):
        return None
    by_id = {question.id: question for question in key.questions}
    show_answers = passed or attempts_left == 0
    return AttemptFeedback(
        questions=tuple(
            _explain(
                each,
                by_id[each.question_id],
                answers.get(str(each.question_id)),
                show_answer=show_answers,
            )
            for each in result.questions
        )
    )


def _explain(
    result: QuestionGrade, question: Question, answer: object, *, show_answer: bool
) -> QuestionFeedback:
    told = tell(question, answer, result, show_answer=show_answer)
    return QuestionFeedback(
        question_id=result.question_id,
        answered=result.answered,
        correct=None if result.voided else result.correct,
        points=rounded(result.points),
        max_points=rounded(result.max_points),
        explanation=question.explanation,
        result_feedback=told.to_result,
        answer_feedback=told.to_answer,
        correct_answer=right_answer(question) if show_answer else None,
    )


def right_answer(question: Question) -> Any:  # noqa: ANN401  # JSON of a shape by kind
    """Return one right answer as JSON, as a learner would give it."""
    key = answer_key(question)["metadata"]
    match question:
        case ShortAnswerQuestion():
            return key["accepted"][0]
        case MatchingQuestion():
            return key["pairs"]
        case SingleChoiceQuestion():
            return key["correct"][0]
        case _:
            return key["correct"]
