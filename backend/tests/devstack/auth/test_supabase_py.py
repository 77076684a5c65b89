"""The real supabase-py against the stand-in on a real loopback server."""

from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest
from supabase import AsyncClient, AsyncClientOptions, AuthApiError, acreate_client
from supabase_auth.errors import AuthWeakPasswordError

from tests.devstack.auth.conftest import SERVICE_KEY, Stack
from tests.devstack.conftest import Serve

EMAIL = "person@example.org"
PASSWORD = "correct horse"


async def connect(origin: str, key: str, http: httpx.AsyncClient) -> AsyncClient:
    options = AsyncClientOptions(auto_refresh_token=False, persist_session=False, httpx_client=http)
    return await acreate_client(origin, key, options)


@pytest.fixture
async def origin(stack: Stack, serve: Serve) -> AsyncIterator[str]:
    async with serve(stack.app) as address:
        yield address


@pytest.fixture
async def client(origin: str) -> AsyncIterator[AsyncClient]:
    async with httpx.AsyncClient() as http:
        yield await connect(origin, "sb_publishable_development", http)


@pytest.fixture
async def admin(origin: str) -> AsyncIterator[AsyncClient]:
    async with httpx.AsyncClient() as http:
        yield await connect(origin, SERVICE_KEY, http)


async def test_account_from_sign_up_to_sign_out(client: AsyncClient, origin: str) -> None:
    auth = client.auth
    await auth.sign_up({"email": EMAIL, "password": PASSWORD, "options": {"data": {"a": 1}}})
    signed_in = await auth.sign_in_with_password({"email": EMAIL, "password": PASSWORD})
    assert signed_in.session
    assert signed_in.session.expires_in == 3600
    claims = await auth.get_claims()
    assert claims
    assert claims["claims"]["iss"] == f"{origin}/auth/v1"
    refreshed = await auth.refresh_session()
    assert refreshed.session
    assert refreshed.session.refresh_token != signed_in.session.refresh_token
    updated = await auth.update_user({"data": {"a": 2}, "password": "another"})
    assert updated.user.user_metadata == {"a": 2}
    found = await auth.get_user()
    assert found
    assert found.user.email == EMAIL
    await auth.sign_out()
    with pytest.raises(AuthApiError) as refusal:
        await auth.refresh_session(refreshed.session.refresh_token)
    assert "Refresh Token Not Found" in refusal.value.message


async def test_errors_keep_their_code_and_status(client: AsyncClient) -> None:
    with pytest.raises(AuthApiError) as refusal:
        await client.auth.sign_in_with_password({"email": EMAIL, "password": "wrong"})
    assert (refusal.value.status, refusal.value.code) == (400, "invalid_credentials")
    with pytest.raises(AuthWeakPasswordError) as weak:
        await client.auth.sign_up({"email": EMAIL, "password": "short"})
    assert weak.value.reasons == ["length"]
    with pytest.raises(AuthApiError) as refusal:
        await client.auth.admin.list_users()
    assert (refusal.value.status, refusal.value.code) == (403, "not_admin")


async def test_administration(admin: AsyncClient, client: AsyncClient) -> None:
    users = admin.auth.admin
    created = await users.create_user(
        {"email": EMAIL, "password": PASSWORD, "email_confirm": True, "user_metadata": {"a": 1}}
    )
    user_id = created.user.id
    assert (await users.get_user_by_id(user_id)).user == created.user
    banned = await users.update_user_by_id(user_id, {"ban_duration": "24h"})
    assert banned.user.banned_until
    with pytest.raises(AuthApiError, match="banned"):
        await client.auth.sign_in_with_password({"email": EMAIL, "password": PASSWORD})
    invited = await users.invite_user_by_email("new@example.org", {"data": {"b": 2}})
    assert invited.user.invited_at
    assert [user.email for user in await users.list_users()] == ["new@example.org", EMAIL]
    assert [user.email for user in await users.list_users(2, 1)] == [EMAIL]
    await users.delete_user(user_id)
    with pytest.raises(AuthApiError) as refusal:
        await users.get_user_by_id(user_id)
    assert (refusal.value.status, refusal.value.code) == (404, "user_not_found")
    with pytest.raises(AuthApiError):
        await users.delete_user(str(uuid4()))


async def test_an_administrator_ends_a_session(admin: AsyncClient, client: AsyncClient) -> None:
    signed_up = await client.auth.sign_up({"email": EMAIL, "password": PASSWORD})
    assert signed_up.session
    await admin.auth.admin.sign_out(signed_up.session.access_token)
    with pytest.raises(AuthApiError):
        await client.auth.refresh_session(signed_up.session.refresh_token)


async def test_an_invitation_is_accepted(
    admin: AsyncClient, client: AsyncClient, stack: Stack
) -> None:
    await admin.auth.admin.invite_user_by_email(EMAIL)
    token_hash = stack.mailbox[0].token_hash
    accepted = await client.auth.verify_otp({"type": "invite", "token_hash": token_hash})
    assert accepted.user
    assert accepted.user.email == EMAIL
