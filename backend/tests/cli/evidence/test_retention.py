import uuid

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.models import Erasure, TrainingRecord, User
from devstack.postgres import EmbeddedPostgres
from tests.cli.conftest import Invoke
from tests.factories.retention import make_leaver


@pytest.fixture
async def leaver(session: AsyncSession, committed_database: Database) -> User:
    return await make_leaver(session, committed_database)


@pytest.fixture
def as_owner(
    monkeypatch: pytest.MonkeyPatch, postgres: EmbeddedPostgres, committed_database: Database
) -> None:
    url = postgres.dsn(committed_database.engine.url.database or "")
    monkeypatch.setenv("MIGRATION_DATABASE_URL", url)


async def erased(session: AsyncSession) -> int:
    return await session.scalar(select(func.count()).select_from(Erasure)) or 0


async def test_due_lists_leavers(invoke: Invoke, leaver: User) -> None:
    result = await invoke("retention", "due")
    assert result.exit_code == 0
    assert "2022-03-11" in result.stdout
    assert result.stdout.endswith("1 of 1 leavers are due.\n")


async def test_erase_needs_a_confirmation(
    invoke: Invoke, as_owner: None, leaver: User, session: AsyncSession
) -> None:
    result = await invoke("retention", "erase")
    *people, last = result.stdout.splitlines()
    assert [line.partition(" ")[0] for line in people] == [str(leaver.id)]
    assert last == "1 people would be erased. Say --confirm to erase them."
    assert await erased(session) == 0


async def test_erase_needs_the_owner(
    invoke: Invoke, leaver: User, session: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MIGRATION_DATABASE_URL", raising=False)
    result = await invoke("retention", "erase", "--confirm")
    assert result.exit_code == 1
    assert "MIGRATION_DATABASE_URL" in result.stderr
    assert await erased(session) == 0


async def test_erase_waits_for_the_account_to_go(
    invoke: Invoke, as_owner: None, leaver: User, session: AsyncSession
) -> None:
    """The environment names a Supabase where nothing listens."""
    result = await invoke("retention", "erase", "--confirm")
    assert result.exit_code == 1
    assert "The sign-in service cannot be reached" in result.stderr
    assert await erased(session) == 0


async def test_erase_then_verify(
    invoke: Invoke, as_owner: None, leaver: User, session: AsyncSession
) -> None:
    leaver.supabase_id = None
    session.add(leaver)
    await session.commit()
    result = await invoke("retention", "erase", "--confirm")
    assert result.exit_code == 0
    assert f"{leaver.id} is now erased-" in result.stdout
    assert await session.scalar(select(func.count()).select_from(TrainingRecord)) == 0
    verified = await invoke("records", "verify")
    assert verified.exit_code == 0
    assert "1 people were erased after their time" in verified.stdout


async def test_erase_somebody_who_is_not_due(
    invoke: Invoke, as_owner: None, leaver: User, session: AsyncSession
) -> None:
    result = await invoke("retention", "erase", "--confirm", "--user", str(uuid.uuid4()))
    assert result.exit_code == 1
    assert "may not be erased yet" in result.stderr
    assert await erased(session) == 0
