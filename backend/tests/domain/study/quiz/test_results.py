import json
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from app.domain.study.quiz.grading import Grade, QuestionGrade
from app.domain.study.quiz.results import grade_from_json, grade_json, stored_result

shares = st.fractions(0, 1, max_denominator=50)


@st.composite
def grades(draw: st.DrawFn) -> Grade:
    questions = []
    for number in range(draw(st.integers(1, 5))):
        max_points = Fraction(draw(st.integers(1, 9)))
        points = max_points * draw(shares)
        questions.append(
            QuestionGrade(
                UUID(int=number), points, max_points, draw(st.booleans()), draw(st.booleans())
            )
        )
    points = sum((each.points for each in questions), Fraction(0))
    max_points = sum((each.max_points for each in questions), Fraction(0))
    return Grade(points, max_points, draw(st.booleans()), tuple(questions))


class TestGradeJson:
    @given(grades())
    def test_reads_back_unchanged_from_json(self, result: Grade) -> None:
        assert grade_from_json(json.loads(json.dumps(grade_json(result)))) == result

    def test_says_what_statistics_need(self) -> None:
        third = QuestionGrade(UUID(int=1), Fraction(1, 3), Fraction(1), answered=True)
        stored = grade_json(Grade(Fraction(1, 3), Fraction(1), passed=False, questions=(third,)))
        assert stored == {
            "points": "1/3",
            "max_points": "1",
            "passed": False,
            "questions": [
                {
                    "id": str(UUID(int=1)),
                    "points": "1/3",
                    "max_points": "1",
                    "value": 0.333333,
                    "answered": True,
                    "correct": False,
                    "voided": False,
                }
            ],
        }


def test_stored_result_is_rounded_for_display_alone() -> None:
    part = QuestionGrade(UUID(int=1), Fraction(1, 12), Fraction(1, 8), answered=True)
    result = Grade(Fraction(1, 12), Fraction(1, 8), passed=True, questions=(part,))
    assert stored_result(result) == {
        "points": Decimal("0.083333"),
        "max_points": Decimal("0.125"),
        "score_percent": Decimal("66.67"),
        "passed": True,
        "grades": grade_json(result),
    }
