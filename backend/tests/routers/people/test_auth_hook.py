import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from app.routers.people.auth_hook import MAX_BYTES
from tests.integrations.test_auth_hook import secret, signed
from tests.support import Api

PATH = "/hooks/auth/before-user-created"


def payload(**user: Any) -> bytes:
    """Return what Supabase Auth sends: the account as it would be in auth.users."""
    metadata = {
        "uuid": "8b34dcdd-9df1-4c10-850a-b3277c653040",
        "time": "2026-11-20T13:13:24.755552-07:00",
        "name": "before-user-created",
        "ip_address": "192.0.2.1",
    }
    account = {
        "id": "ff7fc9ae-3b1b-4642-9241-64adb9848a03",
        "aud": "authenticated",
        "role": "",
        "phone": "",
        "app_metadata": {"provider": "email", "providers": ["email"]},
        "user_metadata": {},
        "identities": [],
        "created_at": "0001-01-01T00:00:00Z",
        "updated_at": "0001-01-01T00:00:00Z",
        "is_anonymous": False,
        **user,
    }
    return json.dumps({"metadata": metadata, "user": account}).encode()


async def call(api: Api, body: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
    headers = signed(secret(), body=body) if headers is None else headers
    return await api.post(PATH, content=body, headers=headers)


@pytest.fixture
def configured(api: Api, application: FastAPI, monkeypatch: pytest.MonkeyPatch) -> Api:
    changes = {
        "before_user_created_hook_secret": SecretStr(secret()),
        "signup_email_domains": ("unified.example",),
    }
    container = application.state.container
    settings = container.settings.model_copy(update=changes)
    monkeypatch.setattr(container, "settings", settings)
    return api


class TestBeforeUserCreated:
    async def test_staff_get_an_account(self, configured: Api) -> None:
        response = await call(configured, payload(email="Ada@Unified.Example"))
        assert (response.status_code, response.content) == (200, b"{}")
        assert response.headers["content-type"] == "application/json"

    @pytest.mark.parametrize(
        "user", [{"email": "ada@evil.example"}, {"email": ""}, {"email": None}, {}]
    )
    async def test_strangers_do_not(self, configured: Api, user: dict[str, Any]) -> None:
        """A refusal has status 200; of any other, Supabase shows only "unexpected" to people."""
        response = await call(configured, payload(**user))
        assert response.status_code == 200
        assert response.headers["content-type"] == "application/json"
        error = response.json()["error"]
        assert error.keys() == {"http_code", "message"}
        assert error["http_code"] == 403
        assert "evil" not in response.text

    async def test_unsigned(self, configured: Api) -> None:
        body = payload(email="ada@unified.example")
        for headers in ({}, signed(secret(b"x"), body=body)):
            response = await call(configured, body, headers)
            assert (response.status_code, response.json()["code"]) == (401, "invalid_signature")

    async def test_a_token_is_no_signature(self, configured: Api, admin: Any) -> None:
        response = await configured.post(PATH, admin, content=payload(email="a@unified.example"))
        assert response.status_code == 401

    async def test_repeated_later(self, configured: Api) -> None:
        body = payload(email="ada@unified.example")
        headers = signed(secret(), body=body) | {"webhook-timestamp": "1700000000"}
        assert (await call(configured, body, headers)).status_code == 401

    @pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{}", b'{"user": 1}', b"{"])
    async def test_signed_nonsense(self, configured: Api, body: bytes) -> None:
        response = await call(configured, body)
        assert (response.status_code, response.json()["code"]) == (422, "invalid_payload")

    async def test_large_bodies(self, configured: Api) -> None:
        body = payload(email="ada@unified.example", user_metadata={"a": "b" * MAX_BYTES})
        response = await call(configured, body)
        assert (response.status_code, response.json()["code"]) == (413, "body_too_large")

    async def test_large_bodies_in_pieces(self, configured: Api) -> None:
        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(MAX_BYTES // 1024 + 1):
                yield b"x" * 1024

        response = await configured.post(PATH, content=pieces())
        assert response.status_code == 413

    async def test_not_configured(self, api: Api) -> None:
        response = await call(api, payload(email="ada@unified.example"))
        assert (response.status_code, response.json()["code"]) == (404, "hook_not_configured")
