"""Figures of the compliance engine: `uv run python backend/benchmarks/compliance.py`.

Makes an organisation with two years of history on a PostgreSQL of its own, reconciles it from
nothing, again, and after one rule edit, then reads the matrix; for a tenth of the people first, so
that growth shows. Prints a line of JSON for each.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import text

from app.core.config import Environment, Settings
from app.core.database import Database
from app.core.pagination import PageRequest
from app.core.postgres.table_security import API_ROLE
from app.domain.actor import Actor, Role
from app.repositories.compliance.report_scope import GroupBy, ReportScope
from app.services.compliance.reconciliation import ReconciliationService, reconcile
from app.services.compliance.report import ReportService
from app.services.context import SYSTEM, RequestContext
from app.services.unit_of_work import UnitOfWork
from devstack.migrate import migrate
from devstack.postgres import EmbeddedPostgres

ROUNDS = 20

EDIT = """
WITH edited AS (
    UPDATE requirements SET version = 2 WHERE title = 'Requirement 2' RETURNING id
)
INSERT INTO requirement_versions (requirement_id, number, effective_from, recorded_on, rule)
SELECT v.requirement_id, 2, current_date, current_date,
       jsonb_set(v.rule, '{renewal,window_days}', '60')
  FROM requirement_versions v JOIN edited ON edited.id = v.requirement_id
RETURNING requirement_id
"""

ORGANISATION = """
INSERT INTO locations (name, time_zone)
SELECT 'Office ' || n,
       (ARRAY['America/Los_Angeles', 'America/Denver', 'America/New_York'])[n % 3 + 1]
  FROM generate_series(1, 20) n;
INSERT INTO departments (name) SELECT 'Department ' || n FROM generate_series(0, 7) n;
INSERT INTO job_titles (name) SELECT 'Title ' || n FROM generate_series(0, 9) n;
ALTER TABLE users DISABLE TRIGGER record_employment;
INSERT INTO users (email, full_name, role, hired_on, location_id, department_id, job_title_id)
SELECT 'person' || n || '@bench.example', 'Person ' || n, 'learner',
       current_date - 730 + (n * 7) % 700,
       (SELECT id FROM locations WHERE name = 'Office ' || (n % 20 + 1)),
       (SELECT id FROM departments WHERE name = 'Department ' || (n % 8)),
       (SELECT id FROM job_titles WHERE name = 'Title ' || (n % 10))
  FROM generate_series(1, {people}) n;
ALTER TABLE users ENABLE TRIGGER record_employment;
INSERT INTO employment_changes (
    user_id, effective_on, recorded_on, state, role, location_id, department, job_title, hired_on)
SELECT u.id, u.hired_on, u.hired_on, 'active', u.role, u.location_id, d.name, t.name,
       u.hired_on
  FROM users u JOIN departments d ON d.id = u.department_id
  JOIN job_titles t ON t.id = u.job_title_id;
INSERT INTO training_modules (title, slug, status)
SELECT 'Module ' || n, 'module-' || n, 'published' FROM generate_series(1, {requirements}) n;
INSERT INTO module_versions (
    module_id, number, title, language, content, content_sha256, answer_key_sha256, outline,
    created_at)
SELECT m.id, 1, m.title, 'en', '{{}}', repeat('0', 64), repeat('0', 64), '[]',
       current_date - interval '800 days'
  FROM training_modules m;
UPDATE training_modules m SET current_version_id = v.id
  FROM module_versions v WHERE v.module_id = m.id;
INSERT INTO requirements (title, version)
SELECT 'Requirement ' || n, 1 FROM generate_series(1, {requirements}) n;
INSERT INTO requirement_versions (requirement_id, number, effective_from, recorded_on, rule)
SELECT r.id, 1, current_date - 800, current_date - 800,
       jsonb_build_object(
           'subject', jsonb_build_object('kind', 'modules', 'any_of', jsonb_build_array(m.id)),
           'first_due', jsonb_build_object('kind', 'days_after', 'event', 'hire', 'days', 30),
           'renewal', jsonb_build_object('months', 12, 'window_days', 30),
           'audience', CASE WHEN n.n % 2 = 0 THEN jsonb_build_object('everyone', true)
             ELSE jsonb_build_object(
               'departments', (SELECT jsonb_agg('Department ' || k)
                                 FROM generate_series(0, 7) k WHERE (k + n.n) % 3 < 2)) END)
  FROM generate_series(1, {requirements}) n
  JOIN requirements r ON r.title = 'Requirement ' || n
  JOIN training_modules m ON m.title = 'Module ' || n;
ALTER TABLE evidence_elsewhere DISABLE TRIGGER refuse_unfounded_evidence;
INSERT INTO evidence_elsewhere (user_id, day, recorded_on, module_id)
SELECT u.id, day.day, day.day, m.id
  FROM (SELECT *, row_number() OVER (ORDER BY email) AS k FROM users) u
 CROSS JOIN (SELECT *, row_number() OVER (ORDER BY slug) AS k FROM training_modules) m
 CROSS JOIN generate_series(0, 1) cycle
 CROSS JOIN LATERAL (
       SELECT u.hired_on + ((u.k * 13 + m.k * 29) % 45)::int + cycle * (320 + (u.k + m.k) % 60)::int
           AS day) day
 WHERE (u.k * 31 + m.k * 17 + cycle * 5) % 10 < 8 AND day.day <= current_date;
