"""A Supabase project on sockets, and the product as it is set up for it."""

import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp

from app.container import Container
from app.core.auth.jwks import JwksKeys
from app.core.auth.security import TokenCache, TokenVerifier
from app.core.database import Database
from app.main import create_app
from devstack.auth import AuthStore, Hooks, HttpHook, Message, SigningKeys, create_auth_app
from tests.conftest import settings_for
from tests.devstack.conftest import serving

KEY = "sb_secret_test"
HOOK_SECRET = "v1,whsec_" + base64.b64encode(b"k" * 32).decode()
HOOK = "/api/v1/hooks/auth/before-user-created"
PASSWORD = "correct horse"
ADMIN = "boss@unified.example"
CLIENT_SECONDS = 30


@dataclass
class Clock:
    """Auth's clock, which is a minute slow at first: tokens of the future are refused."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC) - timedelta(seconds=60))
    monotonic: float = 1_000.0

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.monotonic += seconds


@dataclass
class Project:
    """Supabase Auth as its dashboard and browsers meet it, and our API behind it."""

    auth: httpx.AsyncClient
    api: httpx.AsyncClient
    container: Container
    accounts: AuthStore
    keys: SigningKeys
    hooks: Hooks
    clock: Clock
    mailbox: list[Message]

    async def add(self, email: str, **changes: Any) -> str:
        """Make an account in the dashboard, and return its id."""
        body = {"email": email, "password": PASSWORD, "email_confirm": True, **changes}
        made = await self.auth.post("admin/users", json=body)
        return str(made.raise_for_status().json()["id"])

    async def sign_in(self, email: str) -> dict[str, Any]:
        return await self._session("password", email=email, password=PASSWORD)

    async def renewed(self, session: dict[str, Any]) -> httpx.Response:
        return await self._token("refresh_token", refresh_token=session["refresh_token"])

    async def began_elsewhere(self, user_id: Any) -> dict[str, Any]:
        """Return the session that an assertion of an identity provider begins."""
        begun = await self.accounts.sessions.create(user_id, "sso/saml", self.clock.now)
        return await self._session("refresh_token", refresh_token=begun.refresh_token)

    async def follow(self, message: Message) -> dict[str, Any]:
        body = {"type": message.kind, "token_hash": message.token_hash}
        return dict((await self.auth.post("verify", json=body)).raise_for_status().json())

    async def ask(
        self, session: dict[str, Any], path: str = "/users/me", method: str = "GET", **request: Any
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {session['access_token']}"}
        headers |= request.pop("headers", {})
        return await self.api.request(method, path, headers=headers, **request)

    async def _session(self, grant: str, **body: str) -> dict[str, Any]:
        return dict((await self._token(grant, **body)).raise_for_status().json())

    async def _token(self, grant: str, **body: str) -> httpx.Response:
        return await self.auth.post("token", params={"grant_type": grant}, json=body)


@asynccontextmanager
async def opened(
    database: Database,
    owner_dsn: str,
    folder: Path,
    around: Callable[[ASGIApp], ASGIApp] = lambda app: app,
) -> AsyncIterator[Project]:
    """Serve both; `around` is what lies between Auth and its callers."""
    keys, hooks, clock = SigningKeys.load_or_create(folder / "keys.json"), Hooks(), Clock()
    mailbox: list[Message] = []
    async with AuthStore.open(owner_dsn) as accounts:

        def auth_app(origin: str) -> ASGIApp:
            auth = create_auth_app(
                accounts,
                keys,
                issuer=f"{origin}/auth/v1",
                service_key=KEY,
                environment="test",
                now=lambda: clock.now,
                deliver=mailbox.append,
                hooks=hooks,
            )
            return around(Starlette(routes=[Mount("/auth/v1", auth)]))

        async with (
            serving(auth_app) as origin,
            _container(database, origin, clock) as container,
            serving(lambda _: create_app(container)) as ours,
            _client(f"{origin}/auth/v1/", KEY) as auth,
            _client(f"{ours}/api/v1") as api,
        ):
            hooks.before_user_created = HttpHook(f"{ours}{HOOK}", HOOK_SECRET, 0)
            yield Project(auth, api, container, accounts, keys, hooks, clock, mailbox)


@asynccontextmanager
async def _container(database: Database, origin: str, clock: Clock) -> AsyncIterator[Container]:
    """What production builds, with keys that grow old by our clock."""
    settings = settings_for(
        database.engine.url.render_as_string(hide_password=False),
        supabase_url=origin,
        supabase_secret_key=KEY,
        bootstrap_admin_email=ADMIN,
        signup_email_domains=("unified.example",),
        before_user_created_hook_secret=HOOK_SECRET,
    )
    container = Container.build(settings)
    container.verifier = TokenVerifier(
        JwksKeys(
            f"{settings.issuer}/.well-known/jwks.json",
            container.http,
            monotonic=lambda: clock.monotonic,
        ),
        issuer=settings.issuer,
        cache=TokenCache(0, 0),
    )
    try:
        yield container
    finally:
        await container.close()


def _client(url: str, key: str | None = None) -> httpx.AsyncClient:
    headers = {"X-Supabase-Api-Version": "2024-01-01"}  # which decides the form of errors
    if key:
        headers |= {"apikey": key, "Authorization": f"Bearer {key}"}
    return httpx.AsyncClient(base_url=url, headers=headers, timeout=CLIENT_SECONDS)
