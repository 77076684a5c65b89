"""Hooks are called, and their answers understood, as by Supabase Auth."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import httpx
import jwt
import pytest
from standardwebhooks import Webhook
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from devstack.auth import HttpHook, SqlHook
from devstack.auth.users import NewUser
from tests.devstack.auth.conftest import Stack
from tests.devstack.conftest import Serve
from tests.integrations.test_auth_hook import secret

EMAIL = "ada@example.org"
PASSWORD = "correct horse"
PROVIDER = uuid.uuid4()
REFUSAL = {"error": {"http_code": 403, "message": "Not here"}}


@dataclass
class Listener:
    """A hook on a real server, which answers as the test says and keeps what it was sent."""

    answer: Response = field(default_factory=lambda: JSONResponse({}))
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    async def __call__(self, request: Request) -> Response:
        self.bodies.append(await request.body())
        self.headers.append(dict(request.headers))
        return self.answer

    def app(self, _origin: str) -> Starlette:
        return Starlette(routes=[Route("/", self.__call__, methods=["POST"])])


@pytest.fixture
async def listener(stack: Stack, serve: Serve) -> AsyncIterator[Listener]:
    listener = Listener()
    async with serve(listener.app) as origin:
        stack.hooks.before_user_created = HttpHook(origin, f"{secret()}|{secret(b'n')}", 0)
        yield listener


async def sign_up(client: httpx.AsyncClient) -> httpx.Response:
    return await client.post("signup", json={"email": EMAIL, "password": PASSWORD})


class TestBeforeUserCreated:
    async def test_is_signed_with_every_secret(
        self, client: httpx.AsyncClient, listener: Listener
    ) -> None:
        assert (await sign_up(client)).status_code == 200
        headers = listener.headers[0]
        signatures = headers["webhook-signature"].split(", ")
        assert len(signatures) == 2
        for each, signature in zip((secret(), secret(b"n")), signatures, strict=True):
            signed = headers | {"webhook-signature": signature}
            webhook = Webhook(each.removeprefix("v1,"))
            assert webhook.verify(listener.bodies[0], signed)["user"]["email"] == EMAIL

    @pytest.mark.parametrize(
        ("answer", "status", "code"),
        [
            (JSONResponse(REFUSAL), 403, "unknown"),
            (JSONResponse({"error": {"message": "No status"}}), 500, "unknown"),
            (HTMLResponse("<html>"), 400, "hook_payload_invalid_content_type"),
            (JSONResponse("x" * 300_000), 422, "hook_payload_over_size_limit"),
            (JSONResponse(REFUSAL, status_code=401), 500, "unexpected_failure"),
            (JSONResponse({}, status_code=404), 500, "unexpected_failure"),
            (Response("{", media_type="application/json"), 500, "unexpected_failure"),
        ],
    )
    async def test_what_is_told_of_its_answers(
        self,
        client: httpx.AsyncClient,
        listener: Listener,
        answer: Response,
        status: int,
        code: str,
    ) -> None:
        listener.answer = answer
        refused = await sign_up(client)
        assert (refused.status_code, refused.json()["code"]) == (status, code)
        listener.answer = JSONResponse({})
        assert (await sign_up(client)).status_code == 200

    async def test_that_is_busy_is_asked_again(
        self, client: httpx.AsyncClient, listener: Listener
    ) -> None:
        listener.answer = Response(status_code=503, headers={"Retry-After": "1"})
        assert (await sign_up(client)).status_code == 500
        assert len(listener.bodies) == 3

    async def test_that_is_not_there(self, client: httpx.AsyncClient, stack: Stack) -> None:
        stack.hooks.before_user_created = HttpHook("http://127.0.0.1:1", secret(), 0)
        refused = await sign_up(client)
        assert (refused.status_code, refused.json()["code"]) == (422, "hook_timeout_after_retry")

    @pytest.mark.parametrize(("path", "asked"), [("signup", 1), ("invite", 1), ("admin/users", 0)])
    async def test_is_not_asked_by_an_administrator(
        self,
        client: httpx.AsyncClient,
        service_headers: dict[str, str],
        listener: Listener,
        path: str,
        asked: int,
    ) -> None:
        body = {"email": EMAIL, "password": PASSWORD}
        made = await client.post(path, json=body, headers=service_headers)
        assert (made.status_code, len(listener.bodies)) == (200, asked)

    async def test_an_invitation_sent_again_asks_nobody(
        self, client: httpx.AsyncClient, service_headers: dict[str, str], listener: Listener
    ) -> None:
        for _ in range(2):
            await client.post("invite", json={"email": EMAIL}, headers=service_headers)
        assert len(listener.bodies) == 1


CLOSED = """
    CREATE FUNCTION public.hook(event jsonb) RETURNS jsonb LANGUAGE sql AS $$
        SELECT '{"error": {"http_code": 403, "message": "Closed"}}'::jsonb
    $$
