"""Statistics of a published quiz and its questions, over all attempts at one version."""

import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_QUIZ = text(
    """
    WITH tried AS (
        SELECT a.state, a.timed_out, a.passed, a.score_percent, a.user_id,
               extract(epoch FROM a.submitted_at - a.started_at)::float8 AS seconds
          FROM quiz_attempts a
         WHERE a.version_id = :version_id AND a.section_id = :section_id
    ), banded AS (
        SELECT least(floor(score_percent / 10), 9)::integer AS band, count(*) AS attempts
          FROM tried WHERE state = 'graded' GROUP BY 1
    )
    SELECT count(*) FILTER (WHERE state = 'graded') AS graded,
           count(*) FILTER (WHERE state = 'open') AS open,
           count(*) FILTER (WHERE timed_out) AS timed_out,
           count(*) FILTER (WHERE passed) AS passed,
           count(DISTINCT user_id) AS people,
           avg(score_percent)::float8 AS mean_score,
           stddev_pop(score_percent)::float8 AS score_deviation,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY score_percent) AS median_score,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS median_seconds,
           (SELECT jsonb_object_agg(band, attempts) FROM banded) AS bands
      FROM tried
    """
)

# Each kind of JSON is taken apart once for each attempt: looking up questions in it one by one
# would decompress it as often. `points - value` is the score without the question, because a
# question must not correlate with itself.
_QUESTIONS = text(
    """
    WITH tried AS NOT MATERIALIZED (
        SELECT a.points::float8 AS points, a.grades -> 'questions' AS questions, a.answers,
               a.answer_seconds
          FROM quiz_attempts a
         WHERE a.version_id = :version_id AND a.section_id = :section_id AND a.state = 'graded'
    ), asked AS (
        SELECT q.id, count(*) AS shown, count(*) FILTER (WHERE q.answered) AS answered,
               avg(q.correct::integer)::float8 AS share_right,
               corr(q.correct::integer, points - q.value) AS discrimination
          FROM tried
         CROSS JOIN LATERAL jsonb_to_recordset(questions)
               AS q(id text, correct boolean, answered boolean, voided boolean, value float8)
         WHERE NOT q.voided
         GROUP BY q.id
    ), timed AS (
        SELECT s.key AS id,
               percentile_cont(0.5) WITHIN GROUP (ORDER BY s.value::float8) AS median_seconds
          FROM tried CROSS JOIN LATERAL jsonb_each_text(answer_seconds) AS s
         GROUP BY s.key
    ), given AS (
        SELECT a.key AS id, a.value AS answer, count(*) AS times
          FROM tried CROSS JOIN LATERAL jsonb_each(answers) AS a
         WHERE a.key = ANY(:choice_ids)
         GROUP BY a.key, a.value
    ), picked AS (
        SELECT given.id, c.choice, sum(given.times) AS times
          FROM given
         CROSS JOIN LATERAL jsonb_array_elements_text(
               CASE jsonb_typeof(answer) WHEN 'array' THEN answer
                    ELSE jsonb_build_array(answer) END) AS c(choice)
         GROUP BY given.id, c.choice
    ), counted AS (
        SELECT id, jsonb_object_agg(choice, times) AS choices FROM picked GROUP BY id
    )
    SELECT asked.*, timed.median_seconds, counted.choices
      FROM asked LEFT JOIN timed USING (id) LEFT JOIN counted USING (id)
    """
)


@dataclass(frozen=True, slots=True)
class QuizFigures:
    """`bands`: attempts by tens of percent, "0" to "9"; the last one includes 100."""

    graded: int
    open: int
    timed_out: int
    passed: int
    people: int
    mean_score: float | None
    score_deviation: float | None
    median_score: float | None
    median_seconds: float | None
    bands: dict[str, int] | None


@dataclass(frozen=True, slots=True)
class QuestionFigures:
    """`choices`: how often each option was chosen; for questions with options alone."""

    id: str
    shown: int
    answered: int
    share_right: float
    discrimination: float | None
    median_seconds: float | None
    choices: dict[str, int] | None


class QuestionAnalysisRepository:
    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def quiz(self, version_id: uuid.UUID, section_id: uuid.UUID) -> QuizFigures:
        parameters = {"version_id": version_id, "section_id": section_id}
        row = (await self.session.execute(_QUIZ, parameters)).one()
        return QuizFigures(*row)

    async def questions(
        self, version_id: uuid.UUID, section_id: uuid.UUID, choice_ids: list[str]
    ) -> dict[str, QuestionFigures]:
        """Return figures by question id; `choice_ids` names the questions with options."""
        parameters: dict[str, Any] = {
            "version_id": version_id,
            "section_id": section_id,
            "choice_ids": choice_ids,
        }
        rows = await self.session.execute(_QUESTIONS, parameters)
        return {row.id: QuestionFigures(*row) for row in rows}
