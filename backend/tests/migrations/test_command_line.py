"""The `alembic` command as an operator and a developer meet it: what it says, and to whom."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from app.core.postgres.schema import SCHEMA_REVISION
from app.core.postgres.table_security import API_ROLE
from tests.cli.processes import PATIENCE_SECONDS
from tests.migrations.conftest import ROOT, NewDatabase, copied, execute, require_tidy

pytestmark = pytest.mark.full


@pytest.fixture
def dsn(new_database: NewDatabase) -> str:
    return new_database(None)


@pytest.fixture
def environment(dsn: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "DATABASE_URL": f"{dsn}?connect_timeout=10"}


def alembic(
    environment: dict[str, str], *arguments: str, folder: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  # our own command
        [sys.executable, "-m", "alembic", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize(
    "missing",
    ["DROP FUNCTION settle_regrade", "ALTER TABLE users DROP COLUMN last_sign_in"],
    ids=["function", "column"],
)
def test_what_it_writes_itself_is_tidy(
    environment: dict[str, str], dsn: str, tmp_path: Path, missing: str
) -> None:
    tree = copied(tmp_path / "tree")
    assert alembic(environment, "upgrade", "head").returncode == 0
    asyncio.run(execute(dsn, missing))
    made = alembic(environment, "revision", "--autogenerate", "-m", "bring it back", folder=tree)
    assert made.returncode == 0, made.stderr
    (written,) = tree.glob(f"backend/alembic/versions/{int(SCHEMA_REVISION) + 1:04}_*.py")
    require_tidy(written, tree)


@pytest.mark.parametrize("folder", [ROOT, ROOT / "backend"], ids=["root", "backend"])
def test_works_from_both_folders(environment: dict[str, str], folder: Path) -> None:
    for arguments in (("upgrade", "head"), ("check",), ("downgrade", "-1"), ("upgrade", "+1")):
        done = alembic(environment, *arguments, folder=folder)
        assert done.returncode == 0, done.stderr


def test_the_owners_connection_comes_first(environment: dict[str, str]) -> None:
    owner = {
        **environment,
        "MIGRATION_DATABASE_URL": environment["DATABASE_URL"],
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nowhere",
    }
    done = alembic(owner, "current")
    assert done.returncode == 0, done.stderr


def test_processes_that_start_together_take_turns(environment: dict[str, str]) -> None:
    command_line = [sys.executable, "-m", "alembic", "upgrade", "head"]
    running = [
        subprocess.Popen(  # noqa: S603  # our own command
            command_line, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    for process in running:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors


def test_says_what_it_runs(environment: dict[str, str]) -> None:
    up = alembic(environment, "upgrade", "head").stderr.splitlines()
    assert up[0].startswith("Running upgrade  -> 0001, ")
    assert up[-2].startswith("Running upgrade ")
    assert f"-> {SCHEMA_REVISION}, " in up[-2]
    assert up[-1] == f"The database is at {SCHEMA_REVISION}."
    assert alembic(environment, "upgrade", "head").stderr.splitlines() == up[-1:]
    down = alembic(environment, "downgrade", "-1").stderr.splitlines()
    assert down[0].startswith(f"Running downgrade {SCHEMA_REVISION} -> ")
    assert len(down) == 2


async def _behind_a_holder(dsn: str, environment: dict[str, str], lock: str) -> str:
    """Migrate while a session of `psql` holds a lock; return what was said of it."""
    holder = await asyncpg.connect(dsn, server_settings={"application_name": "psql"})
    process = None
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            async with holder.transaction():
                await holder.execute(lock)
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "alembic", "downgrade", "-1"),
                    cwd=ROOT,
                    env=environment,
                    stderr=subprocess.PIPE,
                )
                assert process.stderr
                said = ""
                while "Waiting" not in said:
                    line = await process.stderr.readline()
                    assert line, said
                    said = line.decode()
            assert await process.wait() == 0
    finally:
        if process is not None and process.returncode is None:
            process.kill()
        pid = holder.get_server_pid()
        await holder.close()
    assert said.startswith(f"Waiting for process {pid} (role postgres, application psql, ")
    return said


@pytest.mark.parametrize(
    "lock",
    [
        "LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE",
        "SELECT pg_advisory_xact_lock(7316204511)",
    ],
    ids=["table", "other migration"],
)
def test_says_whom_it_waits_for(
    new_database: NewDatabase, seeded: str, environment: dict[str, str], lock: str
) -> None:
    dsn = new_database(seeded)
    said = asyncio.run(_behind_a_holder(dsn, {**environment, "DATABASE_URL": dsn}, lock))
    assert f": {lock}" in said


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("", "Set MIGRATION_DATABASE_URL or DATABASE_URL"),
        ("postgresql://api:hun@ter2@127.0.0.1/app", "must look like postgresql://"),
        ("postgresql://postgres@127.0.0.1:1/app", "The database is not available"),
        ("postgresql://nobody_here@{host}/postgres", "refuses this user: 28000"),
        ("postgresql://postgres@{host}/not_there", "refuses this user: 3D000"),
        ("postgresql://" + API_ROLE + "@{host}/{name}", "refuses this user: 42501"),
    ],
    ids=["none", "unreadable", "away", "role", "database", "right"],
)
def test_what_a_person_can_mend_is_one_line(
    new_database: NewDatabase, seeded: str, url: str, told: str
) -> None:
    host, _, name = new_database(seeded).rpartition("@")[2].partition("/")
    environment = {"PATH": os.environ["PATH"], "DATABASE_URL": url.format(host=host, name=name)}
    failed = alembic(environment, "downgrade", "-1")
    assert failed.returncode
    assert failed.stdout.count("\n") == 1
    assert "Traceback" not in failed.stderr
    assert told in failed.stdout
    assert "ter2" not in failed.stdout


def test_a_database_of_a_newer_release_is_one_line(environment: dict[str, str], dsn: str) -> None:
    assert alembic(environment, "upgrade", "head").returncode == 0
    asyncio.run(execute(dsn, "UPDATE alembic_version SET version_num = '9999'"))
    failed = alembic(environment, "upgrade", "head")
    assert failed.returncode
    assert failed.stdout == "FAILED: Can't locate revision identified by '9999'\n"
    assert not failed.stderr