"""
OPEN = """
    CREATE OR REPLACE FUNCTION public.hook(event jsonb) RETURNS jsonb LANGUAGE sql AS $$
        SELECT jsonb_build_object('claims', event -> 'claims' || '{"asked": true}')
    $$
"""


@pytest.fixture
async def role(database: str) -> AsyncIterator[Callable[[str], Awaitable[str]]]:
    """Run statements as the owner of a database with the role of Supabase Auth."""
    owner = await asyncpg.connect(database)
    await owner.execute("CREATE ROLE supabase_auth_admin")
    yield owner.execute
    await owner.execute("DROP ROLE supabase_auth_admin")
    await owner.close()


def claims(session: dict[str, Any]) -> dict[str, Any]:
    read: dict[str, Any] = jwt.decode(session["access_token"], options={"verify_signature": False})
    return read


class TestCustomAccessToken:
    async def test_the_first_token_has_an_audience_in_an_array(
        self, client: httpx.AsyncClient, stack: Stack, role: Callable[[str], Awaitable[str]]
    ) -> None:
        await role(OPEN)
        stack.hooks.custom_access_token = SqlHook(stack.store.pool, "public.hook")
        session = (await sign_up(client)).json()
        body = {"refresh_token": session["refresh_token"]}
        renewed = (await client.post("token?grant_type=refresh_token", json=body)).json()
        read = [claims(session), claims(renewed)]
        assert [each["aud"] for each in read] == [["authenticated"], "authenticated"]
        assert all(each["asked"] for each in read)

    async def test_a_refusal_leaves_the_session_as_it_is(
        self, client: httpx.AsyncClient, stack: Stack, role: Callable[[str], Awaitable[str]]
    ) -> None:
        session = (await sign_up(client)).json()
        await role(CLOSED)
        stack.hooks.custom_access_token = SqlHook(stack.store.pool, "public.hook")
        body = {"refresh_token": session["refresh_token"]}
        for _ in range(2):
            refused = await client.post("token?grant_type=refresh_token", json=body)
            assert (refused.status_code, refused.json()["code"]) == (403, "unknown")
            assert refused.json()["message"] == "Closed"
        password = {"email": EMAIL, "password": PASSWORD}
        kept = await client.post("token?grant_type=password", json=password)
        assert kept.json()["code"] == "unknown"
        await role(OPEN)
        assert (await client.post("token?grant_type=refresh_token", json=body)).status_code == 200


class TestSingleSignOn:
    @pytest.fixture
    async def session(self, stack: Stack, client: httpx.AsyncClient) -> dict[str, Any]:
        """As after a SAML assertion: nothing of it has a password or a mail."""
        new = NewUser(id=PROVIDER, email=EMAIL, email_confirmed_at=stack.now, sso_provider=PROVIDER)
        user = await stack.store.users.create(new)
        assert user is not None
        begun = await stack.store.sessions.create(user.id, "sso/saml", stack.now)
        body = {"refresh_token": begun.refresh_token}
        answer = await client.post("token?grant_type=refresh_token", json=body)
        return dict(answer.raise_for_status().json())

    async def test_has_an_identity_of_its_provider(self, session: dict[str, Any]) -> None:
        name = f"sso:{PROVIDER}"
        assert [each["provider"] for each in session["user"]["identities"]] == [name]
        read = claims(session)
        assert read["app_metadata"] == {"provider": name, "providers": [name]}
        assert [each["method"] for each in read["amr"]] == ["sso/saml"]

    async def test_is_reached_by_no_address(
        self,
        session: dict[str, Any],
        client: httpx.AsyncClient,
        stack: Stack,
        service_headers: dict[str, str],
    ) -> None:
        link = {"type": "recovery", "email": EMAIL}
        asked = await client.post("admin/generate_link", json=link, headers=service_headers)
        assert (asked.status_code, asked.json()["code"]) == (404, "user_not_found")
        await client.post("recover", json={"email": EMAIL})
        assert stack.mailbox == []
        other = (await sign_up(client)).json()
        assert other["user"]["id"] != session["user"]["id"]

    @pytest.mark.parametrize("change", [{"password": "another"}, {"email": "b@example.org"}])
    async def test_changes_nothing_here(
        self, session: dict[str, Any], client: httpx.AsyncClient, change: dict[str, str]
    ) -> None:
        headers = {"Authorization": f"Bearer {session['access_token']}"}
        refused = await client.put("user", json=change, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (422, "user_sso_managed")
