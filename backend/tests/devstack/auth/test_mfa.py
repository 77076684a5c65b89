"""The second factor: `mfa.enroll` to `aal2`, and back."""

from typing import Any

import httpx
import jwt
import pyotp
import pytest

from tests.devstack.auth.conftest import Stack
from tests.devstack.auth.test_public import (
    EMAIL,
    PASSWORD,
    assert_error,
    bearer,
    identity,
    refresh,
    session,
    sign_in,
)

__all__ = ["identity", "session"]


def claims(answer: dict[str, Any]) -> dict[str, Any]:
    read: dict[str, Any] = jwt.decode(answer["access_token"], options={"verify_signature": False})
    return read


async def enrolled(
    client: httpx.AsyncClient, session: dict[str, Any], name: str = "Phone"
) -> dict[str, Any]:
    body = {"factor_type": "totp", "friendly_name": name}
    answer = await client.post("factors", json=body, headers=bearer(session))
    factor: dict[str, Any] = answer.raise_for_status().json()
    return factor


async def verified(
    client: httpx.AsyncClient, stack: Stack, session: dict[str, Any], factor: dict[str, Any]
) -> httpx.Response:
    path = f"factors/{factor['id']}"
    challenge = (await client.post(f"{path}/challenge", headers=bearer(session))).json()
    code = pyotp.TOTP(factor["totp"]["secret"]).at(stack.now)
    body = {"challenge_id": challenge["id"], "code": code}
    return await client.post(f"{path}/verify", json=body, headers=bearer(session))


class TestEnroll:
    async def test_shows_what_an_authenticator_needs(
        self, session: dict[str, Any], client: httpx.AsyncClient
    ) -> None:
        factor = await enrolled(client, session)
        shown = pyotp.parse_uri(factor["totp"]["uri"])
        assert isinstance(shown, pyotp.TOTP)
        assert (shown.secret, shown.name) == (factor["totp"]["secret"], EMAIL)
        assert factor["totp"]["qr_code"].startswith("<svg ")
        user = (await client.get("user", headers=bearer(session))).json()
        assert [one["status"] for one in user["factors"]] == ["unverified"]
        assert "secret" not in user["factors"][0]

    async def test_refuses_a_second_of_the_name_and_other_kinds(
        self, session: dict[str, Any], client: httpx.AsyncClient
    ) -> None:
        await enrolled(client, session)
        for body, code in (
            ({"factor_type": "totp", "friendly_name": "Phone"}, "mfa_factor_name_conflict"),
            ({"factor_type": "phone"}, "mfa_phone_enroll_not_enabled"),
        ):
            refused = await client.post("factors", json=body, headers=bearer(session))
            assert_error(refused, 422, code)
        assert_error(await client.post("factors", json={}), 401, "no_authorization")


class TestVerify:
    async def test_raises_the_session_and_ends_the_others(
        self, session: dict[str, Any], stack: Stack, client: httpx.AsyncClient
    ) -> None:
        other = await sign_in(client, EMAIL, PASSWORD)
        assert claims(session)["aal"] == "aal1"
        stack.advance(60)
        raised = (await verified(client, stack, session, await enrolled(client, session))).json()
        told = claims(raised)
        assert (told["aal"], told["session_id"]) == ("aal2", claims(session)["session_id"])
        assert [way["method"] for way in told["amr"]] == ["totp", "password"]
        assert raised["user"]["factors"][0]["status"] == "verified"
        renewed = (await refresh(client, raised["refresh_token"])).json()
        assert claims(renewed)["aal"] == "aal2"
        assert_error(await client.get("user", headers=bearer(other)), 403, "session_not_found")
        assert claims(await sign_in(client, EMAIL, PASSWORD))["aal"] == "aal1"

    async def test_refuses_other_codes_late_ones_and_what_is_not_ones_own(
        self, session: dict[str, Any], stack: Stack, client: httpx.AsyncClient
    ) -> None:
        await client.post("signup", json={"email": "other@example.org", "password": PASSWORD})
        stranger = await sign_in(client, "other@example.org", PASSWORD)
        factor = await enrolled(client, session)
        path = f"factors/{factor['id']}"
        challenge = (await client.post(f"{path}/challenge", headers=bearer(session))).json()
        body = {"challenge_id": challenge["id"], "code": "000000"}
        wrong = await client.post(f"{path}/verify", json=body, headers=bearer(session))
        assert_error(wrong, 422, "mfa_verification_failed")
        stack.advance(301)
        late = await client.post(f"{path}/verify", json=body, headers=bearer(session))
        assert_error(late, 422, "mfa_challenge_expired")
        for way in ("challenge", "verify"):
            foreign = await client.post(f"{path}/{way}", json=body, headers=bearer(stranger))
            assert_error(foreign, 404, "mfa_factor_not_found")


class TestUnenroll:
    async def test_of_a_verified_one_needs_the_second_level(
        self, session: dict[str, Any], stack: Stack, client: httpx.AsyncClient
    ) -> None:
        factor = await enrolled(client, session)
        raised = (await verified(client, stack, session, factor)).json()
        low = await sign_in(client, EMAIL, PASSWORD)
        path = f"factors/{factor['id']}"
        assert_error(await client.delete(path, headers=bearer(low)), 422, "insufficient_aal")
        again = await client.post(
            "factors", json={"factor_type": "totp", "friendly_name": "B"}, headers=bearer(low)
        )
        assert_error(again, 403, "insufficient_aal")
        assert (await client.delete(path, headers=bearer(raised))).json() == {"id": factor["id"]}
        lowered = (await refresh(client, raised["refresh_token"])).json()
        assert claims(lowered)["aal"] == "aal1"
        assert "factors" not in lowered["user"]


@pytest.mark.parametrize("factor_id", ["none", "00000000-0000-0000-0000-000000000000"])
async def test_a_factor_that_is_not_there(
    session: dict[str, Any], client: httpx.AsyncClient, factor_id: str
) -> None:
    refused = await client.post(f"factors/{factor_id}/challenge", headers=bearer(session))
    assert refused.status_code in {400, 404}
