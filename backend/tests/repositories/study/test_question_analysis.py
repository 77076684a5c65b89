import time

import pytest
from sqlalchemy import text

from app.core.database import Database
from app.services.context import SYSTEM
from app.services.unit_of_work import UnitOfWork
from tests.factories.attempt import make_quiz, question
from tests.factories.user import make_user
from tests.planting import as_owner, unguarded

ATTEMPTS = 100_000
BATCHES = 5
QUESTIONS = 10

# Question q is right in at least 3 of 10 attempts, and the more often the higher q is.
_FILL = """
INSERT INTO quiz_attempts (
    enrollment_id, section_id, user_id, version_id, number, state, seed, snapshot, answers,
    answer_seconds, started_at, submitted_at, points, max_points, score_percent, pass_mark,
    passed, grades)
SELECT '{enrollment_id}', '{section_id}', '{user_id}', '{version_id}', n, 'graded', n, '{{}}',
       given.answers, given.seconds, now() - interval '10 minutes', now(), given.points, 10,
       given.points * 10, 80, given.points >= 8, jsonb_build_object('questions', given.grades)
  FROM generate_series({first}, {last}) n
 CROSS JOIN LATERAL (
    SELECT jsonb_object_agg(id, CASE WHEN is_right THEN 'b' ELSE 'c' END) AS answers,
           jsonb_object_agg(id, q + n % 7) AS seconds,
           count(*) FILTER (WHERE is_right) AS points,
           jsonb_agg(jsonb_build_object(
               'id', id, 'points', is_right::integer::text, 'max_points', '1',
               'value', is_right::integer, 'answered', true, 'correct', is_right,
               'voided', false)) AS grades
      FROM (SELECT id, q, hashint4(n * 31 + q::integer) % 10 < q - 3 + n % 3 AS is_right
              FROM string_to_table('{question_ids}', ' ') WITH ORDINALITY AS u(id, q)) asked
 ) given
"""


@pytest.mark.full
async def test_one_statement_each_at_a_hundred_thousand_attempts(
    committed_database: Database,
) -> None:
    async with committed_database.writing() as session:
        questions = [question("single_choice") for _ in range(QUESTIONS)]
        quiz = await make_quiz(session, committed_database, *questions)
        learner = await make_user(session)
        enrollment_id = await session.scalar(
            text(
                "INSERT INTO enrollments (user_id, module_id, version_id, source) "
                "VALUES (:user_id, :module_id, :version_id, 'self') RETURNING id"
            ),
            {
                "user_id": learner.id,
                "module_id": quiz.module.id,
                "version_id": quiz.version.id,
            },
        )
        size = ATTEMPTS // BATCHES
        for batch in range(BATCHES):
            parameters = {
                "enrollment_id": enrollment_id,
                "section_id": quiz.section.id,
                "user_id": learner.id,
                "version_id": quiz.version.id,
                "question_ids": " ".join(quiz.right()),
                "first": batch * size + 1,
                "last": (batch + 1) * size,
            }
            async with unguarded(session):
                await as_owner(session, _FILL.format(**parameters))
            await session.commit()
    async with UnitOfWork(committed_database, SYSTEM, reads=True) as uow:
        began = time.perf_counter()
        figures = await uow.question_analysis.quiz(quiz.version.id, quiz.section.id)
        quiz_seconds = time.perf_counter() - began
        began = time.perf_counter()
        by_id = await uow.question_analysis.questions(
            quiz.version.id, quiz.section.id, list(quiz.right())
        )
        question_seconds = time.perf_counter() - began
    print(f"quiz {quiz_seconds:.2f} s, questions {question_seconds:.2f} s")  # noqa: T201  # for -s
    assert figures.graded == ATTEMPTS
    assert sum((figures.bands or {}).values()) == ATTEMPTS
    assert [by_id[key].shown for key in quiz.right()] == [ATTEMPTS] * QUESTIONS
    shares = [by_id[key].share_right for key in quiz.right()]
    assert shares == sorted(shares)
    assert all(
        sum((each.choices or {}).values()) == ATTEMPTS and (each.discrimination or 0) > 0
        for each in by_id.values()
    )
    # The statements time out at 15 s in production; a busy machine is no reason to fail here.
    assert quiz_seconds + question_seconds < 15
