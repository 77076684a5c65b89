"""A Supabase given by TEST_... variables: a branch, a project for trials, or the stand-in.

The suite makes accounts and rows and removes the accounts again. It never reads DATABASE_URL, so
that nobody points it at production by accident.
"""

import os
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx
import pytest
from asgi_lifespan import LifespanManager

from app.container import Container
from app.core.config import Environment, Settings
from app.main import create_app


@pytest.fixture(scope="session", autouse=True)
def _loopback_only() -> None:
    """Let these tests, and no others, reach the Supabase they are given."""


@pytest.fixture(scope="session")
def settings() -> Settings:
    given = {
        "database_url": os.environ["TEST_DATABASE_URL"],
        "supabase_url": os.environ["TEST_SUPABASE_URL"],
        "supabase_secret_key": os.environ["TEST_SUPABASE_SECRET_KEY"],
        "supabase_jwt_secret": os.environ.get("TEST_SUPABASE_JWT_SECRET") or None,
    }
    return Settings.model_validate({"environment": Environment.TEST, **given})


@pytest.fixture
async def connection(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    """The database as the API's own role."""
    target = settings.api_database()
    url = target.url.set(drivername="postgresql").render_as_string(hide_password=False)
    opened = await asyncpg.connect(url, ssl=target.tls or False, statement_cache_size=0)
    yield opened
    await opened.close()


@pytest.fixture
async def api(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """The application as production makes it: real pool, real JWKS, real admin API."""
    app = create_app(Container.build(settings))
    async with (
        LifespanManager(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://api/api/v1", timeout=30
        ) as client,
    ):
        yield client


@pytest.fixture
async def supabase(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """The project's gateway, as a browser reaches it."""
    key = os.environ["TEST_SUPABASE_PUBLISHABLE_KEY"]
    async with httpx.AsyncClient(
        base_url=settings.supabase_url, headers={"apikey": key}, timeout=30
    ) as client:
        yield client


@dataclass
class Account:
    id: str
    email: str
    password: str

    async def sign_in(self, supabase: httpx.AsyncClient) -> dict[str, str]:
        """Return the headers of a request made by this person."""
        response = await supabase.post(
            "/auth/v1/token?grant_type=password",
            json={"email": self.email, "password": self.password},
        )
        response.raise_for_status()
        return {"Authorization": f"Bearer {response.json()['access_token']}"}


class AuthAdministrator:
    """Makes confirmed accounts without sending mail, and removes what it made."""

    def __init__(self, supabase: httpx.AsyncClient, secret_key: str) -> None:
        self._supabase = supabase
        self._headers = {"apikey": secret_key, "Authorization": f"Bearer {secret_key}"}
        self._made: list[str] = []

    async def create(self, **changes: Any) -> Account:
        account = Account(
            "", f"branch-{secrets.token_hex(8)}@unified.example", secrets.token_urlsafe(16)
        )
        body = {"email": account.email, "password": account.password, "email_confirm": True}
        response = await self._supabase.post(
            "/auth/v1/admin/users", json=body | changes, headers=self._headers
        )
        response.raise_for_status()
        account.id = response.json()["id"]
        self._made.append(account.id)
        return account

    async def remove(self, account_id: str) -> None:
        response = await self._supabase.delete(
            f"/auth/v1/admin/users/{account_id}", headers=self._headers
        )
        response.raise_for_status()
        self._made.remove(account_id)

    async def remove_all(self) -> None:
        for account_id in list(self._made):
            await self.remove(account_id)


@pytest.fixture
async def admin(
    settings: Settings, supabase: httpx.AsyncClient
) -> AsyncIterator[AuthAdministrator]:
    key = settings.supabase_secret_key.get_secret_value()
    administrator = AuthAdministrator(supabase, key)
    yield administrator
    await administrator.remove_all()


@pytest.fixture
async def account(admin: AuthAdministrator) -> Account:
    return await admin.create()
