"""The town of `training dev`: what a frontend developer finds in it, and how it was made."""

import asyncio
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import httpx
import pytest

from app.domain.compliance import ComplianceStatus
from devstack.first_start import prepare_database
from devstack.options import DATABASE, Options
from devstack.postgres import EmbeddedPostgres
from devstack.town import identities
from tests.cli.processes import PASSWORD, DevStack, dev_stack, free_port, run_training, training

pytestmark = pytest.mark.full

PATIENCE_SECONDS = 300
"""Of a machine that does much else at the same time."""

CLOCKS = """
SELECT p.oid::regprocedure::text, prosrc, l.lanname, provolatile, proisstrict, proparallel, procost
  FROM pg_proc p JOIN pg_language l ON l.oid = prolang
 WHERE pronamespace = 'pg_catalog'::regnamespace
   AND proname IN ('now', 'clock_timestamp', 'gen_random_uuid', 'uuidv7')
"""
TABLES = """
SELECT c.table_name FROM information_schema.columns c JOIN information_schema.tables t
    USING (table_schema, table_name)
 WHERE c.table_schema = 'public' AND c.column_name = 'id' AND t.table_type = 'BASE TABLE'
"""
STEPS_OF_RECONCILING = {"compliance_segments", "certification_periods"}


@pytest.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DevStack]:
    folder = tmp_path_factory.mktemp("town") / "data"
    async with dev_stack(folder, small=False, patience_seconds=PATIENCE_SECONDS) as stack:
        yield stack


@pytest.fixture
async def admin(stack: DevStack) -> AsyncIterator[httpx.Client]:
    with await stack.sign_in("admin@unified.example") as client:
        yield client


@pytest.fixture
async def connection(stack: DevStack) -> AsyncIterator[asyncpg.Connection]:
    dsn = next(word for word in stack.announcement.split() if word.startswith("postgresql://"))
    connection = await asyncpg.connect(dsn)
    yield connection
    await connection.close()


