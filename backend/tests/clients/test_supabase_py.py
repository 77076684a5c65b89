"""The real supabase-py against `training dev`: the same journey as that of supabase-js."""

import asyncio
import time
from collections.abc import AsyncIterator

import httpx
import pytest
from supabase import AsyncClient, AsyncClientOptions, AuthApiError, acreate_client
from supabase_auth import Session, SignInWithEmailAndPasswordCredentials

from app.core.auth.security import LEEWAY_SECONDS
from tests.cli.processes import PASSWORD, DevStack
from tests.clients.conftest import ACCESS_TOKEN_SECONDS

pytestmark = pytest.mark.full

EMAIL = "learner2@unified.example"


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


@pytest.fixture
async def supabase(stack: DevStack, http: httpx.AsyncClient) -> AsyncClient:
    options = AsyncClientOptions(auto_refresh_token=False, persist_session=False, httpx_client=http)
    return await acreate_client(stack.origin, "sb_publishable_development", options)


async def me(stack: DevStack, http: httpx.AsyncClient, session: Session) -> httpx.Response:
    headers = {"Authorization": f"Bearer {session.access_token}"}
    return await http.get(f"{stack.origin}/api/v1/users/me", headers=headers)


async def test_journey(stack: DevStack, http: httpx.AsyncClient, supabase: AsyncClient) -> None:
    credentials: SignInWithEmailAndPasswordCredentials = {"email": EMAIL, "password": PASSWORD}
    signed_in = (await supabase.auth.sign_in_with_password(credentials)).session
    assert signed_in
    assert signed_in.expires_in == ACCESS_TOKEN_SECONDS
    first = await me(stack, http, signed_in)
    assert (first.status_code, first.json()["email"]) == (200, EMAIL)

    renewed = (await supabase.auth.refresh_session(signed_in.refresh_token)).session
    assert renewed
    assert renewed.refresh_token != signed_in.refresh_token
    assert (await me(stack, http, renewed)).json()["id"] == first.json()["id"]

    await supabase.auth.sign_out()
    with pytest.raises(AuthApiError) as refusal:
        await supabase.auth.refresh_session(renewed.refresh_token)
    assert str(refusal.value.code) == "refresh_token_not_found"

    # Signing out leaves the access token as it is: it is refused once it has expired, and only
    # time makes it expire.
    assert renewed.expires_at
    await asyncio.sleep(max(renewed.expires_at + LEEWAY_SECONDS + 1 - time.time(), 0))
    refused = await me(stack, http, renewed)
    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_token")
    assert refused.headers["WWW-Authenticate"] == "Bearer"


async def test_an_admin_signs_somebody_out(
    stack: DevStack, http: httpx.AsyncClient, supabase: AsyncClient
) -> None:
    person: SignInWithEmailAndPasswordCredentials = {
        "email": "author@unified.example",
        "password": PASSWORD,
    }
    session = (await supabase.auth.sign_in_with_password(person)).session
    assert session
    person_id = (await me(stack, http, session)).json()["id"]
    admin = {"email": "admin@unified.example", "password": PASSWORD}
    url = f"{stack.origin}/auth/v1/token?grant_type=password"
    key = {"apikey": "sb_publishable_development"}
    token = (await http.post(url, json=admin, headers=key)).json()["access_token"]
    response = await http.post(
        f"{stack.origin}/api/v1/users/{person_id}/sign-out",
        headers={"Authorization": f"Bearer {token}"},
    )
    assert (response.status_code, response.json()["id"]) == (200, person_id)
    with pytest.raises(AuthApiError) as refusal:
        await supabase.auth.refresh_session(session.refresh_token)
    assert str(refusal.value.code) == "refresh_token_not_found"
    assert (await supabase.auth.sign_in_with_password(person)).session
