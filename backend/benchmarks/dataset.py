"""A dental group of a given size, the same for every variant. Fixed seed: same rows every time."""

import random
import uuid
from dataclasses import dataclass
from datetime import timedelta

import asyncpg
import orjson

from app.core.database import Database
from app.domain.compliance import ComplianceStatus
from app.domain.content.quiz.key import QuizKey
from app.domain.content.quiz.questions import QuestionKind
from app.domain.content.section_settings import SectionKind
from app.domain.study.quiz.attempts import draw_snapshot
from app.models import ModuleSection, QuizQuestion, TrainingModule
from app.schemas.content.module import Publish
from app.services.content.publishing import publish_module
from app.services.context import SYSTEM
from app.services.unit_of_work import UnitOfWork

SEED = 20261120
MODULES = 200
LEAST_MODULES = 60
UNASSIGNED = 20
"""Modules that nobody is enrolled in, so that each assignment is one of everybody."""

TEXT_SECTIONS = 9
QUESTIONS = 50
USERS = 5_000
ENROLLMENTS_PER_USER = 50
SECTIONS_STARTED = 4
LOCATIONS = 20
REQUIREMENTS = 50


@dataclass(frozen=True, slots=True)
class Person:
    id: uuid.UUID
    supabase_id: uuid.UUID
    email: str


@dataclass(frozen=True, slots=True)
class Sample:
    """The rows that requests are made about. Enrollments are of the person beside them."""

    people: list[Person]
    enrollments: list[tuple[Person, uuid.UUID, uuid.UUID]]
    """(person, enrollment, its first section); every one active."""

    hashes: dict[uuid.UUID, str]
    """The content's, by enrollment."""

    unenrolled: list[tuple[Person, uuid.UUID]]
    """(person, module) pairs without an enrollment."""

    unassigned: list[uuid.UUID]
    """Modules that nobody is enrolled in."""

    attempts: list[tuple[Person, uuid.UUID, list[str]]]
    """(person, open attempt, the ids of its questions), one for each of `enrollments`."""

    admin: Person


async def build(database: Database, dsn: str, scale: float) -> None:
    """Fill an empty, migrated database; `dsn` is its owner's."""
    users = max(int(USERS * scale), 100)
    modules = max(int(MODULES * scale), LEAST_MODULES)
    await _modules(database, modules + UNASSIGNED)
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(_LOCATIONS, LOCATIONS)
        await connection.execute(_JOB_TITLES)
        await connection.execute(_USERS, users, LOCATIONS)
        await connection.execute(_ENROLLMENTS, ENROLLMENTS_PER_USER, modules)
        await connection.execute(_PROGRESS, SECTIONS_STARTED)
        await connection.execute(_MAKE_ADMIN)
        await connection.execute(_REQUIREMENTS, REQUIREMENTS)
        await connection.execute(_SEGMENTS, [status.value for status in ComplianceStatus])
        today = await connection.fetchval("SELECT CURRENT_DATE")
        async with UnitOfWork(database, SYSTEM) as uow:
            await uow.compliance_segments.keep_days([today + timedelta(days=n) for n in (-1, 0, 1)])
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


async def sample(dsn: str, size: int) -> Sample:
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch(_SAMPLE, size)
        free = await connection.fetch(_UNENROLLED, size)
        unassigned = await connection.fetch(_UNASSIGNED)
        attempts = await connection.fetch(_ATTEMPTS, [row["id"] for row in rows])
        [admin] = await connection.fetch(_ADMIN)
    finally:
        await connection.close()
    people = {row["user_id"]: Person(row["user_id"], row["sub"], row["email"]) for row in rows}
    return Sample(
        list(people.values()),
        [(people[row["user_id"]], row["id"], row["section_id"]) for row in rows],
        {row["id"]: row["content_sha256"] for row in rows},
        [(Person(row["id"], row["sub"], row["email"]), row["module_id"]) for row in free],
        [row["id"] for row in unassigned],
        [(people[row["user_id"]], row["id"], row["question_ids"]) for row in attempts],
        Person(admin["id"], admin["sub"], admin["email"]),
    )