def every(client: httpx.Client, path: str, **params: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = client.get(path, params={"limit": "100", **params, **cursor}).raise_for_status()
        items += page.json()["items"]
        if (following := page.json()["next_cursor"]) is None:
            return items
        cursor = {"cursor": following}


def test_a_group_of_dental_offices(admin: httpx.Client) -> None:
    offices = every(admin, "/locations")
    assert len(offices) == 8
    assert len({office["state"] for office in offices}) >= 4
    now = datetime.now(UTC)
    offsets = {now.astimezone(ZoneInfo(office["time_zone"])).utcoffset() for office in offices}
    assert len({office["time_zone"] for office in offices}) >= 4
    assert len(offsets) >= 3
    people = every(admin, "/users")
    employed = [person for person in people if person["is_active"]]
    assert len(employed) == 120
    assert len(people) - len(employed) >= 5
    assert {person["role"] for person in people} >= {"manager", "compliance_officer", "author"}
    assert {person["location"] for person in people} == {office["name"] for office in offices}


def test_all_that_compliance_knows(admin: httpx.Client) -> None:
    report = admin.get("/reports/compliance").raise_for_status().json()
    counts = {
        status: sum(group["counts"].get(status, 0) for group in report["groups"])
        for status in ComplianceStatus
    }
    assert [status for status, number in counts.items() if number == 0] == []
    required = sum(counts.values()) - counts[ComplianceStatus.NOT_REQUIRED]
    assert counts[ComplianceStatus.COMPLIANT] > required / 2
    assert report["reconciling"] == []


async def test_trainings_under_way_failed_and_used_up(connection: asyncpg.Connection) -> None:
    by_status = "SELECT status::text, count(*) FROM enrollments GROUP BY 1"
    enrollments: dict[str, int] = dict(map(tuple, await connection.fetch(by_status)))
    assert min(enrollments[name] for name in ("active", "completed", "withdrawn")) > 5
    begun = await connection.fetchval(
        "SELECT count(*) FROM enrollments"
        " WHERE status = 'active' AND progress_percent BETWEEN 1 AND 99"
    )
    assert begun >= 5
    attempts = await connection.fetch(
        "SELECT state, passed, count(*) FROM quiz_attempts GROUP BY 1, 2"
    )
    assert {(row["state"], row["passed"]) for row in attempts} == {
        ("open", None),
        ("graded", True),
        ("graded", False),
    }


def test_what_waits_for_somebody(admin: httpx.Client) -> None:
    assert len(every(admin, "/used-up-attempts")) >= 2
    evidence = every(admin, "/external-trainings", scope="all")
    statuses = [one["status"] for one in evidence]
    assert statuses.count("pending") >= 5
    assert statuses.count("verified") >= 50
    assert statuses.count("rejected") == 2
    assert any(one["withdrawn_on"] for one in evidence)
    exemptions = every(admin, "/exemptions")
    assert {one["kind"] for one in exemptions} == {"waiver", "exemption"}
    assert any(one["revoked_on"] for one in exemptions)
    assert every(admin, "/incidents")


def test_classes_past_and_to_come(admin: httpx.Client) -> None:
    classes = every(admin, "/live-sessions")
    now = datetime.now(UTC)
    starts = [datetime.fromisoformat(one["starts_at"]) for one in classes]
    assert {one["status"] for one in classes} == {"scheduled", "closed", "cancelled"}
    assert sum(start > now for start in starts) >= 3
    assert min(starts) < now - timedelta(days=350)
    past = [one for one, start in zip(classes, starts, strict=True) if start < now]
    assert any(one["status"] == "scheduled" for one in past)


def test_modules_in_every_state(admin: httpx.Client) -> None:
    modules = every(admin, "/modules")
    assert {module["status"] for module in modules} == {"draft", "published", "archived"}
    assert sum(module["current_version"] == 2 for module in modules) >= 2
    film = next(module for module in modules if module["slug"].startswith("hand-hygiene"))
    (video,) = admin.get(f"/modules/{film['id']}").json()["sections"]
    download = admin.get(f"/media/{video['settings']['media_id']}/download").json()
    content = httpx.get(download["url"]).raise_for_status().content
    assert content[4:8] == b"ftyp"


async def test_everybody_signs_in(stack: DevStack) -> None:
    async with httpx.AsyncClient(base_url=f"{stack.origin}/auth/v1", timeout=60) as client:
        headers = {"apikey": "sb_publishable_development"}
        for email in identities():
            body = {"email": email, "password": PASSWORD}
            signed_in = await client.post("/token?grant_type=password", json=body, headers=headers)
            assert signed_in.is_success, email
    assert len(identities()) >= 120


async def test_the_evidence_holds(stack: DevStack, connection: asyncpg.Connection) -> None:
    dsn = stack.announcement.partition("DATABASE_URL=")[2].split()[0]
    environment = {
        "ENVIRONMENT": "development",
        "SUPABASE_URL": stack.origin,
        "SUPABASE_SECRET_KEY": "sb_secret_development_only",
        "DATABASE_URL": dsn,
    }
    verified = await run_training("records", "verify", environment=environment)
    assert (verified.code, verified.output.splitlines()[-1]) == (0, "Every link holds.")
    lasting = "SELECT max(created_at) - min(created_at) FROM training_records"
    assert await connection.fetchval(lasting) > timedelta(days=300)


async def test_the_clock_is_postgresqls_own_again(
    stack: DevStack, connection: asyncpg.Connection
) -> None:
    dsn = next(word for word in stack.announcement.split() if word.startswith("postgresql://"))
    other = await asyncpg.connect(dsn.replace(f"/{DATABASE}", "/template1"))
    own = await other.fetch(CLOCKS)
    await other.close()
    assert set(await connection.fetch(CLOCKS)) == set(own)
    assert await connection.fetchval("SELECT to_regnamespace('devstack')") is None
    assert abs(datetime.now(UTC) - await connection.fetchval("SELECT now()")) < timedelta(minutes=1)


async def ids(dsn: str) -> dict[str, set[Any]]:
    connection = await asyncpg.connect(dsn)
    found = {
        table: {row["id"] for row in await connection.fetch(f"TABLE {table}")}
        for (table,) in await connection.fetch(TABLES)
    }
    await connection.close()
    return found


async def test_another_day_makes_the_same_ids(stack: DevStack, tmp_path: Path) -> None:
    """Pages and tests of a frontend may name them."""
    dsn = next(word for word in stack.announcement.split() if word.startswith("postgresql://"))
    seen = await ids(dsn)
    with EmbeddedPostgres(tmp_path / "postgres", fast=True) as postgres:
        in_spring = datetime.now(UTC) + timedelta(days=103)
        await prepare_database(
            postgres, Options("127.0.0.1", free_port(), tmp_path), lambda: in_spring
        )
        made = await ids(postgres.dsn(DATABASE))
    assert {table for table, rows in made.items() if rows} >= {"users", "enrollments", "media"}
    different = {table for table, rows in made.items() if not rows <= seen[table]}
    assert different <= STEPS_OF_RECONCILING


async def test_a_start_that_is_broken_off_leaves_nothing_half(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    arguments = ("dev", "--port", str(free_port()), "--data-dir", str(folder))
    async with training(*arguments) as process:
        assert process.stdout
        await asyncio.wait_for(process.stdout.readuntil(b"months of history"), PATIENCE_SECONDS)
        await asyncio.sleep(1)
        process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
    async with dev_stack(folder) as stack:
        with await stack.sign_in("admin@unified.example") as admin:
            assert len(every(admin, "/users")) < 50
