"""The real client with a transport of our own, and the in-memory one, must behave alike."""

import asyncio
import contextlib
import json
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from app.core.errors import AppError
from app.integrations.auth_admin import (
    AccountBannedError,
    AddressRefusedError,
    AddressTakenError,
    AuthHookUnavailableError,
    AuthKeyRefusedError,
    AuthLimitError,
    AuthRefusedError,
    AuthUnavailableError,
    AuthUser,
    SupabaseAuthAdmin,
    supabase,
)
from tests.fakes.auth_admin import InMemoryAuthAdmin

URL = "https://abc.supabase.co"
PERSON = uuid.UUID("0199c2d4-7a51-4c3e-9d35-1d6f0a4d8e21")
Answer = Callable[[httpx.Request], httpx.Response]
CALLS: tuple[Callable[[SupabaseAuthAdmin], Awaitable[Any]], ...] = (
    lambda auth: auth.get_user(PERSON),
    lambda auth: auth.list_users(1, 50),
    lambda auth: auth.delete_user(PERSON),
    lambda auth: auth.sign_out(PERSON),
)


def user_document(**changes: Any) -> dict[str, Any]:
    return {
        "id": str(PERSON),
        "aud": "authenticated",
        "email": "Ada@Unified.Example",
        "email_confirmed_at": "2026-01-01T00:00:00Z",
        "app_metadata": {},
        "user_metadata": {},
        "created_at": "2026-01-01T00:00:00Z",
        **changes,
    }


SOFTLY_DELETED = {
    "id": str(PERSON),
    "aud": "authenticated",
    "role": "authenticated",
    "email": "7f5c9f0b9d3a4a6f8f3f0b4c5d6e7f80",
    "phone": "0a1b2c3d4e5f60718293a4b5c6d7e8f9",
    "email_confirmed_at": "2026-01-01T00:00:00Z",
    "deleted_at": "2026-02-01T00:00:00Z",
    "app_metadata": {},
    "user_metadata": {},
    "identities": [{"identity_id": str(PERSON), "user_id": str(PERSON), "provider": "email"}],
    "created_at": "2026-01-01T00:00:00Z",
}


def refusal(status: int, code: str) -> httpx.Response:
    headers = {"x-supabase-api-version": "2024-01-01"}
    return httpx.Response(status, json={"code": code, "message": "No"}, headers=headers)


