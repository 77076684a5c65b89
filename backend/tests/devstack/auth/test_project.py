"""The stand-in as `supabase/config.toml` configures a project."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from devstack.auth import Identity, Project, identity_id, seed_identities
from tests.devstack.auth.conftest import SERVICE_KEY, Stack, client_of
from tests.devstack.auth.test_public import EMAIL, PASSWORD, assert_error, bearer, sign_in

KEY = "sb_publishable_development"
NEW = "new@example.org"
LONG = "correct horse battery"


@pytest.fixture
async def configured(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    stack.project = Project.configured()
    await seed_identities(
        stack.store, [Identity(EMAIL, PASSWORD, "Learner One", identity_id(EMAIL))]
    )
    async with client_of(stack, apikey=KEY) as client:
        yield client


def test_what_the_file_says_is_read() -> None:
    assert Project.configured() == Project(
        asks_for_key=True,
        signup=False,
        confirmations=True,
        minimum_password_length=12,
        mail_pause=timedelta(minutes=1),
        otp_length=8,
        reauthentication=True,
    )


async def test_nobody_signs_up(configured: httpx.AsyncClient) -> None:
    body = {"email": NEW, "password": LONG}
    assert_error(await configured.post("signup", json=body), 422, "signup_disabled")
    told = (await configured.get("settings")).json()
    assert (told["disable_signup"], told["mailer_autoconfirm"]) == (True, False)


async def test_nobody_stays_anonymous(client: httpx.AsyncClient) -> None:
    assert_error(await client.post("signup", json={}), 422, "anonymous_provider_disabled")


class TestConfirmations:
    @pytest.fixture
    async def client(self, stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
        stack.project = Project(confirmations=True, otp_length=8)
        async with client_of(stack) as client:
            yield client

    async def test_a_new_person_confirms_first(
        self, client: httpx.AsyncClient, stack: Stack
    ) -> None:
        signed_up = await client.post("signup", json={"email": NEW, "password": LONG})
        assert "access_token" not in signed_up.json()
        assert signed_up.json()["identities"]
        assert (await client.post("resend", json={"type": "signup", "email": NEW})).json() == {}
        first, second = stack.mailbox
        assert first.kind == second.kind == "signup"
        stale = {"type": "signup", "token_hash": first.token_hash}
        assert_error(await client.post("verify", json=stale), 403, "otp_expired")
        code = {"type": "email", "email": NEW, "token": second.otp}
        assert (await client.post("verify", json=code)).json()["user"]["email"] == NEW
        assert len(second.otp) == 8

    async def test_an_address_in_use_is_answered_alike(
        self, client: httpx.AsyncClient, stack: Stack
    ) -> None:
        body = {"email": NEW, "password": LONG}
        await client.post("signup", json=body)
        link = {"type": "signup", "token_hash": stack.mailbox[0].token_hash}
        known = (await client.post("verify", json=link)).json()["user"]
        again = await client.post("signup", json=body)
        assert (again.status_code, again.json()["identities"]) == (200, [])
        assert again.json()["id"] != known["id"]
        assert len(stack.mailbox) == 1

    async def test_resending_tells_nothing(self, client: httpx.AsyncClient, stack: Stack) -> None:
        for kind in ("signup", "email_change"):
            body = {"type": kind, "email": "stranger@example.org"}
            assert (await client.post("resend", json=body)).json() == {}
        assert stack.mailbox == []


async def test_a_second_mail_within_a_minute_is_refused(
    configured: httpx.AsyncClient, stack: Stack
) -> None:
    assert (await configured.post("recover", json={"email": EMAIL})).status_code == 200
    stack.advance(20)
    refused = await configured.post("recover", json={"email": EMAIL})
    assert_error(refused, 429, "over_email_send_rate_limit")
    assert "after 40 seconds" in refused.json()["message"]
    stack.advance(40)
    assert (await configured.post("recover", json={"email": EMAIL})).status_code == 200


class TestPasswords:
    @pytest.fixture
    async def session(self, configured: httpx.AsyncClient) -> dict[str, Any]:
        return await sign_in(configured, EMAIL, PASSWORD)

    async def change(
        self, client: httpx.AsyncClient, session: dict[str, Any], **body: str
    ) -> httpx.Response:
        return await client.put("user", json=body, headers=bearer(session))

    async def test_have_twelve_characters(
        self, configured: httpx.AsyncClient, session: dict[str, Any]
    ) -> None:
        refused = await self.change(configured, session, password="eleven char")
        assert_error(refused, 422, "weak_password")
        assert refused.json()["weak_password"] == {"reasons": ["length"]}
        assert (await self.change(configured, session, password=LONG)).is_success

    async def test_of_a_session_of_yesterday_need_a_code(
        self, configured: httpx.AsyncClient, stack: Stack
    ) -> None:
        stack.advance(-24 * 3600)
        session = await sign_in(configured, EMAIL, PASSWORD)
        stack.advance(24 * 3600)
        params = {"grant_type": "refresh_token"}
        body = {"refresh_token": session["refresh_token"]}
        session = (await configured.post("token", params=params, json=body)).json()
        needed = await self.change(configured, session, password=LONG)
        assert_error(needed, 400, "reauthentication_needed")
        await configured.get("reauthenticate", headers=bearer(session))
        (mail,) = stack.mailbox
        other = "0" * 8 if mail.otp != "0" * 8 else "1" * 8
        wrong = await self.change(configured, session, password=LONG, nonce=other)
        assert_error(wrong, 422, "reauthentication_not_valid")
        assert (await self.change(configured, session, password=LONG, nonce=mail.otp)).is_success

    async def test_what_admins_keep_is_not_ones_own(
        self, configured: httpx.AsyncClient, session: dict[str, Any]
    ) -> None:
        body = {"app_metadata": {"role": "admin"}}
        refused = await configured.put("user", json=body, headers=bearer(session))
        assert_error(refused, 403, "not_admin")


async def test_codes_of_both_addresses_change_it(
    configured: httpx.AsyncClient, stack: Stack
) -> None:
    session = await sign_in(configured, EMAIL, PASSWORD)
    await configured.put("user", json={"email": NEW}, headers=bearer(session))
    stack.advance(60)
    again = {"type": "email_change", "email": EMAIL}
    assert (await configured.post("resend", json=again)).json() == {}
    *_, current, new = stack.mailbox
    for mail in (new, current):
        body = {"type": "email_change", "email": mail.email, "token": mail.otp}
        answer = await configured.post("verify", json=body)
        assert answer.is_success
    assert answer.json()["user"]["email"] == NEW


class TestErrorsByVersion:
    @pytest.mark.parametrize("version", ["", "2023-01-01"])
    async def test_the_first_form(self, stack: Stack, version: str) -> None:
        async with client_of(stack) as client:
            headers = {"X-Supabase-Api-Version": version}
            refused = await client.get("user", headers=headers)
        assert refused.json() == {
            "code": 401,
            "error_code": "no_authorization",
            "msg": "This endpoint requires a valid Bearer token",
        }
        assert "x-supabase-api-version" not in refused.headers

    async def test_the_form_of_2024(self, client: httpx.AsyncClient) -> None:
        refused = await client.get("user")
        assert refused.json() == {
            "code": "no_authorization",
            "message": "This endpoint requires a valid Bearer token",
        }
        assert refused.headers["x-supabase-api-version"] == "2024-01-01"


class TestKey:
    @pytest.mark.parametrize(
        ("key", "message"),
        [("", "No API key found in request"), ("somebody", "Invalid API key")],
    )
    async def test_is_asked_for(
        self, configured: httpx.AsyncClient, key: str, message: str
    ) -> None:
        origin = "http://localhost:5173"
        refused = await configured.get("settings", headers={"apikey": key, "Origin": origin})
        assert (refused.status_code, refused.json()["message"]) == (401, message)
        assert refused.headers["access-control-allow-origin"] == origin

    @pytest.mark.parametrize("key", [KEY, SERVICE_KEY])
    async def test_may_be_in_the_address(self, configured: httpx.AsyncClient, key: str) -> None:
        headers = {"apikey": ""}
        allowed = await configured.get("settings", params={"apikey": key}, headers=headers)
        assert allowed.status_code == 200

    @pytest.mark.parametrize("path", [".well-known/jwks.json", "verify"])
    async def test_is_not_asked_for_by_what_others_follow(
        self, configured: httpx.AsyncClient, path: str
    ) -> None:
        assert (await configured.get(path, headers={"apikey": ""})).status_code != 401
