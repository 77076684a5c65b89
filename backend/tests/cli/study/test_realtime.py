import asyncpg
import pytest

from app.core.database import Database
from devstack.postgres import EmbeddedPostgres
from tests.cli.conftest import Invoke

OFF = "Realtime is off"
ON = "Realtime is on"


@pytest.fixture
def invoke(
    invoke: Invoke,
    monkeypatch: pytest.MonkeyPatch,
    postgres: EmbeddedPostgres,
    committed_database: Database,
) -> Invoke:
    """Run a command as the owner of the schema."""
    owner = postgres.dsn(committed_database.engine.url.database or "")
    monkeypatch.setenv("MIGRATION_DATABASE_URL", owner)
    return invoke


async def test_is_switched_on_and_off(invoke: Invoke) -> None:
    for command, summary in (
        ("status", OFF),
        ("enable", ON),
        ("enable", ON),
        ("status", ON),
        ("disable", OFF),
        ("disable", OFF),
        ("status", OFF),
    ):
        done = await invoke("realtime", command)
        assert done.exit_code == 0, done.output
        assert summary in done.output
        assert ("progress_percent" in done.output) == (summary == ON)


async def test_grants_of_another_release_are_told_and_mended(
    invoke: Invoke, committed_database: Database, postgres: EmbeddedPostgres
) -> None:
    await invoke("realtime", "enable")
    connection = await asyncpg.connect(postgres.dsn(committed_database.engine.url.database or ""))
    await connection.execute("GRANT SELECT (seed) ON quiz_attempts TO authenticated")
    await connection.close()
    assert "differ from this release" in (await invoke("realtime", "status")).output
    mended = await invoke("realtime", "enable")
    assert ON in mended.output
    assert "seed" not in mended.output


async def test_the_apis_own_role_may_not(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MIGRATION_DATABASE_URL")
    done = await invoke("realtime", "enable")
    assert done.exit_code == 1
    assert "MIGRATION_DATABASE_URL" in done.stderr
    assert OFF in (await invoke("realtime", "status")).output
