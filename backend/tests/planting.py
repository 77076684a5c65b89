"""Rows that the API's role may not write, planted by the owner in the middle of a test.

The test databases get a schema of their own for it, with one function that runs as the owner.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Base, UUIDModel
from app.core.ids import new_id
from app.core.postgres.table_security import API_ROLE

M = TypeVar("M", bound=Base)

_SCHEMA = f"""
CREATE SCHEMA testing;
CREATE FUNCTION testing.as_owner(statement text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public AS 'BEGIN EXECUTE statement; END';
GRANT USAGE ON SCHEMA testing TO {API_ROLE};
GRANT EXECUTE ON FUNCTION testing.as_owner TO {API_ROLE};
"""


async def let_tests_plant(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(_SCHEMA)
    finally:
        await connection.close()


async def as_owner(session: AsyncSession, statement: str) -> None:
    """Run a statement as the owner of the schema, in the session's transaction."""
    await session.flush()
    await session.execute(text("SELECT testing.as_owner(:statement)"), {"statement": statement})


@asynccontextmanager
async def unguarded(session: AsyncSession) -> AsyncIterator[None]:
    """Let no trigger decide about what is written meanwhile, as where nobody guards the table."""
    await as_owner(session, "SET LOCAL session_replication_role = replica")
    yield
    await session.flush()
    await as_owner(session, "SET LOCAL session_replication_role = origin")


async def plant(session: AsyncSession, model: type[M], **fields: Any) -> M:  # columns of any type
    """Insert a row as the owner; return it as the session reads it."""
    if issubclass(model, UUIDModel):
        fields.setdefault("id", new_id())
    compiled = (
        insert(model)
        .values(fields)
        .compile(dialect=session.get_bind().dialect, compile_kwargs={"literal_binds": True})
    )
    await as_owner(session, str(compiled))
    key = tuple(fields[column.key] for column in model.__table__.primary_key)
    return await session.get_one(model, key)
