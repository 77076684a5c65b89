"""The state and the clock of the database server."""

from datetime import datetime

from sqlalchemy import DateTime, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.postgres.schema import READ_STATE, SchemaState


class ServerRepository:
    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def now(self) -> datetime:
        """Return the present instant, not the one at which the transaction began."""
        statement = select(func.clock_timestamp(type_=DateTime(timezone=True)))
        return (await self.session.execute(statement)).scalar_one()

    async def schema_state(self) -> SchemaState:
        return SchemaState(*(await self.session.execute(text(READ_STATE))).one())
