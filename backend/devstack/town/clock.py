"""A clock that can be set, for the database in which the town is made.

All that is evidence is stamped by the database: by column defaults, triggers and functions, which
call `now()`, `clock_timestamp()` and the makers of ids. Only PostgreSQL's superuser can replace
these, and only in its own database: the development stack is one, nobody in production is, and no
revision knows of it. When the town is made, the very definitions are put back that were there.
"""

import hashlib
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final, Self
from unittest.mock import patch

import asyncpg

from app.core import ids

_IDS_BEGIN: Final = datetime(2024, 1, 1, tzinfo=UTC)
"""An id tells the time since the town began, as of this day, and is the same on every day."""

_IDS_OF_A_STEP: Final = 100_000
_REPLACED: Final = ("now()", "clock_timestamp()", "gen_random_uuid()", "uuidv7()")

# A sequence, because all connections see its value at once, whatever transactions they are in.
# PostgreSQL puts the body of an SQL function into the query; called as it is compiled, `now()`
# would still be its own.
_REPLACE: Final = """
CREATE SCHEMA devstack;
CREATE SEQUENCE devstack.clock MINVALUE 0;
CREATE SEQUENCE devstack.began MINVALUE 0;
CREATE SEQUENCE devstack.ids MINVALUE 0;

CREATE FUNCTION devstack.told() RETURNS timestamptz
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = devstack AS $$
BEGIN
    RETURN timestamptz 'epoch' + (SELECT last_value FROM clock) * interval '1 microsecond';
END $$;

CREATE FUNCTION devstack.next_id() RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = devstack, pg_catalog AS $$
DECLARE
    number bigint := nextval('ids');
    digits text := md5('database ' || number);
    milliseconds bigint := (SELECT last_value FROM began);
BEGIN
    RETURN (lpad(to_hex(milliseconds), 12, '0') || '7' || lpad(to_hex(number % 4096), 3, '0')
            || '8' || substr(digits, 1, 15))::uuid;
END $$;

CREATE OR REPLACE FUNCTION pg_catalog.now() RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE AS 'SELECT devstack.told()';
CREATE OR REPLACE FUNCTION pg_catalog.clock_timestamp() RETURNS timestamptz
LANGUAGE sql VOLATILE PARALLEL SAFE AS 'SELECT devstack.told()';
CREATE OR REPLACE FUNCTION pg_catalog.gen_random_uuid() RETURNS uuid
LANGUAGE sql VOLATILE PARALLEL SAFE AS 'SELECT devstack.next_id()';
CREATE OR REPLACE FUNCTION pg_catalog.uuidv7() RETURNS uuid
LANGUAGE sql VOLATILE PARALLEL SAFE AS 'SELECT devstack.next_id()';
GRANT USAGE ON SCHEMA devstack TO PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA devstack TO PUBLIC;
"""
_BEGIN_IDS: Final = "SELECT setval('devstack.began', $1), setval('devstack.ids', $2)"
_TELL: Final = "SELECT setval('devstack.clock', $1)"
_DEFINITIONS: Final = (
    "SELECT pg_get_functiondef(name::regprocedure) FROM unnest($1::text[]) AS name"
)


class SetClock:
    """Whoever connects while it is set lives at its time. Those before may not notice it."""

    def __init__(self, connection: asyncpg.Connection, began: datetime) -> None:
        self._connection = connection
        self.began = began
        self.now = began
        self._step = 0
        self._made = 0
        self._milliseconds = 0

    @classmethod
    @asynccontextmanager
    async def set(cls, dsn: str, began: datetime) -> AsyncIterator[Self]:
        """Connect as the superuser; put PostgreSQL's own clock back in the end."""
        connection = await asyncpg.connect(dsn)
        try:
            own = await connection.fetch(_DEFINITIONS, _REPLACED)
            await connection.execute(_REPLACE)
            clock = cls(connection, began)
            await clock.at(timedelta(0))
            with clock._making_ids():  # its own
                yield clock
            for (definition,) in own:
                await connection.execute(definition)
            await connection.execute("DROP SCHEMA devstack CASCADE")
        finally:
            await connection.close()

    async def at(self, since: timedelta) -> None:
        """Begin a step at a time since the town began, or where the last one ended.

        Each step has ids of its own: what an earlier step makes more or less changes none of them.
        """
        self._step += 1
        self._made = 0
        self._milliseconds = int((_IDS_BEGIN + since).timestamp() * 1000)
        await self._tell(max(self.began + since, self.now + timedelta(seconds=1)))
        first = self._step * _IDS_OF_A_STEP
        await self._connection.execute(_BEGIN_IDS, self._milliseconds, first)

    async def wait(self, duration: timedelta) -> None:
        await self._tell(self.now + duration)

    async def _tell(self, now: datetime) -> None:
        self.now = now
        microseconds = (now - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
        await self._connection.execute(_TELL, microseconds)

    @contextmanager
    def _making_ids(self) -> Iterator[None]:
        with patch.object(ids, "uuid7", self._next_id):
            yield

    def _next_id(self) -> uuid.UUID:
        self._made += 1
        number = self._step * _IDS_OF_A_STEP + self._made
        digits = hashlib.sha256(f"application {number}".encode()).hexdigest()
        return uuid.UUID(f"{self._milliseconds:012x}7{number % 4096:03x}8{digits[:15]}")
