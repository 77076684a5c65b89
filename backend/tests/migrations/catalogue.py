"""What PostgreSQL's catalogue says about who may do what."""

from collections.abc import Iterable
from dataclasses import dataclass

import asyncpg

from app.core.postgres.table_security import API_ROLE, PUBLIC_ROLES

NOBODIES = ("public", *PUBLIC_ROLES)
TABLE_RIGHTS = (
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "TRUNCATE",
    "REFERENCES",
    "TRIGGER",
)

# relkind: tables, partitioned tables, views, materialised views, foreign tables.
_RELATIONS = """
SELECT oid::regclass::text AS name, relkind::text AS kind, relrowsecurity AS secured
  FROM pg_class
 WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f')
 ORDER BY 1
"""
_SEQUENCES = """
SELECT oid::regclass::text AS name FROM pg_class
 WHERE relnamespace = 'public'::regnamespace AND relkind = 'S'
"""
_FUNCTIONS = """
SELECT oid::regprocedure::text AS name FROM pg_proc WHERE pronamespace = 'public'::regnamespace
"""
_RIGHTS = """
SELECT p.privilege
  FROM unnest($3::text[]) AS p(privilege)
 WHERE has_table_privilege($1, $2, p.privilege)
    OR (p.privilege IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
        AND has_any_column_privilege($1, $2, p.privilege))
"""
_TRIGGERS = """
SELECT tgname FROM pg_trigger
 WHERE tgrelid = $1::regclass AND NOT tgisinternal AND tgenabled IN ('O', 'A')
"""


@dataclass
class Catalogue:
    connection: asyncpg.Connection

    async def tables(self) -> list[str]:
        return [row["name"] for row in await self.connection.fetch(_RELATIONS)]

    async def without_row_security(self) -> list[str]:
        """Return tables without row security, and views, which cannot have it."""
        rows = await self.connection.fetch(_RELATIONS)
        return [row["name"] for row in rows if row["kind"] in {"v", "m", "f"} or not row["secured"]]

    async def rights(self, role: str, table: str) -> set[str]:
        since_17 = ("MAINTAIN",) if self.connection.get_server_version().major > 16 else ()
        rows = await self.connection.fetch(_RIGHTS, role, table, (*TABLE_RIGHTS, *since_17))
        return {row["privilege"] for row in rows}

    async def granted(self, roles: Iterable[str] = NOBODIES) -> list[tuple[str, str]]:
        """Return (role, object) of everything that one of the roles may use in any way."""
        return [
            (role, name)
            for role in roles
            for name in (
                *[table for table in await self.tables() if await self.rights(role, table)],
                *await self._usable(role, _SEQUENCES, "has_sequence_privilege", "USAGE"),
                *await self._usable(role, _FUNCTIONS, "has_function_privilege", "EXECUTE"),
            )
        ]

    async def _usable(self, role: str, names: str, check: str, right: str) -> list[str]:
        return [
            row["name"]
            for row in await self.connection.fetch(names)
            if await self.connection.fetchval(
                f"SELECT {check}($1, $2, $3)", role, row["name"], right
            )
        ]

    async def api_rights(self) -> dict[str, set[str]]:
        return {table: await self.rights(API_ROLE, table) for table in await self.tables()}

    async def triggers(self, table: str) -> set[str]:
        return {row["tgname"] for row in await self.connection.fetch(_TRIGGERS, table)}
