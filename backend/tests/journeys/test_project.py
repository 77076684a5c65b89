"""The product against an Auth that calls hooks, rotates keys and answers as the real one."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from app.core.auth.jwks import COOLDOWN_SECONDS, MAX_AGE_SECONDS
from app.core.database import Database
from app.models import AuditEvent
from devstack.auth import HttpHook, SqlHook
from devstack.auth.users import NewUser
from devstack.postgres import EmbeddedPostgres
from tests.deployment.test_access_token_hook import documented
from tests.devstack.conftest import serving
from tests.journeys.project import ADMIN, HOOK_SECRET, PASSWORD, Project, opened

pytestmark = pytest.mark.full

EMAIL = "ada@unified.example"
RENAMED = "byron@unified.example"
STRANGER = "ada@elsewhere.example"
SLOW_SECONDS = 7.0


@pytest.fixture
def owner_dsn(postgres: EmbeddedPostgres, committed_database: Database) -> str:
    return postgres.dsn(committed_database.engine.url.database or "")


@pytest.fixture
async def project(
    committed_database: Database, owner_dsn: str, tmp_path: Path
) -> AsyncIterator[Project]:
    async with opened(committed_database, owner_dsn, tmp_path) as project:
        yield project


async def admin_of(project: Project) -> dict[str, Any]:
    """Sign the first admin in, whom a setting names."""
    if await project.accounts.users.by_email(ADMIN) is None:
        await project.add(ADMIN)
    session = await project.sign_in(ADMIN)
    (await project.ask(session)).raise_for_status()
    return session


async def invite(project: Project, email: str = EMAIL) -> httpx.Response:
    admin = await admin_of(project)
    return await project.ask(admin, "/users/invite", "POST", json={"email": email})


class TestBeforeUserCreated:
    async def test_our_hook_decides_over_the_wire(self, project: Project) -> None:
        for email, expected in ((EMAIL, (200, None)), (STRANGER, (403, "unknown"))):
            made = await project.auth.post("signup", json={"email": email, "password": PASSWORD})
            assert (made.status_code, made.json().get("code")) == expected
        refused = await invite(project, STRANGER)
        assert (refused.status_code, refused.json()["code"]) == (422, "email_refused")
        assert project.mailbox == []

    async def test_two_secrets_while_one_is_replaced(self, project: Project) -> None:
        hook = project.hooks.before_user_created
        assert isinstance(hook, HttpHook)
        other = HOOK_SECRET.replace("a", "b")
        project.hooks.before_user_created = HttpHook(hook.url, f"{other}|{HOOK_SECRET}", 0)
        assert (await invite(project)).status_code == 201

    async def test_that_gets_no_answer_refuses_no_address(self, project: Project) -> None:
        """Only the hook's own refusal says something of the address."""
        working = project.hooks.before_user_created
        assert isinstance(working, HttpHook)
        for hook, code in (
            (HttpHook("http://127.0.0.1:1", HOOK_SECRET, 0), "auth_hook_unavailable"),
            (HttpHook(working.url, HOOK_SECRET.replace("a", "b"), 0), "auth_unavailable"),
            (HttpHook(f"{working.url}s", HOOK_SECRET, 0), "auth_unavailable"),
        ):
            project.hooks.before_user_created = hook
            answer = await invite(project)
            assert (answer.status_code, answer.json()["code"]) == (503, code)
            assert answer.headers["Retry-After"]
        async with serving(page) as origin:
            project.hooks.before_user_created = HttpHook(origin, HOOK_SECRET, 0)
            answer = await invite(project)
        assert (answer.status_code, answer.json()["code"]) == (503, "auth_hook_unavailable")
        project.hooks.before_user_created = working
        assert (await invite(project)).status_code == 201

    @pytest.mark.parametrize("changed", [False, True])
    async def test_what_it_does_not_see_is_refused_at_the_first_request(
        self, project: Project, *, changed: bool
    ) -> None:
        account = await project.add(EMAIL if changed else STRANGER)
        if changed:
            assert (await project.ask(await project.sign_in(EMAIL))).status_code == 200
            project.clock.advance(5)
            body = {"email": STRANGER, "email_confirm": True}
            (await project.auth.put(f"admin/users/{account}", json=body)).raise_for_status()
        refused = await project.ask(await project.sign_in(STRANGER))
        assert (refused.status_code, refused.json()["code"]) == (403, "email_not_allowed")


def page(_origin: str) -> Starlette:
    async def answer(_: Request) -> HTMLResponse:
        return HTMLResponse("<html>")

    return Starlette(routes=[Route("/", answer, methods=["POST"])])


@pytest.fixture
async def token_hook(project: Project, owner_dsn: str) -> AsyncIterator[None]:
    """The function of docs/deploy-supabase.md, with the role that calls it."""
    owner = await asyncpg.connect(owner_dsn)
    await owner.execute("CREATE ROLE supabase_auth_admin NOINHERIT")
    try:
        await owner.execute(documented())
        project.hooks.custom_access_token = SqlHook(
            project.accounts.pool, "public.refuse_closed_people"
        )
        yield
    finally:
        await owner.execute("DROP OWNED BY supabase_auth_admin")
        await owner.execute("DROP ROLE supabase_auth_admin")
        await owner.close()


