import asyncio
from typing import Any
from urllib.parse import parse_qsl

import httpx
import jwt
import pytest

from devstack.auth import Identity, Message, create_auth_app, identity_id, seed_identities
from tests.devstack.auth.conftest import SERVICE_KEY, Stack

PASSWORD = "correct horse"
EMAIL = "learner@example.org"


@pytest.fixture
async def identity(stack: Stack) -> Identity:
    identity = Identity(EMAIL, PASSWORD, "Learner One", identity_id(EMAIL))
    await seed_identities(stack.store, [identity])
    return identity


@pytest.fixture
async def session(identity: Identity, client: httpx.AsyncClient) -> dict[str, Any]:
    return await sign_in(client, identity.email, identity.password)


async def sign_in(client: httpx.AsyncClient, email: str, password: str) -> dict[str, Any]:
    response = await password_grant(client, email, password)
    assert response.status_code == 200
    body: dict[str, Any] = response.json()
    return body


async def password_grant(client: httpx.AsyncClient, email: str, password: str) -> httpx.Response:
    body = {"email": email, "password": password, "gotrue_meta_security": {}}
    return await client.post("token", params={"grant_type": "password"}, json=body)


async def refresh(client: httpx.AsyncClient, token: str) -> httpx.Response:
    params = {"grant_type": "refresh_token"}
    return await client.post("token", params=params, json={"refresh_token": token})


