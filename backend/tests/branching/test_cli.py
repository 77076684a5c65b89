"""`python -m branching` as CI runs it: real processes, signals, a real database to migrate."""

import asyncio
import os
import signal
import sys
import uuid
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from app.core.postgres.schema import SCHEMA_REVISION
from app.core.postgres.table_security import API_ROLE
from devstack.postgres import EmbeddedPostgres
from tests.branching.conftest import Serve
from tests.branching.management_api import (
    PARENT,
    PASSWORD,
    PROJECT,
    STARTING,
    TOKEN,
    Fault,
    MockManagementApi,
)

pytestmark = pytest.mark.full

ROOT = Path(__file__).parents[3]
NAME = "ci-7-1"
LIMIT = 60  # seconds for what takes one; a test must not hang when a process dies early

Start = Callable[..., Awaitable[Process]]
Run = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
async def environment(supabase: MockManagementApi, serve: Serve) -> AsyncIterator[dict[str, str]]:
    async with serve(supabase.app()) as origin:
        yield {
            "PATH": os.environ["PATH"],
            "SUPABASE_ACCESS_TOKEN": TOKEN,
            "SUPABASE_PROJECT_REF": PARENT,
            "SUPABASE_API_URL": origin,
            "SUPABASE_PROJECT_URL": f"{origin}{PROJECT}/{{ref}}",
        }


@pytest.fixture
def start(environment: dict[str, str]) -> Start:
    async def start(*arguments: str, **changes: str) -> Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "branching",
            *arguments,
            cwd=ROOT,
            env=environment | changes,
            stdout=PIPE,
            stderr=PIPE,
        )

    return start


@pytest.fixture
def run(start: Start) -> Run:
    async def run(*arguments: str, **changes: str) -> tuple[int, str, str]:
        process = await start(*arguments, **changes)
        async with asyncio.timeout(LIMIT):
            output, errors = await process.communicate()
        assert process.returncode is not None
        return process.returncode, output.decode(), errors.decode()

    return run


@pytest.fixture
async def database(postgres: EmbeddedPostgres, supabase: MockManagementApi) -> AsyncIterator[str]:
    """DSN of an empty database, which the mock gives out as the branch's."""
    name = f"branch_{uuid.uuid4().hex}"
    admin = await asyncpg.connect(postgres.dsn())
    await admin.execute(f"CREATE DATABASE {name}")
    supabase.database = {
        "host": "127.0.0.1",
        "user": "postgres",
        "name": name,
        "password": PASSWORD,
    }
    yield postgres.dsn(name)
    await admin.execute(f"ALTER ROLE {API_ROLE} PASSWORD NULL")
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


async def _ended(process: Process) -> int:
    async with asyncio.timeout(LIMIT):
        return await process.wait()


async def test_the_whole_life(
    run: Run,
    supabase: MockManagementApi,
    database: str,
    postgres: EmbeddedPostgres,
    tmp_path: Path,
) -> None:
    port = str(postgres.port)
    supabase.next_states = [STARTING, ("RUNNING_MIGRATIONS", "ACTIVE_HEALTHY")]
    assert (await run("create", BRANCH_NAME=NAME))[0] == 0
    code, output, errors = await run("wait", NAME, SUPABASE_SESSION_PORT=port)
    assert (code, output) == (0, f"{NAME} {'b' * 19}a is ready.\n"), errors

    target = tmp_path / "github_env"
    code, output, errors = await run(
        "env", NAME, "--github-env", str(target), SUPABASE_SESSION_PORT=port
    )
    assert code == 0, errors
    variables = dict(line.split("=", 1) for line in target.read_text().splitlines())
    masked = [line.removeprefix("::add-mask::") for line in output.splitlines()]
    assert set(variables.values()) - set(masked) == {variables["SUPABASE_URL"]}
    assert PASSWORD in masked

    code, output, errors = await run("migrate", **variables)
    assert code == 0, errors
    assert "No new upgrade operations detected" in output
    await _is_migrated(database)

    assert (await run("delete", NAME))[0] == 0
    assert (await run("delete", NAME))[:2] == (0, f"{NAME} is gone.\n")
    assert supabase.names == ["main"]


async def _is_migrated(database: str) -> None:
    connection = await asyncpg.connect(database)
    revision = await connection.fetchval("SELECT version_num FROM alembic_version")
    password = await connection.fetchval(
        "SELECT rolpassword FROM pg_authid WHERE rolname = $1", API_ROLE
    )
    await connection.close()
    assert revision == SCHEMA_REVISION
    assert password.startswith("SCRAM-SHA-256$")


