"""Ids that the database makes are UUIDv7, as are those that the application makes."""

import uuid
from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

MADE = """
    SELECT clock_timestamp() AS before, new_id()::text AS id, clock_timestamp() AS after,
           pg_sleep(0.002)
      FROM generate_series(1, 50)
"""
MILLISECOND = timedelta(milliseconds=1)
OTHERWISE = """
    SELECT table_name FROM information_schema.columns
     WHERE table_schema = current_schema() AND column_name = 'id' AND data_type = 'uuid'
       AND column_default IS DISTINCT FROM 'new_id()'
"""


async def test_are_in_the_order_of_time(session: AsyncSession) -> None:
    rows = (await session.execute(text(MADE))).all()
    ids = [uuid.UUID(row.id) for row in rows]
    assert ids == sorted(ids)
    assert {(each.version, each.variant) for each in ids} == {(7, uuid.RFC_4122)}
    for made, row in zip(ids, rows, strict=True):
        stamped = datetime.fromtimestamp((made.int >> 80) / 1000, UTC)
        assert row.before - MILLISECOND <= stamped <= row.after + MILLISECOND


async def test_are_the_default_of_every_table(session: AsyncSession) -> None:
    assert (await session.scalars(text(OTHERWISE))).all() == []
