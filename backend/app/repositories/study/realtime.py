"""What signed-in people may read of the database itself: grants and Realtime's publication.

The policies `read_own` (revision 0008) decide which rows; these grants decide which columns.
"""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

PUBLICATION = "supabase_realtime"
READER = "authenticated"

# No answers, questions, snapshots, payloads or hashes, and of people only what the policies need.
READABLE = {
    "users": ("id",),
    "enrollments": (
        "id",
        "user_id",
        "module_id",
        "version_id",
        "status",
        "source",
        "progress_percent",
        "due_on",
        "enrolled_at",
        "completed_at",
        "withdrawn_at",
        "updated_at",
    ),
    "section_progress": (
        "enrollment_id",
        "section_id",
        "state",
        "seconds_spent",
        "position",
        "completed_at",
        "updated_at",
    ),
    "quiz_attempts": (
        "id",
        "enrollment_id",
        "section_id",
        "number",
        "state",
        "started_at",
        "expires_at",
        "submitted_at",
        "timed_out",
        "score_percent",
        "pass_mark",
        "passed",
        "updated_at",
    ),
    "training_records": (
        "id",
        "user_id",
        "sequence",
        "enrollment_id",
        "corrects_id",
        "module_id",
        "module_title",
        "version",
        "completed_at",
        "local_date",
        "time_zone",
        "score_percent",
        "minutes",
    ),
    "external_trainings": (
        "id",
        "user_id",
        "title",
        "completed_on",
        "status",
        "reviewed_at",
        "review_reason",
        "updated_at",
    ),
}
PUBLISHED = tuple(table for table in READABLE if table != "users")

_OWNED = text(
    "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = CAST('users' AS regclass)"
)
_PUBLISHED = text("SELECT tablename FROM pg_publication_tables WHERE pubname = :name")
_PUBLICATIONS = text("SELECT EXISTS (SELECT FROM pg_publication WHERE pubname = :name)")
_COLUMNS = text(
    """
    SELECT attname FROM pg_attribute
     WHERE attrelid = CAST(:table AS regclass) AND attnum > 0 AND NOT attisdropped
       AND has_column_privilege(:role, attrelid, attnum, 'SELECT')
    """
)


@dataclass(frozen=True, slots=True)
class Exposure:
    """What `authenticated` may read of one table, and whether Realtime sends its changes."""

    table: str
    columns: frozenset[str]
    published: bool


class RealtimeRepository:
    """Needs the owner's connection."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def is_owner(self) -> bool:
        return bool(await self._session.scalar(_OWNED))

    async def exposures(self) -> list[Exposure]:
        published = await self._published()
        return [
            Exposure(table, await self._readable(table), table in published) for table in READABLE
        ]

    async def grant(self) -> None:
        for table, columns in READABLE.items():
            await self._execute(f"GRANT SELECT ({', '.join(columns)}) ON {table} TO {READER}")

    async def revoke(self) -> None:
        for table in READABLE:
            await self._execute(f"REVOKE ALL ON {table} FROM {READER}")

    async def publish(self) -> None:
        """Grant and publish what is missing; create the publication where Supabase has not."""
        if not await self._session.scalar(_PUBLICATIONS, {"name": PUBLICATION}):
            await self._execute(f"CREATE PUBLICATION {PUBLICATION}")
        published = await self._published()
        for table in PUBLISHED:
            if table not in published:
                await self._execute(f"ALTER PUBLICATION {PUBLICATION} ADD TABLE {table}")

    async def withdraw(self) -> None:
        published = await self._published()
        for table in PUBLISHED:
            if table in published:
                await self._execute(f"ALTER PUBLICATION {PUBLICATION} DROP TABLE {table}")

    async def _published(self) -> set[str]:
        return set(await self._session.scalars(_PUBLISHED, {"name": PUBLICATION}))

    async def _readable(self, table: str) -> frozenset[str]:
        found = await self._session.scalars(_COLUMNS, {"table": table, "role": READER})
        return frozenset(found)

    async def _execute(self, statement: str) -> None:
        # Names come from the constants above alone.
        await self._session.execute(text(statement))