async def open_attempts(dsn: str, size: int) -> None:
    """Give each enrollment of the sample one open attempt at its quiz, and nothing of it before."""
    connection = await asyncpg.connect(dsn)
    try:
        # What is graded is evidence, which nobody takes back but the owner of the database.
        await connection.execute("SET session_replication_role = replica")
        await connection.execute(_FORGET_ATTEMPTS)
        quizzes = await connection.fetch(_QUIZZES, size)
        rows = [_open_attempt(quiz) for quiz in quizzes]
        await connection.executemany(_OPEN_ATTEMPT, rows)
    finally:
        await connection.close()


def _open_attempt(quiz: asyncpg.Record) -> tuple[object, ...]:
    key = QuizKey.model_validate_json(quiz["key"])
    snapshot = draw_snapshot(key, "bench")
    identity = (quiz["id"], quiz["section_id"], quiz["user_id"], quiz["version_id"])
    return (*identity, snapshot.seed, orjson.dumps(snapshot.as_json()).decode(), key.pass_mark)


async def _modules(database: Database, count: int) -> None:
    rng = random.Random(SEED)  # noqa: S311  # sample text, not a secret
    for number in range(count):
        module = _module(rng, number)
        async with UnitOfWork(database, SYSTEM) as uow:
            await uow.modules.add(module)
            await publish_module(uow, module, Publish())


def _module(rng: random.Random, number: int) -> TrainingModule:
    quiz = ModuleSection(
        kind=SectionKind.QUIZ,
        title="Quiz",
        position=TEXT_SECTIONS + 1,
        settings={"pass_mark": 80, "max_attempts": None, "shuffle": False},
        questions=[_question(rng, position) for position in range(1, QUESTIONS + 1)],
    )
    texts = [
        ModuleSection(
            kind=SectionKind.TEXT,
            title=f"Section {position}",
            body=f"<p>{_words(rng, 260)}</p>",
            position=position,
            questions=[],
        )
        for position in range(1, TEXT_SECTIONS + 1)
    ]
    return TrainingModule(
        slug=f"bench-{number}",
        title=f"Module {number:03}",
        summary=_words(rng, 20),
        category="Safety",
        tags=["osha", "annual"],
        estimated_minutes=30,
        sections=[*texts, quiz],
    )


def _question(rng: random.Random, position: int) -> QuizQuestion:
    options = [{"id": key, "text": f"{key} {_words(rng, 4)}"} for key in "abcd"]
    return QuizQuestion(
        kind=QuestionKind.SINGLE_CHOICE,
        prompt=_words(rng, 8),
        points=1,
        answer_metadata={"options": options, "correct": ["a"]},
        position=position,
    )


_VOCABULARY = (
    "gloves sharps exposure barrier mask surface spore label hazard privacy record patient consent "
    "radiation dose shield wipe autoclave cycle waste vaccine report incident training review"
)


def _words(rng: random.Random, count: int) -> str:
    return " ".join(rng.choices(_VOCABULARY.split(), k=count))


_LOCATIONS = """
    INSERT INTO locations (name, time_zone)
    SELECT 'Office ' || n, 'America/Los_Angeles' FROM generate_series(1, $1::int) AS n
"""

_USERS = """
    INSERT INTO users (supabase_id, email, full_name, email_confirmed, last_sign_in, location_id,
                       job_title_id, hired_on)
    SELECT gen_random_uuid(), 'person' || n || '@unified.example', 'Person ' || n, true,
           now() + interval '1 day',
           (SELECT array_agg(id ORDER BY name) FROM locations)[1 + n % $2::int],
           (SELECT id FROM job_titles), DATE '2020-01-01' + n % 2000
      FROM generate_series(1, $1::int) AS n
"""

_JOB_TITLES = """
    WITH made AS (INSERT INTO job_titles (name, confirmed) VALUES ('Hygienist', true) RETURNING id)
    INSERT INTO job_title_spellings (spelling, written, word_id)
    SELECT 'hygienist', 'Hygienist', id FROM made
"""