@pytest.fixture
def admin(monkeypatch: pytest.MonkeyPatch) -> Callable[[Answer], SupabaseAuthAdmin]:
    """Make the real client; `answer` gives the response to every request."""

    def make(answer: Answer) -> SupabaseAuthAdmin:
        async def handle(_: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
            return answer(request)

        monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", handle)
        return SupabaseAuthAdmin(URL, "sb_secret_test")

    return make


class TestSupabase:
    async def test_reads_an_account(self, admin: Callable[[Answer], SupabaseAuthAdmin]) -> None:
        seen: list[httpx.Request] = []

        def answer(request: httpx.Request) -> httpx.Response:
            seen.append(request)
            return httpx.Response(200, json=user_document())

        auth = admin(answer)
        expected = AuthUser(PERSON, "ada@unified.example", email_confirmed=True)
        assert await auth.get_user(PERSON) == expected
        assert seen[0].url == f"{URL}/auth/v1/admin/users/{PERSON}"
        assert seen[0].headers["apikey"] == "sb_secret_test"
        await auth.close()

    async def test_an_unconfirmed_account(
        self, admin: Callable[[Answer], SupabaseAuthAdmin]
    ) -> None:
        document = user_document(email_confirmed_at=None, email="")
        auth = admin(lambda _: httpx.Response(200, json=document))
        assert await auth.get_user(PERSON) == AuthUser(PERSON, None, email_confirmed=False)
        await auth.close()

    async def test_no_account(self, admin: Callable[[Answer], SupabaseAuthAdmin]) -> None:
        auth = admin(lambda _: refusal(404, "user_not_found"))
        assert await auth.get_user(PERSON) is None
        await auth.close()

    async def test_invites(self, admin: Callable[[Answer], SupabaseAuthAdmin]) -> None:
        bodies: list[Any] = []

        def answer(request: httpx.Request) -> httpx.Response:
            bodies.append(json.loads(request.content))
            return httpx.Response(200, json=user_document(email_confirmed_at=None))

        auth = admin(answer)
        invited = await auth.invite("ada@unified.example", "Ada Byron")
        assert invited == AuthUser(PERSON, "ada@unified.example", email_confirmed=False)
        assert bodies == [{"email": "ada@unified.example", "data": {"full_name": "Ada Byron"}}]
        await auth.close()

    @pytest.mark.parametrize("code", ["email_exists", "user_already_exists"])
    async def test_a_known_address_is_not_invited(
        self, admin: Callable[[Answer], SupabaseAuthAdmin], code: str
    ) -> None:
        auth = admin(lambda _: refusal(422, code))
        assert await auth.invite("ada@unified.example", None) is None
        await auth.close()

    @pytest.mark.parametrize(
        "answer",
        [
            lambda _: refusal(401, "no_authorization"),
            lambda _: refusal(429, "over_request_rate_limit"),
            lambda _: refusal(500, "unexpected_failure"),
            lambda _: httpx.Response(502, text="<html>"),
            lambda _: httpx.Response(503),
        ],
    )
    async def test_what_it_cannot_answer_is_unavailable(
        self, admin: Callable[[Answer], SupabaseAuthAdmin], answer: Answer
    ) -> None:
        auth = admin(answer)
        with pytest.raises(AuthUnavailableError):
            await auth.get_user(PERSON)
        with pytest.raises(AuthUnavailableError):
            await auth.invite("ada@unified.example", None)
        await auth.close()

    @pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ReadTimeout, httpx.ProtocolError])
    async def test_a_broken_line_is_unavailable(
        self, admin: Callable[[Answer], SupabaseAuthAdmin], error: type[httpx.TransportError]
    ) -> None:
        def answer(_: httpx.Request) -> httpx.Response:
            message = "broken"
            raise error(message)

        auth = admin(answer)
        with pytest.raises(AuthUnavailableError):
            await auth.get_user(PERSON)
        await auth.close()

    @pytest.mark.parametrize(
        ("status", "code", "expected"),
        [
            (422, "email_exists", AddressTakenError),
            (422, "user_already_exists", AddressTakenError),
            (409, "conflict", AddressTakenError),
            (400, "email_address_invalid", AddressRefusedError),
            (400, "email_address_not_authorized", AddressRefusedError),
            (403, "user_banned", AccountBannedError),
            (422, "validation_failed", AuthRefusedError),
            (403, "unknown", AuthRefusedError),
            (429, "over_request_rate_limit", AuthLimitError),
            (429, "over_email_send_rate_limit", AuthLimitError),
            (401, "no_authorization", AuthKeyRefusedError),
            (401, "unknown", AuthKeyRefusedError),
            (403, "not_admin", AuthKeyRefusedError),
            (403, "bad_jwt", AuthKeyRefusedError),
            (500, "unexpected_failure", AuthUnavailableError),
            (504, "request_timeout", AuthUnavailableError),
        ],
    )
    async def test_every_refusal_has_its_error(
        self,
        admin: Callable[[Answer], SupabaseAuthAdmin],
        status: int,
        code: str,
        expected: type[AppError],
    ) -> None:
        auth = admin(lambda _: refusal(status, code))
        for call in CALLS:
            with pytest.raises(AppError) as caught:
                await call(auth)
            assert isinstance(caught.value, expected)
        await auth.close()

    @pytest.mark.parametrize(
        "answer",
        [
            httpx.Response(200, text="<html>"),
            httpx.Response(200, text=""),
            httpx.Response(200, json={"users": [{"id": "1"}]}),
            httpx.Response(200, json=[]),
            httpx.Response(302, headers={"Location": "https://elsewhere.example"}),
            httpx.Response(403, text="<html>"),
            httpx.Response(404, text="<html>"),
            httpx.Response(404, json={"message": "no Route matched with those values"}),
            httpx.Response(404, json={"code": 404, "msg": "Not found"}),
        ],
    )
    async def test_what_nobody_can_read_is_unavailable(
        self, admin: Callable[[Answer], SupabaseAuthAdmin], answer: httpx.Response
    ) -> None:
        auth = admin(lambda _: answer)
        for call in CALLS[:2]:
            with pytest.raises(AuthUnavailableError):
                await call(auth)
        await auth.close()

    async def test_a_hook_that_refuses_an_invitation(
        self, admin: Callable[[Answer], SupabaseAuthAdmin]
    ) -> None:
        auth = admin(lambda _: refusal(403, "unknown"))
        with pytest.raises(AddressRefusedError) as caught:
            await auth.invite("ada@elsewhere.example", None)
        assert caught.value.status == 422
        await auth.close()

    async def test_patience_is_told_in_seconds(
        self, admin: Callable[[Answer], SupabaseAuthAdmin]
    ) -> None:
        auth = admin(lambda _: refusal(429, "over_email_send_rate_limit"))
        with pytest.raises(AuthLimitError) as caught:
            await auth.invite("ada@unified.example", None)
        assert (caught.value.status, caught.value.headers["Retry-After"]) == (503, "60")
        await auth.close()

    async def test_nobody_else_is_signed_out(
        self, admin: Callable[[Answer], SupabaseAuthAdmin]
    ) -> None:
        """The address moved to another account after the first look-up."""
        seen: list[str] = []

        def answer(request: httpx.Request) -> httpx.Response:
            seen.append(request.url.path.rpartition("/")[2])
            if request.method == "GET":
                return httpx.Response(200, json=user_document())
            link = {
                "action_link": f"{URL}/auth/v1/verify?token=t",
                "email_otp": "1",
                "hashed_token": "t",
                "redirect_to": "",
                "verification_type": "recovery",
            }
            return httpx.Response(200, json=user_document(id=str(uuid.uuid4())) | link)

        auth = admin(answer)
        with pytest.raises(AuthUnavailableError):
            await auth.sign_out(PERSON)
        assert seen == [str(PERSON), "generate_link"]
        await auth.close()

    async def test_an_account_that_was_deleted_softly(
        self, admin: Callable[[Answer], SupabaseAuthAdmin]
    ) -> None:
        """Auth 2.196 answers like this by id: a digest as the address, identities without data."""
        auth = admin(lambda _: httpx.Response(200, json=SOFTLY_DELETED))
        assert await auth.get_user(PERSON) is None
        assert not await auth.sign_out(PERSON)
        await auth.close()

    async def test_a_softly_deleted_account_spoils_no_page(
        self, admin: Callable[[Answer], SupabaseAuthAdmin]
    ) -> None:
        document = {"users": [{**SOFTLY_DELETED, "identities": None}, user_document()]}
        auth = admin(lambda _: httpx.Response(200, json=document))
        assert await auth.list_users(1, 50) == [
            AuthUser(PERSON, None, email_confirmed=True, is_deleted=True),
            AuthUser(PERSON, "ada@unified.example", email_confirmed=True),
        ]
        await auth.close()

    async def test_an_international_address(
        self, admin: Callable[[Answer], SupabaseAuthAdmin]
    ) -> None:
        document = user_document(email="ada@xn--zhne-loa.example")
        auth = admin(lambda _: httpx.Response(200, json=document))
        user = await auth.get_user(PERSON)
        assert user is not None
        assert user.email == "ada@xn--zhne-loa.example"
        await auth.close()

    @pytest.mark.parametrize(
        "answer",
        [
            (422, "hook_timeout_after_retry"),
            (422, "hook_timeout"),
            (400, "hook_payload_invalid_content_type"),
            (422, "hook_payload_over_size_limit"),
        ],
    )
    async def test_a_hook_without_an_answer_refuses_no_address(
        self, admin: Callable[[Answer], SupabaseAuthAdmin], answer: tuple[int, str]
    ) -> None:
        auth = admin(lambda _: refusal(*answer))
        with pytest.raises(AuthHookUnavailableError) as caught:
            await auth.invite("ada@unified.example", None)
        assert (caught.value.status, caught.value.code) == (503, "auth_hook_unavailable")
        await auth.close()

    async def test_waits_longer_than_auth_does(
        self, admin: Callable[[Answer], SupabaseAuthAdmin]
    ) -> None:
        """Auth ends a request after ten seconds, so it may send an invitation in the tenth."""
        seen: list[httpx.Request] = []

        def answer(request: httpx.Request) -> httpx.Response:
            seen.append(request)
            return httpx.Response(200, json=user_document(email_confirmed_at=None))

        auth = admin(answer)
        await auth.invite("ada@unified.example", None)
        assert min(seen[0].extensions["timeout"].values()) > 10
        await auth.close()

    @pytest.mark.parametrize(
        "refused",
        [
            {"generate_link": (404, "user_not_found")},
            {"verify": (403, "unknown")},
        ],
        ids=["signs in elsewhere", "a token hook refuses"],
    )
    async def test_those_who_get_no_token_are_signed_out_by_a_new_password(
        self,
        admin: Callable[[Answer], SupabaseAuthAdmin],
        refused: dict[str, tuple[int, str]],
    ) -> None:
        passwords: list[str] = []

        def answer(request: httpx.Request) -> httpx.Response:
            step = request.url.path.rpartition("/")[2]
            if step in refused:
                return refusal(*refused[step])
            if request.method == "PUT":
                passwords.append(json.loads(request.content)["password"])
            return httpx.Response(200, json=user_document(hashed_token="t"))

        auth = admin(answer)
        assert await auth.sign_out(PERSON)
        assert [len(password) for password in passwords] == [47]
        await auth.close()

    async def test_closing_an_unused_one(self) -> None:
        await SupabaseAuthAdmin(URL, "sb_secret_test").close()


class TestInMemory:
    async def test_invites_an_address_once_it_is_unknown(self) -> None:
        auth = InMemoryAuthAdmin()
        user = await auth.invite("ada@unified.example", None)
        assert user is not None
        assert await auth.get_user(user.id) == user
        auth.confirm(user.id)
        assert await auth.invite("ada@unified.example", None) is None
        assert auth.invited == ["ada@unified.example"]

    async def test_is_away_when_a_test_says_so(self) -> None:
        auth = InMemoryAuthAdmin()
        auth.available = False
        with pytest.raises(AuthUnavailableError):
            await auth.get_user(PERSON)


async def test_an_answer_that_trickles_in_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each byte is in time, and claims count on an end."""
    monkeypatch.setattr(supabase, "TIMEOUT_SECONDS", 0.3)

    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            for _ in range(20):
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.1)
        writer.close()

    server = await asyncio.start_server(trickle, "127.0.0.1", 0)
    auth = SupabaseAuthAdmin(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", "key")
    started = time.monotonic()
    async with server:
        with pytest.raises(AuthUnavailableError):
            await auth.get_user(PERSON)
        assert time.monotonic() - started < 1
        await auth.close()
