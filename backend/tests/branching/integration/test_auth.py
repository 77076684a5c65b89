"""Tokens of the branch's own Auth, taken by the application as production makes it."""

import asyncio

import asyncpg
import httpx
import pytest

from app.core.config import Settings
from tests.branching.integration.conftest import Account, AuthAdministrator

pytestmark = pytest.mark.branch


async def test_is_ready(api: httpx.AsyncClient) -> None:
    response = await api.get("/health/ready")
    assert response.status_code == 200, response.text


async def test_without_a_token(api: httpx.AsyncClient) -> None:
    assert (await api.get("/users/me")).status_code == 401


async def test_a_first_sign_in_makes_a_learner(
    api: httpx.AsyncClient, supabase: httpx.AsyncClient, account: Account
) -> None:
    response = await api.get("/users/me", headers=await account.sign_in(supabase))
    assert response.status_code == 200, response.text
    assert (response.json()["email"], response.json()["role"]) == (account.email, "learner")


async def test_first_requests_at_once_make_one_person(
    api: httpx.AsyncClient,
    supabase: httpx.AsyncClient,
    account: Account,
    connection: asyncpg.Connection,
) -> None:
    headers = await account.sign_in(supabase)
    answers = await asyncio.gather(*(api.get("/users/me", headers=headers) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["id"] for answer in answers}) == 1
    count = await connection.fetchval("SELECT count(*) FROM users WHERE email = $1", account.email)
    assert count == 1


async def test_a_changed_token_is_refused(
    api: httpx.AsyncClient, supabase: httpx.AsyncClient, account: Account
) -> None:
    token = (await account.sign_in(supabase))["Authorization"]
    head, payload, signature = token.split(".")
    flipped = "A" if signature[9] != "A" else "B"
    changed = f"{head}.{payload}.{signature[:9]}{flipped}{signature[10:]}"
    response = await api.get("/users/me", headers={"Authorization": changed})
    assert response.status_code == 401


async def test_the_keys_are_not_tokens(api: httpx.AsyncClient, settings: Settings) -> None:
    secret = settings.supabase_secret_key.get_secret_value()
    response = await api.get("/users/me", headers={"Authorization": f"Bearer {secret}"})
    assert response.status_code == 401


async def test_a_learner_is_no_admin(
    api: httpx.AsyncClient, supabase: httpx.AsyncClient, account: Account
) -> None:
    headers = await account.sign_in(supabase)
    assert (await api.get("/audit-events", headers=headers)).status_code == 403


async def test_a_role_in_the_metadata_makes_no_admin(
    api: httpx.AsyncClient, supabase: httpx.AsyncClient, admin: AuthAdministrator
) -> None:
    account = await admin.create(user_metadata={"role": "admin"}, app_metadata={"role": "admin"})
    response = await api.get("/users/me", headers=await account.sign_in(supabase))
    assert response.json()["role"] == "learner"
