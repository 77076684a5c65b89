from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given

from app.domain.content.quiz.key import QuizKey
from app.domain.content.quiz.questions import Question
from app.domain.study.quiz.attempts import draw_snapshot, grade_attempt, right_answer
from app.domain.study.quiz.feedback import tell
from app.domain.study.quiz.grading import Correction, CorrectionKind
from tests.domain.content.quiz.strategies import items, question, questions

RESULTS = {"correct": "well done", "incorrect": "no", "partly_correct": "nearly"}
WHOLE = {"correct": "well done", "incorrect": "no"}
SINGLE = question(
    "single_choice",
    {
        "options": items("a", "b", "c"),
        "correct": ["a", "b"],
        "feedback": {**WHOLE, "options": {"b": "also right", "c": "why not"}},
    },
)
SEVERAL = question(
    "multiple_choice",
    {
        "options": items("a", "b", "c"),
        "correct": ["a", "b"],
        "feedback": {**RESULTS, "options": {"a": "yes", "c": "no c"}},
    },
)
TRUTH = question(
    "true_false", {"correct": True, "feedback": {**WHOLE, "options": {"false": "it is true"}}}
)
SHORT = question(
    "short_answer",
    {
        "accepted": ["Gloves"],
        "feedback": {
            **WHOLE,
            "answers": [
                {"answer": "gloves", "feedback": "both hands"},
                {"answer": "shoes", "feedback": "too low"},
            ],
        },
    },
)
NUMBER = question(
    "numeric",
    {
        "correct": 5,
        "tolerance": 0.5,
        "alternatives": [{"number": 41, "tolerance": 1}],
        "feedback": {
            **WHOLE,
            "answers": [
                {"number": 0, "tolerance": 100, "feedback": "around"},
                {"number": 41, "tolerance": 1, "feedback": "in Fahrenheit"},
            ],
        },
    },
)
MATCH = question(
    "matching",
    {
        "left": items("l1", "l2"),
        "right": items("r1", "r2"),
        "pairs": {"l1": "r1", "l2": "r2"},
        "feedback": {**RESULTS, "pairs": {"l1": "they belong together"}},
    },
)
ORDER = question(
    "ordering", {"items": items("a", "b", "c"), "correct": ["a", "b", "c"], "feedback": RESULTS}
)


def told(
    asked: Question, answer: object, *, show_answer: bool = False, correction: Any = None
) -> tuple[str | None, list[tuple[str | None, str]]]:
    key = QuizKey(questions=(asked,))
    saved = {} if answer is None else {str(asked.id): answer}
    graded = grade_attempt(draw_snapshot(key, "seed"), key, saved, correction or [])
    said = tell(asked, answer, graded.questions[0], show_answer=show_answer)
    return said.to_result, [(each.item_id, each.text) for each in said.to_answer]


class TestTell:
    @pytest.mark.parametrize(
        ("asked", "answer", "expected"),
        [
            (SINGLE, "a", ("well done", [])),
            (SINGLE, "b", ("well done", [("b", "also right")])),
            (SINGLE, "c", ("no", [("c", "why not")])),
            (SINGLE, None, ("no", [])),
            (SEVERAL, ["b", "a"], ("well done", [("a", "yes")])),
            (SEVERAL, ["a"], ("nearly", [("a", "yes")])),
            (SEVERAL, ["c"], ("no", [("c", "no c")])),
            (TRUTH, True, ("well done", [])),
            (TRUTH, False, ("no", [("false", "it is true")])),
            (SHORT, " GLOVES", ("well done", [(None, "both hands")])),
            (SHORT, "Shoes", ("no", [(None, "too low")])),
            (SHORT, "hat", ("no", [])),
            (SHORT, None, ("no", [])),
            (NUMBER, None, ("no", [])),
            (NUMBER, 5.5, ("well done", [(None, "around")])),
            (NUMBER, "40", ("well done", [(None, "in Fahrenheit")])),
            (NUMBER, 60, ("no", [(None, "around")])),
            (NUMBER, 600, ("no", [])),
            (MATCH, {"l1": "r1"}, ("nearly", [])),
            (ORDER, ["a", "c", "b"], ("nearly", [])),
            (ORDER, ["c", "a", "b"], ("no", [])),
        ],
    )
    def test_speaks_to_what_was_answered(
        self, asked: Question, answer: object, expected: object
    ) -> None:
        assert told(asked, answer) == expected

    def test_pairs_are_explained_with_the_answers(self) -> None:
        shown = told(MATCH, {"l1": "r2"}, show_answer=True)
        assert shown == ("no", [("l1", "they belong together")])

    @pytest.mark.parametrize(
        "correction",
        [
            Correction(question_id=SINGLE.id, kind=CorrectionKind.VOID),
            Correction(question_id=SINGLE.id, kind=CorrectionKind.CREDIT),
            Correction(question_id=SINGLE.id, kind=CorrectionKind.ACCEPT, answer="c"),
        ],
    )
    def test_is_silent_where_a_correction_judged_otherwise(self, correction: Correction) -> None:
        assert told(SINGLE, "c", correction=[correction]) == (None, [])

    @given(questions())
    def test_the_right_answer_is_never_told_to_be_wrong(self, asked: Question) -> None:
        written = asked.metadata.feedback
        to_result, _ = told(asked, right_answer(asked))
        assert to_result == (written.correct if written else None)

    def test_every_right_option_and_number_has_all_points(self) -> None:
        for asked, answer in ((SINGLE, "a"), (SINGLE, "b"), (NUMBER, 5), (NUMBER, 42)):
            key = QuizKey(questions=(asked,))
            graded = grade_attempt(draw_snapshot(key, "s"), key, {str(asked.id): answer})
            assert graded.points == Fraction(1)
