"""What commands tell where their output is no terminal."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from tests.cli.conftest import Invoke
from tests.factories.retention import make_leaver


async def test_what_is_piped_is_whole(
    invoke: Invoke, session: AsyncSession, committed_database: Database
) -> None:
    leaver = await make_leaver(session, committed_database)
    result = await invoke("retention", "due", "--all")
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert rows[1][0] == str(leaver.id)