_ENROLLMENTS = """
    INSERT INTO enrollments (user_id, module_id, version_id, source, progress_percent, enrolled_at,
                             due_on)
    SELECT u.id, v.module_id, v.id, 'assigned', 40,
           now() - make_interval(days => u.n % 300, mins => k), CURRENT_DATE + u.n % 90
      FROM (SELECT id, (row_number() OVER (ORDER BY email))::int AS n FROM users) AS u
     CROSS JOIN generate_series(0, $1::int - 1) AS k
      JOIN (SELECT id, module_id, (row_number() OVER (ORDER BY title))::int AS n
              FROM module_versions) AS v ON v.n = 1 + (u.n + k) % $2::int
"""

_PROGRESS = """
    INSERT INTO section_progress (enrollment_id, section_id, state, seconds_spent, position,
                                  completed_at)
    SELECT e.id, s.section_id, 'completed', 120, 0, now()
      FROM enrollments e
      JOIN version_sections s ON s.version_id = e.version_id
       AND s.position BETWEEN 2 AND 1 + $1::int
"""

_SAMPLE = """
    SELECT e.id, e.user_id, s.section_id, u.supabase_id AS sub, u.email, v.content_sha256
      FROM (SELECT id, supabase_id, email FROM users ORDER BY email LIMIT $1) AS u
      JOIN LATERAL (SELECT * FROM enrollments WHERE user_id = u.id AND status = 'active'
                    ORDER BY enrolled_at DESC LIMIT 1) AS e ON true
      JOIN version_sections s ON s.version_id = e.version_id AND s.position = 1
      JOIN module_versions v ON v.id = e.version_id
"""

_MAKE_ADMIN = "UPDATE users SET role = 'admin' WHERE email = 'person50@unified.example'"
_ADMIN = "SELECT id, supabase_id AS sub, email FROM users WHERE role = 'admin'"

_REQUIREMENTS = """
    INSERT INTO requirements (title)
    SELECT 'Requirement ' || to_char(n, 'FM000') FROM generate_series(1, $1::int) AS n
"""

_SEGMENTS = """
    INSERT INTO compliance_segments (user_id, requirement_id, starts_on, ends_on, status, due_on,
                                     location_id, job_title)
    SELECT u.id, r.id, CURRENT_DATE - 200, 'infinity',
           ($1::text[])[1 + abs(hashtext(u.id::text || r.id)) % cardinality($1::text[])],
           CURRENT_DATE + abs(hashtext(r.id::text || u.id)) % 365, u.location_id, t.name
      FROM users u CROSS JOIN requirements r LEFT JOIN job_titles t ON t.id = u.job_title_id
"""

_FORGET_ATTEMPTS = """
    DELETE FROM attempt_results;
    DELETE FROM quiz_attempts;
"""

_QUIZZES = """
    SELECT e.id, e.user_id, e.version_id, k.section_id, k.key::text
      FROM (SELECT id FROM users ORDER BY email LIMIT $1) AS u
      JOIN LATERAL (SELECT * FROM enrollments WHERE user_id = u.id AND status = 'active'
                    ORDER BY enrolled_at DESC LIMIT 1) AS e ON true
      JOIN answer_keys k ON k.version_id = e.version_id
"""

_OPEN_ATTEMPT = """
    INSERT INTO quiz_attempts (id, enrollment_id, section_id, user_id, version_id, number, state,
                               seed, snapshot, pass_mark)
    VALUES ($1, $1, $2, $3, $4, 1, 'open', $5, $6, $7)
"""

_ATTEMPTS = """
    SELECT a.id, a.user_id,
           array(SELECT q ->> 'id' FROM jsonb_array_elements(a.snapshot -> 'questions') q)
               AS question_ids
      FROM quiz_attempts a WHERE a.enrollment_id = ANY ($1)
"""

_UNASSIGNED = """
    SELECT m.id FROM training_modules m
     WHERE NOT EXISTS (SELECT FROM enrollments e WHERE e.module_id = m.id) ORDER BY m.title
"""

_UNENROLLED = """
    SELECT u.id, u.supabase_id AS sub, u.email, m.id AS module_id
      FROM (SELECT id, supabase_id, email FROM users ORDER BY email DESC LIMIT $1) AS u
      JOIN LATERAL (SELECT id FROM training_modules m
                     WHERE NOT EXISTS (SELECT FROM enrollments e
                                        WHERE e.user_id = u.id AND e.module_id = m.id)
                     ORDER BY title) AS m ON true
"""
