"""What reports show of 1,000 people after an upgrade: what they did before, or what is listed."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from alembic import command

from app.core.database import Database
from app.services.content.seed import SeedService
from app.services.context import SYSTEM
from devstack.migrate import configuration, migrate
from devstack.postgres import EmbeddedPostgres
from tests.cli.conftest import Invoke

LATE = 40
BEFORE_INCIDENTS = "0045"
"""The revision from which the group upgrades."""

GROUP = """
INSERT INTO locations (name, time_zone, country, state)
SELECT 'Office ' || n, zones[n % 3 + 1], 'US', states[n % 3 + 1]
  FROM generate_series(1, 20) n, (VALUES (
       ARRAY['America/Los_Angeles', 'America/Chicago', 'America/New_York'],
       ARRAY['US-CA', 'US-TX', 'US-NY'])) AS of_offices (zones, states);
ALTER TABLE users DISABLE TRIGGER record_employment;
INSERT INTO users (email, full_name, role, hired_on, location_id, department_id)
SELECT 'person' || n || '@unified.example', 'Person ' || n, 'learner',
       current_date - 730 + (n * 7) % 700,
       (SELECT id FROM locations WHERE name = 'Office ' || (n % 20 + 1)),
       (SELECT (array_agg(id ORDER BY name))[n % count(*) + 1] FROM departments)
  FROM generate_series(1, 1000) n;
ALTER TABLE users ENABLE TRIGGER record_employment;
INSERT INTO employment_changes (
    user_id, effective_on, recorded_on, state, role, location_id, department, hired_on)
SELECT u.id, u.hired_on, u.hired_on, 'active', u.role, u.location_id, d.name, u.hired_on
  FROM users u JOIN departments d ON d.id = u.department_id;
"""
# Who was hired within a year was trained on the first day.
TRAINED = """
INSERT INTO evidence_elsewhere (user_id, module_id, day, recorded_on)
SELECT u.id, m.id, u.hired_on, u.hired_on
  FROM users u JOIN training_modules m ON m.slug = 'hipaa-privacy'
 WHERE u.hired_on > current_date - 365
"""
# What was entered late gave ten fresh days, as far as releases of before counted it at all.
ENTERED_LATE = """
INSERT INTO evidence_elsewhere (user_id, module_id, day, recorded_on)
SELECT u.id, m.id, current_date - 800, current_date
  FROM users u JOIN training_modules m ON m.slug = 'hipaa-privacy'
 WHERE u.hired_on < current_date - 365 LIMIT 40
RETURNING user_id
"""


@pytest.fixture
async def owner(
    postgres: EmbeddedPostgres, committed_database: Database
) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(dsn_of(postgres, committed_database))
    yield connection
    await connection.close()


def dsn_of(postgres: EmbeddedPostgres, database: Database) -> str:
    name = database.engine.url.database
    assert name is not None
    return postgres.dsn(name)


async def listed(invoke: Invoke) -> list[dict[str, Any]]:
    told = await invoke("--json", "requirements", "reconcile", "--explain-changes")
    # Slow statements of a busy machine are logged before it.
    changes = json.loads(told.stdout.splitlines()[-1])
    assert told.exit_code == (3 if changes else 0)
    return list(changes)


@pytest.mark.full
async def test_changes_only_what_is_listed(
    invoke: Invoke,
    committed_database: Database,
    postgres: EmbeddedPostgres,
    owner: asyncpg.Connection,
) -> None:
    service = SeedService(committed_database, SYSTEM)
    await service.modules()
    await service.requirements()
    await owner.execute(GROUP)
    await owner.execute("SET session_replication_role = replica")
    await owner.execute(TRAINED)
    assert (await invoke("requirements", "reconcile")).exit_code == 0
    await owner.execute("UPDATE compliance_segments SET known_from = current_date - 30")
    await committed_database.close()

    dsn = dsn_of(postgres, committed_database)
    await asyncio.to_thread(command.downgrade, configuration(dsn), BEFORE_INCIDENTS)
    await asyncio.to_thread(migrate, dsn)
    assert await listed(invoke) == []

    late = {str(row["user_id"]) for row in await owner.fetch(ENTERED_LATE)}
    assert len(late) == LATE
    changes = await listed(invoke)
    assert sorted(each["user_id"] for each in changes) == sorted(late)
    for each in changes:
        assert (each["before"]["status"], each["after"]["status"]) == ("due", "expired")
        assert each["after"]["due_on"] < each["before"]["due_on"]
        assert "The renewal window has begun. Last shown on" in each["reason"]

    assert (await invoke("requirements", "reconcile")).exit_code == 0
    assert await listed(invoke) == []
    kept = await owner.fetchval("SELECT count(DISTINCT user_id) FROM superseded_segments")
    assert kept == LATE