@pytest.mark.usefixtures("token_hook")
class TestCustomAccessToken:
    async def test_an_audience_in_an_array_gets_in(self, project: Project) -> None:
        await project.add(EMAIL)
        sessions = [await project.sign_in(EMAIL) for _ in range(2)]
        assert [(await project.ask(each)).status_code for each in sessions] == [200, 200]

    async def test_closed_people_are_signed_out_all_the_same(self, project: Project) -> None:
        """Auth makes no token of theirs, by which they could be signed out."""
        admin = await admin_of(project)
        await project.add(EMAIL)
        session = await project.sign_in(EMAIL)
        me = (await project.ask(session)).raise_for_status()
        row = f"/users/{me.json()['id']}"
        headers = {"If-Match": me.headers["ETag"]}
        closed = await project.ask(admin, row, "PATCH", json={"is_active": False}, headers=headers)
        assert closed.status_code == 200
        refused = await project.renewed(session)
        assert (refused.status_code, refused.json()["code"]) == (403, "unknown")
        assert (await project.ask(admin, f"{row}/sign-out", "POST")).status_code == 200
        assert (await project.renewed(session)).json()["code"] == "refresh_token_not_found"


class TestSingleSignOn:
    async def test_they_are_signed_out(self, project: Project) -> None:
        admin = await admin_of(project)
        new = NewUser(
            id=uuid.uuid4(),
            email=EMAIL,
            email_confirmed_at=project.clock.now,
            sso_provider=uuid.uuid4(),
        )
        account = await project.accounts.users.create(new)
        assert account is not None
        session = await project.began_elsewhere(account.id)
        me = (await project.ask(session)).raise_for_status().json()
        assert me["email"] == EMAIL
        out = await project.ask(admin, f"/users/{me['id']}/sign-out", "POST")
        assert out.status_code == 200, out.text
        assert (await project.renewed(session)).json()["code"] == "refresh_token_not_found"
        assert (await project.ask(await project.began_elsewhere(account.id))).status_code == 200


async def test_a_change_of_address_does_not_flip_while_older_tokens_live(
    project: Project, session: AsyncSession
) -> None:
    await project.add(EMAIL)
    before = await project.sign_in(EMAIL)
    me = (await project.ask(before)).raise_for_status().json()
    project.clock.advance(5)
    headers = {"Authorization": f"Bearer {before['access_token']}"}
    asked = await project.auth.put("user", json={"email": RENAMED}, headers=headers)
    asked.raise_for_status()
    await project.follow(project.mailbox[0])
    after = await project.follow(project.mailbox[1])
    seen = [(await project.ask(each)).json() for each in (before, *[after, before] * 5)]
    assert [each["email"] for each in seen] == [EMAIL, *[RENAMED] * 10]
    assert {each["id"] for each in seen} == {me["id"]}
    query = select(func.count()).where(AuditEvent.action == "user:email_changed")
    assert await session.scalar(query) == 1


class TestKeys:
    async def test_a_key_of_this_moment_is_never_called_wrong(self, project: Project) -> None:
        await project.add(EMAIL)
        old = await project.sign_in(EMAIL)
        assert (await project.ask(old)).status_code == 200
        project.clock.advance(1)
        project.keys.rotate()
        new = await project.sign_in(EMAIL)
        waiting = await project.ask(new)
        assert (waiting.status_code, waiting.json()["code"]) == (503, "auth_keys_unavailable")
        assert 0 < int(waiting.headers["Retry-After"]) <= COOLDOWN_SECONDS
        assert (await project.ask(old)).status_code == 200
        project.clock.monotonic += int(waiting.headers["Retry-After"])
        assert [(await project.ask(each)).status_code for each in (new, old)] == [200, 200]

    async def test_a_key_that_stood_by_interrupts_nobody(self, project: Project) -> None:
        await project.add(EMAIL)
        project.keys.stand_by()
        assert (await project.ask(await project.sign_in(EMAIL))).status_code == 200
        project.keys.rotate()
        assert (await project.ask(await project.sign_in(EMAIL))).status_code == 200

    async def test_a_revoked_key_ends_in_ten_minutes(self, project: Project) -> None:
        await project.add(EMAIL)
        old = await project.sign_in(EMAIL)
        await project.ask(old)
        project.keys.rotate()
        project.keys.revoke()
        answers = []
        for _ in range(2):
            answers.append((await project.ask(old)).status_code)
            project.clock.monotonic += MAX_AGE_SECONDS - 1
        assert answers == [200, 200]
        assert (await project.ask(old)).status_code == 401


async def test_a_slow_mail_server_is_waited_for(
    committed_database: Database, owner_dsn: str, tmp_path: Path
) -> None:
    """Auth itself gives up after ten seconds: what it does in seven has been done."""

    def slowly(app: ASGIApp) -> ASGIApp:
        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            if scope.get("path", "").endswith("/invite"):
                await asyncio.sleep(SLOW_SECONDS)
            await app(scope, receive, send)

        return answer

    async with opened(committed_database, owner_dsn, tmp_path, slowly) as project:
        invited = await invite(project)
        assert invited.status_code == 201
        (message,) = project.mailbox
        session = await project.follow(message)
        me = (await project.ask(session)).raise_for_status().json()
        assert me["id"] == invited.json()["id"]