ALTER TABLE evidence_elsewhere ENABLE TRIGGER refuse_unfounded_evidence;
ANALYZE;
"""

PLAIN = """
SELECT CAST(location_id AS text), requirement_id, status, count(*)
  FROM compliance_segments WHERE starts_on <= :day AND ends_on >= :day GROUP BY 1, 2, 3
"""

Step = Callable[[], Awaitable[Any]]


async def timed(step: Step) -> tuple[float, Any]:
    started = time.perf_counter()
    result = await step()
    return time.perf_counter() - started, result


async def milliseconds(step: Step) -> float:
    """Return the median of some rounds after a warm-up."""
    await step()
    return round(statistics.median([(await timed(step))[0] for _ in range(ROUNDS)]) * 1000, 2)


async def working(step: Step) -> dict[str, Any]:
    """Return the wall-clock time, and this process's own share of it."""
    used = time.process_time()
    taken, done = await timed(step)
    return {
        "seconds": round(taken, 1),
        "python_cpu_seconds": round(time.process_time() - used, 1),
        "rows_written": done.changed,
    }


async def reconciliation(database: Database) -> dict[str, Any]:
    service = ReconciliationService(database, SYSTEM)
    figures: dict[str, Any] = {}
    for name in ("from_nothing", "again"):
        figures[name] = await working(service.run)
    async with database.session() as session:
        requirement_id = await session.scalar(text(EDIT))
    figures["one_rule_edit"] = await working(partial(service.run, requirement_ids=[requirement_id]))
    async with UnitOfWork(database, SYSTEM) as uow:
        people = (await uow.employment.people())[:ROUNDS]

    async def one_person() -> None:
        async with UnitOfWork(database, SYSTEM) as uow:
            await reconcile(uow, [people.pop()])

    people.append(people[0])
    figures["one_person_ms"] = await milliseconds(one_person)
    return figures


async def matrix(database: Database) -> dict[str, Any]:
    async with database.session() as session:
        admin, today, segments = (
            await session.execute(
                text(
                    "SELECT min(id::text)::uuid, current_date,"
                    " (SELECT count(*) FROM compliance_segments) FROM users"
                )
            )
        ).one()
    service = ReportService(database, RequestContext(Actor(admin, Role.ADMIN)))
    past = today - timedelta(days=400)
    figures: dict[str, Any] = {"segments": segments}

    async def plain() -> None:
        async with database.reading() as session:
            (await session.execute(text(PLAIN), {"day": today})).all()

    figures["plain_ms"] = await milliseconds(plain)
    for group_by in GroupBy:
        figures[f"{group_by}_ms"] = await milliseconds(
            partial(service.matrix, ReportScope(today), group_by)
        )
    figures["past_day_ms"] = await milliseconds(
        partial(service.matrix, ReportScope(past), GroupBy.LOCATION)
    )
    figures["one_location_ms"] = await milliseconds(
        partial(service.matrix, ReportScope(today, locations=("Office 3",)), GroupBy.REQUIREMENT)
    )
    figures["people_page_ms"] = await milliseconds(
        partial(service.people, ReportScope(today), PageRequest())
    )
    return figures


async def measure(postgres: EmbeddedPostgres, people: int, requirements: int) -> dict[str, Any]:
    name = f"bench_{people}"
    await _execute(postgres.dsn(), f"CREATE DATABASE {name}")
    await asyncio.to_thread(migrate, postgres.dsn(name))
    filled = ORGANISATION.format(people=people, requirements=requirements)
    await _execute(postgres.dsn(name), filled)
    database = Database.from_settings(settings(postgres.dsn(name, API_ROLE)))
    figures = await reconciliation(database)
    await _execute(postgres.dsn(name), "VACUUM ANALYZE")
    figures |= await matrix(database)
    await database.close()
    return figures


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(statement)
    await connection.close()


def settings(dsn: str) -> Settings:
    return Settings.model_validate(
        {
            "environment": Environment.TEST,
            "database_url": dsn,
            "supabase_url": "http://127.0.0.1:9",
            "supabase_secret_key": "unused",
            "database_statement_timeout_ms": 600_000,
            "slow_query_ms": 0,
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=5000)
    parser.add_argument("--requirements", type=int, default=50)
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as directory,
        EmbeddedPostgres(Path(directory) / "data", fast=True) as postgres,
    ):
        for people in (arguments.people // 10, arguments.people):
            figures = asyncio.run(measure(postgres, people, arguments.requirements))
            figures = {"people": people, "requirements": arguments.requirements, **figures}
            sys.stdout.write(json.dumps(figures) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
