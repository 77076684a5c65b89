"""Grades as they are stored: exact fractions as text, beside decimals for statistics."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Final
from uuid import UUID

from app.domain.fields import json_number
from app.domain.study.quiz.grading import Grade, QuestionGrade, rounded

STORED_PLACES: Final = 6


def stored_result(result: Grade) -> dict[str, Any]:
    """Return the columns that tables of results have in common."""
    return {
        "points": rounded(result.points, STORED_PLACES),
        "max_points": rounded(result.max_points, STORED_PLACES),
        "score_percent": result.score_percent,
        "passed": result.passed,
        "grades": grade_json(result),
    }


def grade_json(result: Grade) -> dict[str, Any]:
    """Return the grade as JSON; `grade_from_json` reads it back unchanged."""
    return {
        "points": str(result.points),
        "max_points": str(result.max_points),
        "passed": result.passed,
        "questions": [_question_json(each) for each in result.questions],
    }


def grade_from_json(stored: Mapping[str, Any]) -> Grade:
    return Grade(
        points=Fraction(stored["points"]),
        max_points=Fraction(stored["max_points"]),
        passed=stored["passed"],
        questions=tuple(_read_question(each) for each in stored["questions"]),
    )


def _question_json(each: QuestionGrade) -> dict[str, Any]:
    return {
        "id": str(each.question_id),
        "points": str(each.points),
        "max_points": str(each.max_points),
        "value": json_number(rounded(each.points, STORED_PLACES)),
        "answered": each.answered,
        "correct": each.correct,
        "voided": each.voided,
    }


def _read_question(stored: Mapping[str, Any]) -> QuestionGrade:
    return QuestionGrade(
        question_id=UUID(stored["id"]),
        points=Fraction(stored["points"]),
        max_points=Fraction(stored["max_points"]),
        answered=stored["answered"],
        voided=stored["voided"],
    )