async def test_env_prints_for_a_shell(
    run: Run, supabase: MockManagementApi, tmp_path: Path
) -> None:
    supabase.add(NAME)
    supabase.keys[-1]["api_key"] = "it's; $(false) `false`"
    code, output, _ = await run("env", NAME)
    assert code == 0
    script = tmp_path / "branch.env"
    script.write_text(output)
    command = f'set -a; . {script}; printf \'%s\n\' "$SUPABASE_SECRET_KEY" "$DATABASE_URL"'
    shell = await asyncio.create_subprocess_exec("/bin/sh", "-ec", command, stdout=PIPE)
    said, _ = await shell.communicate()
    secret, database_url = said.decode().splitlines()
    assert secret == "it's; $(false) `false`"
    assert database_url.startswith(f"postgresql://{API_ROLE}.")


async def test_migrate_fails_with_alembic(run: Run) -> None:
    nowhere = "postgresql://postgres@127.0.0.1:1/postgres"
    code, said, errors = await run("migrate", DATABASE_URL=nowhere, MIGRATION_DATABASE_URL=nowhere)
    assert (code, said + errors) == (255, "FAILED: The database is not available\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_wait_that_is_stopped_removes_the_branch(
    start: Start, supabase: MockManagementApi, number: signal.Signals
) -> None:
    supabase.add(NAME, states=deque([STARTING]))
    process = await start("wait", NAME, "--delete-on-failure")
    assert process.stderr is not None
    await process.stderr.readline()
    process.send_signal(number)
    assert await _ended(process) == 128 + number
    assert supabase.names == ["main"]


async def test_a_creation_that_is_stopped_removes_the_branch(
    start: Start, supabase: MockManagementApi
) -> None:
    """The signal comes twice, as from GitHub's runner, before the creation has been answered."""
    fault = Fault("POST", "/branches$", 500, carried_out=True, delay=0.5)
    supabase.faults.append(fault)
    process = await start("create", NAME)
    async with asyncio.timeout(LIMIT):
        await fault.met.wait()
    assert NAME in supabase.names
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    assert await _ended(process) in {128 + signal.SIGINT, 128 + signal.SIGTERM}
    assert supabase.names == ["main"]


async def test_a_failed_branch_ends_with_its_reason(run: Run, supabase: MockManagementApi) -> None:
    supabase.add(NAME, states=deque([("MIGRATIONS_FAILED", "ACTIVE_HEALTHY")]))
    code, _, errors = await run("wait", NAME, "--delete-on-failure")
    assert code == 1
    assert f"Branch {NAME} failed: MIGRATIONS_FAILED" in errors
    assert supabase.names == ["main"]


async def test_sweep(run: Run, supabase: MockManagementApi) -> None:
    supabase.add("ci-1-1", created_at=datetime.now(UTC) - timedelta(hours=4))
    supabase.add("ci-2-1")
    assert (await run("sweep", "--dry-run"))[:2] == (0, "would delete ci-1-1\n")
    assert supabase.count("DELETE") == 0
    assert (await run("sweep"))[:2] == (0, "deleting ci-1-1\n")
    assert supabase.names == ["main", "ci-2-1"]


@pytest.mark.parametrize(
    ("arguments", "changes", "said"),
    [
        (["create", "Feature/X"], {}, "lower-case letters"),
        (["sweep", "--prefix", ""], {}, "at least 3 characters"),
        (["delete", NAME], {"SUPABASE_PROJECT_REF": "short"}, "SUPABASE_PROJECT_REF"),
        (["delete", NAME], {"SUPABASE_ACCESS_TOKEN": ""}, "SUPABASE_ACCESS_TOKEN"),
        (["migrate"], {}, "MIGRATION_DATABASE_URL: Field required"),
    ],
)
async def test_wrong_use_is_refused_before_anything_is_asked(
    run: Run,
    supabase: MockManagementApi,
    arguments: list[str],
    changes: dict[str, str],
    said: str,
) -> None:
    code, _, errors = await run(*arguments, **changes)
    assert code == 2
    assert said in errors
    assert supabase.seen == []


async def test_the_default_branch_is_refused(run: Run, supabase: MockManagementApi) -> None:
    code, _, errors = await run("delete", "main")
    assert code == 1
    assert "is left alone" in errors.replace("\n", " ")
    assert supabase.names == ["main"]
