"""Working stand-ins for what a test must control: tokens, transactions, statement counts."""

import json
import threading
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from unittest.mock import patch

import asyncpg
import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt import PyJWK
from jwt.algorithms import ECAlgorithm
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession

from app.core.database import Database, fetch_within
from app.models import User

ORIGIN = "http://127.0.0.1:9999"
ISSUER = f"{ORIGIN}/auth/v1"


class LocalKeys:
    """A project's signing key without a network. Everything but the fetch is real."""

    def __init__(self, kid: str = "test-key") -> None:
        self.kid = kid
        self.private_key = ec.generate_private_key(ec.SECP256R1())
        document = ECAlgorithm.to_jwk(self.private_key.public_key(), as_dict=True)
        self._key = PyJWK({**document, "kid": kid, "alg": "ES256", "use": "sig"})

    async def get(self, kid: str) -> PyJWK | None:
        return self._key if kid == self.kid else None

    def claims(self, subject: uuid.UUID, email: str | None, **changes: Any) -> dict[str, Any]:
        now = int(time.time())
        return {
            "iss": ISSUER,
            "aud": "authenticated",
            "iat": now,
            "exp": now + 3600,
            "sub": str(subject),
            "email": email,
            "role": "authenticated",
            "aal": "aal1",
            "session_id": str(uuid.uuid4()),
            "is_anonymous": False,
            "amr": [{"method": "password", "timestamp": now}],
            "user_metadata": {},
            "app_metadata": {},
            **changes,
        }

    def sign(self, claims: dict[str, Any], **headers: Any) -> str:
        headers = {"kid": self.kid, **headers}
        return jwt.encode(claims, self.private_key, algorithm="ES256", headers=headers)

    def token(self, subject: uuid.UUID, email: str | None, **changes: Any) -> str:
        return self.sign(self.claims(subject, email, **changes))


@contextmanager
def published(keys: LocalKeys) -> Iterator[str]:
    """Publish the keys of the tests' tokens as a Supabase project does; return their issuer."""
    key = ECAlgorithm.to_jwk(keys.private_key.public_key(), as_dict=True)
    document = json.dumps({"keys": [key | {"kid": keys.kid, "alg": "ES256", "use": "sig"}]})

    class Project(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(document.encode())

        def log_message(self, *_: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Project) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/auth/v1"
        finally:
            server.shutdown()
            thread.join()


class _WithinTransaction(AsyncSession):
    async def connection(self, *_arguments: Any, **_options: Any) -> AsyncConnection:
        """Return the one connection. Its transaction has begun, so the isolation cannot change."""
        return await super().connection()


class RollbackDatabase(Database):
    """One connection in a transaction that is never committed: commits become savepoints."""

    def __init__(self, engine: AsyncEngine, connection: AsyncConnection) -> None:
        super().__init__(engine)
        self._connection = connection

    def writing(self) -> AsyncSession:
        return _WithinTransaction(
            self._connection,
            join_transaction_mode="create_savepoint",
            expire_on_commit=False,
            close_resets_only=False,
        )

    def autocommitting(self) -> AsyncSession:
        return self.writing()

    def reading(self) -> AsyncSession:
        return self.writing()

    async def fetch(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        async with self._connection.begin_nested():
            return await fetch_within(self._connection, statement, *arguments)

    @asynccontextmanager
    async def undone(self) -> AsyncIterator[None]:
        """Take back everything that the block commits."""
        savepoint = await self._connection.begin_nested()
        try:
            yield
        finally:
            await savepoint.rollback()


@dataclass
class Api:
    """An HTTP client for the application that signs in as whoever a test names."""

    client: httpx.AsyncClient
    keys: LocalKeys
    base: str = "/api/v1"

    def bearer(self, user: User) -> dict[str, str]:
        assert user.supabase_id is not None
        return {"Authorization": f"Bearer {self.keys.token(user.supabase_id, user.email)}"}

    async def request(
        self, method: str, path: str, user: User | None = None, **arguments: Any
    ) -> httpx.Response:
        headers = {**(self.bearer(user) if user else {}), **arguments.pop("headers", {})}
        return await self.client.request(method, self.base + path, headers=headers, **arguments)

    async def get(self, path: str, user: User | None = None, **arguments: Any) -> httpx.Response:
        return await self.request("GET", path, user, **arguments)

    async def post(self, path: str, user: User | None = None, **arguments: Any) -> httpx.Response:
        return await self.request("POST", path, user, **arguments)

    async def put(self, path: str, user: User | None = None, **arguments: Any) -> httpx.Response:
        return await self.request("PUT", path, user, **arguments)

    async def patch(self, path: str, user: User | None = None, **arguments: Any) -> httpx.Response:
        return await self.request("PATCH", path, user, **arguments)

    async def delete(self, path: str, user: User | None = None, **arguments: Any) -> httpx.Response:
        return await self.request("DELETE", path, user, **arguments)


def etag(response: httpx.Response) -> dict[str, str]:
    return {"If-Match": response.headers["ETag"]}


@dataclass
class Statements:
    seen: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.seen)


@contextmanager
def count_statements(engine: AsyncEngine) -> Iterator[Statements]:
    """Collect the statements that reach the database within the block."""
    statements = Statements()

    def collect(*arguments: Any) -> None:
        statements.seen.append(arguments[2])

    async def collecting_fetch(
        connection: Any, query: str, *arguments: Any, **options: Any
    ) -> list[asyncpg.Record]:
        statements.seen.append(query)
        rows: list[asyncpg.Record] = await fetch(connection, query, *arguments, **options)
        return rows

    fetch = asyncpg.Connection.fetch
    event.listen(engine.sync_engine, "before_cursor_execute", collect)
    try:
        # SQLAlchemy prepares its statements, so they do not take this way.
        with patch.object(asyncpg.Connection, "fetch", collecting_fetch):
            yield statements
    finally:
        event.remove(engine.sync_engine, "before_cursor_execute", collect)
