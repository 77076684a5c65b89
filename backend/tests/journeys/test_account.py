"""Sign-in accounts from invitation to return, with a Supabase Auth that answers as the real one."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from app.core.database import Database
from app.integrations.auth_admin import SupabaseAuthAdmin
from app.models import User
from devstack.auth import AuthStore, Message, SigningKeys, create_auth_app
from devstack.postgres import EmbeddedPostgres
from tests.conftest import serving as serving_api
from tests.devstack.conftest import serving
from tests.support import Api, LocalKeys

pytestmark = pytest.mark.full

KEY = "sb_secret_test"
AT_ONCE = 10


@dataclass(frozen=True, slots=True)
class Story:
    api: Api
    auth: SupabaseAuthAdmin
    mailbox: list[Message]
    there: httpx.AsyncClient
    """Supabase Auth, as its dashboard and a browser meet it."""

    async def accept(self) -> None:
        body = {"type": "invite", "token_hash": self.mailbox[-1].token_hash}
        (await self.there.post("verify", json=body)).raise_for_status()

    async def me(self, account: str, email: str) -> dict[str, str]:
        token = self.api.keys.token(uuid.UUID(account), email)
        me = await self.api.get("/users/me", headers={"Authorization": f"Bearer {token}"})
        return dict(me.raise_for_status().json())


@pytest.fixture
async def story(
    committed_database: Database, keys: LocalKeys, postgres: EmbeddedPostgres, tmp_path: Path
) -> AsyncIterator[Story]:
    dsn = postgres.dsn(committed_database.engine.url.database or "")
    signing = SigningKeys.load_or_create(tmp_path / "keys.json")
    mailbox: list[Message] = []
    async with AuthStore.open(dsn) as accounts:

        def stand_in(origin: str) -> Starlette:
            auth = create_auth_app(
                accounts,
                signing,
                issuer=f"{origin}/auth/v1",
                service_key=KEY,
                environment="test",
                deliver=mailbox.append,
            )
            return Starlette(routes=[Mount("/auth/v1", auth)])

        async with serving(stand_in) as origin:
            auth = SupabaseAuthAdmin(origin, KEY)
            headers = {"apikey": KEY, "Authorization": f"Bearer {KEY}"}
            async with (
                serving_api(committed_database, keys, auth) as api,
                httpx.AsyncClient(base_url=f"{origin}/auth/v1/", headers=headers) as there,
            ):
                yield Story(api, auth, mailbox, there)
            await auth.close()


async def test_invitations_at_once_are_one_mail_and_its_link_is_good(
    story: Story, admin: User
) -> None:
    body = {"email": "Ada@Zähne.example"}
    calls = [story.api.post("/users/invite", admin, json=body) for _ in range(AT_ONCE)]
    answers = await asyncio.gather(*calls)
    assert sorted({answer.status_code for answer in answers}) == [201, 409]
    assert [message.email for message in story.mailbox] == ["ada@xn--zhne-loa.example"]
    await story.accept()
    (made,) = [answer.json() for answer in answers if answer.is_success]
    me = await story.me(made["supabase_id"], "ada@xn--zhne-loa.example")
    assert (me["id"], me["email"]) == (made["id"], "ada@zähne.example")


@pytest.mark.parametrize("softly", [False, True])
async def test_who_was_deleted_there_comes_back_to_the_same_row(
    story: Story, admin: User, *, softly: bool
) -> None:
    email = "ada@unified.example"
    body = {"email": email, "email_confirm": True}
    account = (await story.there.post("admin/users", json=body)).raise_for_status().json()["id"]
    made = await story.me(account, email)
    deletion = {"should_soft_delete": softly}
    address = f"admin/users/{account}"
    (await story.there.request("DELETE", address, json=deletion)).raise_for_status()
    row = f"/users/{made['id']}"
    opened = await story.api.get(row, admin)
    for active in (False, True):
        headers = {"If-Match": opened.headers["ETag"]}
        opened = await story.api.patch(row, admin, json={"is_active": active}, headers=headers)
    invited = await story.api.post(f"{row}/invite", admin)
    assert invited.status_code == 200, invited.text
    assert invited.json()["supabase_id"] != account
    await story.accept()
    assert (await story.me(invited.json()["supabase_id"], email))["id"] == made["id"]
    assert await story.auth.sign_out(uuid.UUID(invited.json()["supabase_id"]))
