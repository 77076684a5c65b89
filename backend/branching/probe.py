"""Checks whether a branch answers. Its status says so up to a minute too early."""

from typing import Final, Protocol

import asyncpg
import httpx

from app.core.postgres.url import Tls, parse_database_url
from branching.errors import ProbeError

CONNECT_SECONDS: Final = 10.0


class BranchProbe(Protocol):
    """Every method raises ProbeError when there is no answer."""

    async def select_one(self, database_url: str) -> None: ...

    async def signing_keys(self, supabase_url: str) -> int:
        """Return how many public keys Auth publishes; 0 in projects with a shared secret."""

    async def set_password(self, owner_url: str, role: str, password: str) -> None: ...


class NetworkProbe:
    """The real thing."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def select_one(self, database_url: str) -> None:
        try:
            connection = await _connect(database_url)
            try:
                await connection.fetchval("SELECT 1", timeout=CONNECT_SECONDS)
            finally:
                await connection.close(timeout=CONNECT_SECONDS)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise ProbeError("database", error) from error

    async def signing_keys(self, supabase_url: str) -> int:
        url = f"{supabase_url}/auth/v1/.well-known/jwks.json"
        try:
            response = await self._http.get(url)
            response.raise_for_status()
            return len(list(response.json()["keys"]))
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise ProbeError("auth", error) from error

    async def set_password(self, owner_url: str, role: str, password: str) -> None:
        connection = await _connect(owner_url)
        try:
            # ALTER ROLE takes no parameters; the server quotes what it is given.
            statement = await connection.fetchval(
                "SELECT format('ALTER ROLE %I PASSWORD %L', $1::text, $2::text)", role, password
            )
            await connection.execute(statement)
        except asyncpg.PostgresError as error:
            raise ProbeError("database", error) from None
        finally:
            await connection.close(timeout=CONNECT_SECONDS)


async def _connect(url: str) -> asyncpg.Connection:
    target = parse_database_url(url)
    tls: Tls | bool = target.tls or False
    dsn = target.url.set(drivername="postgresql").render_as_string(hide_password=False)
    return await asyncpg.connect(dsn, ssl=tls, timeout=CONNECT_SECONDS, statement_cache_size=0)
