"""Time limits of the API's role, which also hold where a session's own settings get lost."""

import asyncio

import asyncpg
import pytest

from app.core.postgres.table_security import API_ROLE
from devstack.migrate import migrate
from devstack.postgres import EmbeddedPostgres
from tests.migrations.conftest import NewDatabase, fetch
from tests.migrations.test_revisions import downgrade

LIMITS = {
    "statement_timeout": "15s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "1min",
}


async def limits(postgres: EmbeddedPostgres, role: str) -> dict[str, str]:
    connection = await asyncpg.connect(postgres.dsn(user=role))
    try:
        return {name: await connection.fetchval(f"SHOW {name}") for name in LIMITS}
    finally:
        await connection.close()


async def test_every_session_of_the_api_has_them(postgres: EmbeddedPostgres, template: str) -> None:
    assert await limits(postgres, API_ROLE) == LIMITS


async def test_the_owner_has_none(postgres: EmbeddedPostgres, template: str) -> None:
    """Migrations set their own."""
    assert set((await limits(postgres, "postgres")).values()) == {"0"}


@pytest.mark.full
def test_are_taken_back(new_database: NewDatabase, template: str) -> None:
    configured = f"SELECT unnest(rolconfig) FROM pg_roles WHERE rolname = '{API_ROLE}'"  # noqa: S608  # a constant
    dsn = new_database(template)
    downgrade(dsn, "0007")
    try:
        assert asyncio.run(fetch(dsn, configured)) == []
    finally:
        migrate(dsn)
    assert len(asyncio.run(fetch(dsn, configured))) == len(LIMITS)