def bearer(session: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {session['access_token']}"}


def assert_error(response: httpx.Response, status: int, code: str) -> None:
    body = response.json()
    assert (response.status_code, body["code"]) == (status, code)
    assert body["message"]
    assert response.headers["x-supabase-api-version"] == "2024-01-01"


class TestPasswordGrant:
    async def test_answers_a_session(self, session: dict[str, Any], identity: Identity) -> None:
        assert session["token_type"] == "bearer"
        assert session["expires_in"] == 3600
        assert session["user"]["id"] == str(identity.id)
        assert session["user"]["user_metadata"] == {"full_name": "Learner One"}
        assert session["user"]["identities"][0]["provider"] == "email"
        assert session["user"]["last_sign_in_at"]

    async def test_signs_the_claims_of_supabase(
        self, session: dict[str, Any], stack: Stack, client: httpx.AsyncClient
    ) -> None:
        jwks = (await client.get(".well-known/jwks.json")).json()["keys"]
        token = session["access_token"]
        kid = jwt.get_unverified_header(token)["kid"]
        key = next(jwt.PyJWK(key) for key in jwks if key["kid"] == kid)
        claims = jwt.decode(
            token,
            key,
            algorithms=["ES256"],
            audience="authenticated",
            issuer="http://stack/auth/v1",
        )
        instant = int(stack.now.timestamp())
        assert claims.pop("session_id")
        assert claims == {
            "iss": "http://stack/auth/v1",
            "aud": "authenticated",
            "exp": instant + 3600,
            "iat": instant,
            "sub": session["user"]["id"],
            "role": "authenticated",
            "aal": "aal1",
            "email": EMAIL,
            "phone": "",
            "is_anonymous": False,
            "app_metadata": {"provider": "email", "providers": ["email"]},
            "user_metadata": {"full_name": "Learner One"},
            "amr": [{"method": "password", "timestamp": instant}],
        }

    async def test_takes_the_address_in_any_case(
        self, identity: Identity, client: httpx.AsyncClient
    ) -> None:
        assert await sign_in(client, identity.email.upper(), identity.password)

    @pytest.mark.parametrize("email", [EMAIL, "stranger@example.org"])
    async def test_does_not_tell_a_wrong_password_from_a_stranger(
        self, identity: Identity, client: httpx.AsyncClient, email: str
    ) -> None:
        response = await password_grant(client, email, "wrong")
        assert_error(response, 400, "invalid_credentials")
        assert response.json()["message"] == "Invalid login credentials"

    async def test_refuses_a_missing_address(self, client: httpx.AsyncClient) -> None:
        assert_error(await password_grant(client, "", PASSWORD), 400, "validation_failed")

    async def test_refuses_what_is_not_json(self, client: httpx.AsyncClient) -> None:
        params = {"grant_type": "password"}
        assert_error(await client.post("token", params=params, content=b"{"), 400, "bad_json")

    async def test_refuses_other_grants(self, client: httpx.AsyncClient) -> None:
        response = await client.post("token", params={"grant_type": "magic"}, json={})
        assert_error(response, 400, "invalid_credentials")


class TestRefreshTokenGrant:
    async def test_rotates_and_keeps_the_session(
        self, session: dict[str, Any], stack: Stack, client: httpx.AsyncClient
    ) -> None:
        stack.advance(60)
        renewed = (await refresh(client, session["refresh_token"])).json()
        assert renewed["refresh_token"] != session["refresh_token"]
        old, new = (
            jwt.decode(one["access_token"], options={"verify_signature": False})
            for one in (session, renewed)
        )
        assert new["session_id"] == old["session_id"]
        assert new["amr"] == old["amr"]
        assert new["iat"] == old["iat"] + 60

    async def test_tabs_that_refresh_at_once_agree(
        self, session: dict[str, Any], client: httpx.AsyncClient
    ) -> None:
        token = session["refresh_token"]
        for _ in range(10):  # the first round opens the connections, the later ones race
            responses = await asyncio.gather(*(refresh(client, token) for _ in range(20)))
            assert {response.status_code for response in responses} == {200}
            (token,) = {response.json()["refresh_token"] for response in responses}

    async def test_reuse_within_ten_seconds_answers_the_successor(
        self, session: dict[str, Any], stack: Stack, client: httpx.AsyncClient
    ) -> None:
        successor = (await refresh(client, session["refresh_token"])).json()["refresh_token"]
        stack.advance(10)
        again = await refresh(client, session["refresh_token"])
        assert again.json()["refresh_token"] == successor

    async def test_the_parent_leads_to_its_successor_at_any_time(
        self, session: dict[str, Any], stack: Stack, client: httpx.AsyncClient
    ) -> None:
        successor = (await refresh(client, session["refresh_token"])).json()
        stack.advance(3600)
        again = await refresh(client, session["refresh_token"])
        assert again.json()["refresh_token"] == successor["refresh_token"]

    async def test_later_reuse_of_a_grandparent_ends_the_session(
        self, session: dict[str, Any], stack: Stack, client: httpx.AsyncClient
    ) -> None:
        parent = (await refresh(client, session["refresh_token"])).json()
        successor = (await refresh(client, parent["refresh_token"])).json()
        stack.advance(10.5)
        reuse = await refresh(client, session["refresh_token"])
        assert_error(reuse, 400, "refresh_token_already_used")
        following = await refresh(client, successor["refresh_token"])
        assert_error(following, 400, "refresh_token_not_found")
        user = await client.get("user", headers=bearer(successor))
        assert_error(user, 403, "session_not_found")

    async def test_refuses_unknown_and_missing_tokens(self, client: httpx.AsyncClient) -> None:
        assert_error(await refresh(client, "unknown"), 400, "refresh_token_not_found")
        assert_error(await refresh(client, ""), 400, "validation_failed")


class TestSignUp:
    async def test_is_confirmed_at_once(self, client: httpx.AsyncClient) -> None:
        body = {"email": "New@Example.org", "password": PASSWORD, "data": {"full_name": "N"}}
        response = await client.post("signup", json=body)
        assert response.status_code == 200
        assert response.json()["user"]["email"] == "new@example.org"
        assert await sign_in(client, "new@example.org", PASSWORD)

    async def test_refuses_an_address_in_use(
        self, identity: Identity, client: httpx.AsyncClient
    ) -> None:
        body = {"email": identity.email, "password": PASSWORD}
        assert_error(await client.post("signup", json=body), 422, "user_already_exists")

    async def test_refuses_a_short_password(self, client: httpx.AsyncClient) -> None:
        response = await client.post("signup", json={"email": EMAIL, "password": "short"})
        assert_error(response, 422, "weak_password")
        assert response.json()["weak_password"] == {"reasons": ["length"]}

    @pytest.mark.parametrize("email", ["", "no-at-sign", "a@b", "a b@c.d", "nul\0@c.d"])
    async def test_refuses_what_is_no_address(self, client: httpx.AsyncClient, email: str) -> None:
        response = await client.post("signup", json={"email": email, "password": PASSWORD})
        assert_error(response, 400, "validation_failed")

    async def test_refuses_metadata_that_cannot_be_stored(self, client: httpx.AsyncClient) -> None:
        body = {"email": EMAIL, "password": PASSWORD, "data": {"name": "\0"}}
        assert_error(await client.post("signup", json=body), 400, "validation_failed")


class TestUser:
    async def test_answers_the_caller(
        self, session: dict[str, Any], client: httpx.AsyncClient
    ) -> None:
        response = await client.get("user", headers=bearer(session))
        assert response.json() == session["user"]

    async def test_asks_for_a_token_in_force(
        self, session: dict[str, Any], stack: Stack, client: httpx.AsyncClient
    ) -> None:
        assert_error(await client.get("user"), 401, "no_authorization")
        forged = {"Authorization": "Bearer not.a.token"}
        assert_error(await client.get("user", headers=forged), 403, "bad_jwt")
        stack.advance(-7200)
        expired = await sign_in(client, EMAIL, PASSWORD)
        assert_error(await client.get("user", headers=bearer(expired)), 403, "bad_jwt")

    async def test_refuses_a_deleted_caller(
        self, session: dict[str, Any], identity: Identity, stack: Stack, client: httpx.AsyncClient
    ) -> None:
        await stack.store.users.delete(identity.id)
        response = await client.get("user", headers=bearer(session))
        assert_error(response, 403, "user_not_found")

    async def test_merges_metadata(
        self, session: dict[str, Any], client: httpx.AsyncClient
    ) -> None:
        for data in ({"locale": "en", "theme": "dark"}, {"theme": None}):
            response = await client.put("user", json={"data": data}, headers=bearer(session))
        assert response.json()["user_metadata"] == {"full_name": "Learner One", "locale": "en"}

    async def test_a_new_password_ends_the_other_sessions(
        self, session: dict[str, Any], client: httpx.AsyncClient
    ) -> None:
        other = await sign_in(client, EMAIL, PASSWORD)
        changed = await client.put("user", json={"password": "another"}, headers=bearer(session))
        assert changed.status_code == 200
        assert (await client.get("user", headers=bearer(session))).status_code == 200
        assert_error(await client.get("user", headers=bearer(other)), 403, "session_not_found")
        assert_error(await password_grant(client, EMAIL, PASSWORD), 400, "invalid_credentials")
        assert await sign_in(client, EMAIL, "another")

    async def test_refuses_the_old_password_and_a_taken_address(
        self, session: dict[str, Any], client: httpx.AsyncClient
    ) -> None:
        await client.post("signup", json={"email": "taken@example.org", "password": PASSWORD})
        same = await client.put("user", json={"password": PASSWORD}, headers=bearer(session))
        assert_error(same, 422, "same_password")
        taken = {"email": "taken@example.org"}
        assert_error(
            await client.put("user", json=taken, headers=bearer(session)), 422, "email_exists"
        )


class TestChangeOfAddress:
    async def test_needs_both_mails_and_leaves_tokens_as_they_are(
        self, session: dict[str, Any], stack: Stack, client: httpx.AsyncClient
    ) -> None:
        new = "Renamed@example.org"
        asked = await client.put("user", json={"email": new}, headers=bearer(session))
        assert (asked.json()["email"], asked.json()["new_email"]) == (EMAIL, new.lower())
        assert [message.email for message in stack.mailbox] == [EMAIL, new.lower()]
        bodies = [
            {"type": message.kind, "token_hash": message.token_hash} for message in stack.mailbox
        ]
        one = await client.post("verify", json=bodies[1])
        assert (one.status_code, one.json()["code"]) == (200, "200")
        assert "user" not in one.json()
        assert_error(await client.post("verify", json=bodies[1]), 403, "otp_expired")
        both = (await client.post("verify", json=bodies[0])).json()
        assert both["user"]["email"] == new.lower()
        assert "new_email" not in both["user"]
        old, renewed = (
            jwt.decode(one["access_token"], options={"verify_signature": False})["email"]
            for one in (session, both)
        )
        assert (old, renewed) == (EMAIL, new.lower())
        assert (await client.get("user", headers=bearer(session))).status_code == 200

    async def test_of_an_address_that_is_taken_meanwhile(
        self, session: dict[str, Any], stack: Stack, client: httpx.AsyncClient
    ) -> None:
        new = "renamed@example.org"
        await client.put("user", json={"email": new}, headers=bearer(session))
        await client.post("signup", json={"email": new, "password": PASSWORD})
        answers = [
            await client.post("verify", json={"type": "email_change", "token_hash": one.token_hash})
            for one in stack.mailbox
        ]
        assert answers[0].status_code == 200
        assert_error(answers[1], 422, "email_exists")


class TestSignOut:
    @pytest.mark.parametrize(
        ("scope", "left"), [("global", []), ("local", ["other"]), ("others", ["own"])]
    )
    async def test_ends_the_sessions_in_scope(
        self, session: dict[str, Any], client: httpx.AsyncClient, scope: str, left: list[str]
    ) -> None:
        sessions = {"own": session, "other": await sign_in(client, EMAIL, PASSWORD)}
        response = await client.post("logout", params={"scope": scope}, headers=bearer(session))
        assert response.status_code == 204
        alive = [
            name
            for name, one in sessions.items()
            if (await refresh(client, one["refresh_token"])).status_code == 200
        ]
        assert alive == left

    async def test_refuses_another_scope(
        self, session: dict[str, Any], client: httpx.AsyncClient
    ) -> None:
        response = await client.post("logout", params={"scope": "all"}, headers=bearer(session))
        assert_error(response, 400, "validation_failed")


class TestRecovery:
    async def test_a_token_from_the_mailbox_signs_in_once(
        self, identity: Identity, stack: Stack, client: httpx.AsyncClient
    ) -> None:
        assert (await client.post("recover", json={"email": EMAIL})).json() == {}
        (message,) = stack.mailbox
        body = {"type": "recovery", "token_hash": message.token_hash}
        session = (await client.post("verify", json=body)).json()
        assert session["user"]["email"] == message.email == EMAIL
        assert_error(await client.post("verify", json=body), 403, "otp_expired")

    async def test_the_token_expires(
        self, identity: Identity, stack: Stack, client: httpx.AsyncClient
    ) -> None:
        await client.post("recover", json={"email": EMAIL})
        stack.advance(24 * 3600 + 1)
        body = {"type": "recovery", "token_hash": stack.mailbox[0].token_hash}
        assert_error(await client.post("verify", json=body), 403, "otp_expired")

    async def test_does_not_tell_who_has_an_account(
        self, stack: Stack, client: httpx.AsyncClient
    ) -> None:
        response = await client.post("recover", json={"email": "stranger@example.org"})
        assert (response.status_code, response.json()) == (200, {})
        assert stack.mailbox == []


class TestApp:
    async def test_key_set_may_be_cached_for_ten_minutes(self, client: httpx.AsyncClient) -> None:
        response = await client.get(".well-known/jwks.json")
        assert response.headers["cache-control"] == "max-age=600"

    async def test_tells_its_health_and_settings(self, client: httpx.AsyncClient) -> None:
        assert (await client.get("health")).json()["name"] == "GoTrue"
        assert (await client.get("settings")).json()["external"]["email"] is True

    async def test_unknown_paths_have_the_error_format(self, client: httpx.AsyncClient) -> None:
        assert_error(await client.get("nowhere"), 404, "not_found")
        assert_error(await client.delete("user"), 405, "method_not_allowed")

    @pytest.mark.parametrize(
        ("origin", "allowed"),
        [
            ("http://localhost:5173", True),
            ("http://127.0.0.1:3000", True),
            ("http://localhost.example.org", False),
            ("https://example.org", False),
        ],
    )
    async def test_is_open_to_pages_of_this_machine_alone(
        self, client: httpx.AsyncClient, origin: str, *, allowed: bool
    ) -> None:
        headers = {
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "apikey,authorization,x-client-info",
        }
        response = await client.options("token", headers=headers)
        assert response.headers.get("access-control-allow-origin") == (origin if allowed else None)

    @pytest.mark.parametrize("environment", ["production", "Production "])
    def test_refuses_production(self, stack: Stack, environment: str) -> None:
        with pytest.raises(RuntimeError, match="must not run in production"):
            create_auth_app(
                stack.store,
                stack.keys,
                issuer="http://stack/auth/v1",
                service_key=SERVICE_KEY,
                environment=environment,
            )


class TestLinks:
    """`GET /verify`, where the link of a mail leads first."""

    async def follow(
        self, client: httpx.AsyncClient, message: Message, redirect_to: str = ""
    ) -> tuple[str, dict[str, str]]:
        """Return the page and what its fragment tells."""
        query = {"token": message.token_hash, "type": message.kind, "redirect_to": redirect_to}
        response = await client.get("verify", params=query)
        assert response.status_code == 303
        page, _, fragment = response.headers["location"].partition("#")
        return page, dict(parse_qsl(fragment))

    async def recovery(
        self, client: httpx.AsyncClient, stack: Stack, redirect_to: str = ""
    ) -> Message:
        params = {"redirect_to": redirect_to} if redirect_to else {}
        await client.post("recover", params=params, json={"email": EMAIL})
        return stack.mailbox[-1]

    @pytest.mark.usefixtures("identity")
    async def test_begin_a_session(self, client: httpx.AsyncClient, stack: Stack) -> None:
        message = await self.recovery(client, stack, "http://localhost:5173/reset")
        page, told = await self.follow(client, message, message.redirect_to)
        assert page == "http://localhost:5173/reset"
        assert told["type"] == "recovery"
        me = await client.get("user", headers=bearer(told))
        assert me.json()["email"] == EMAIL
        assert (await refresh(client, told["refresh_token"])).status_code == 200

    @pytest.mark.usefixtures("identity")
    async def test_work_once(self, client: httpx.AsyncClient, stack: Stack) -> None:
        message = await self.recovery(client, stack)
        await self.follow(client, message)
        page, told = await self.follow(client, message)
        assert page == "http://stack/mailbox"
        assert told["error"] == "access_denied"
        assert told["error_code"] == "otp_expired"

    @pytest.mark.usefixtures("identity")
    @pytest.mark.parametrize(
        "elsewhere",
        [
            "https://evil.example/",
            "http://localhost.evil.example/",
            "http://localhost@evil.example/",
            "javascript:alert(1)",
            "//evil.example",
            "http://localhost:3000\r\nSet-Cookie: a=b",
        ],
    )
    async def test_lead_to_no_other_machine(
        self, client: httpx.AsyncClient, stack: Stack, elsewhere: str
    ) -> None:
        page, told = await self.follow(client, await self.recovery(client, stack), elsewhere)
        assert page == "http://stack/mailbox"
        assert "access_token" in told

    async def test_of_no_known_kind_are_refused(self, client: httpx.AsyncClient) -> None:
        _, told = await self.follow(client, Message(EMAIL, "phone_change", "x"))  # type: ignore[arg-type]
        assert told["error_code"] == "validation_failed"


class TestMagicLink:
    @pytest.mark.parametrize("path", ["otp", "magiclink"])
    async def test_signs_a_new_person_in(
        self, client: httpx.AsyncClient, stack: Stack, path: str
    ) -> None:
        assert (await client.post(path, json={"email": EMAIL})).json() == {}
        (message,) = stack.mailbox
        body = {"type": "email", "token_hash": message.token_hash}
        session = (await client.post("verify", json=body)).json()
        assert session["user"]["email"] == EMAIL
        assert session["user"]["email_confirmed_at"]

    @pytest.mark.usefixtures("identity")
    async def test_signs_a_known_person_in(self, client: httpx.AsyncClient, stack: Stack) -> None:
        body = {"email": EMAIL, "create_user": False}
        assert (await client.post("otp", json=body)).status_code == 200
        assert [message.kind for message in stack.mailbox] == ["magiclink"]

    async def test_makes_nobody_where_it_may_not(
        self, client: httpx.AsyncClient, stack: Stack
    ) -> None:
        body = {"email": EMAIL, "create_user": False}
        assert_error(await client.post("otp", json=body), 422, "otp_disabled")
        assert stack.mailbox == []
        assert await stack.store.users.by_email(EMAIL) is None
