"""Our admin client against the stand-in on a loopback server."""

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest

from app.integrations.auth_admin import (
    AccountBannedError,
    AddressRefusedError,
    AddressTakenError,
    AuthKeyRefusedError,
    AuthUser,
    PasswordRefusedError,
    SupabaseAuthAdmin,
)
from devstack.auth import AuthStore
from tests.devstack.auth.conftest import SERVICE_KEY, Stack
from tests.devstack.conftest import Serve

EMAIL = "person@example.org"
OTHER = "other@example.org"
PASSWORD = "correct horse"
SERVICE = {"apikey": SERVICE_KEY, "Authorization": f"Bearer {SERVICE_KEY}"}


@pytest.fixture
async def origin(stack: Stack, serve: Serve) -> AsyncIterator[str]:
    async with serve(stack.app) as address:
        yield address


@pytest.fixture
async def admin(origin: str) -> AsyncIterator[SupabaseAuthAdmin]:
    client = SupabaseAuthAdmin(origin, SERVICE_KEY)
    yield client
    await client.close()


@pytest.fixture
async def http(origin: str) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"X-Supabase-Api-Version": "2024-01-01"}
    async with httpx.AsyncClient(base_url=f"{origin}/auth/v1", headers=headers) as client:
        yield client


async def sign_up(http: httpx.AsyncClient, email: str = EMAIL) -> dict[str, str]:
    body = {"email": email, "password": PASSWORD}
    answer = (await http.post("/signup", json=body)).raise_for_status().json()
    return {**answer, "id": answer["user"]["id"]}


async def sign_in(http: httpx.AsyncClient, email: str = EMAIL) -> httpx.Response:
    body = {"email": email, "password": PASSWORD}
    return await http.post("/token?grant_type=password", json=body)


async def renew(http: httpx.AsyncClient, session: dict[str, str]) -> httpx.Response:
    body = {"refresh_token": session["refresh_token"]}
    return await http.post("/token?grant_type=refresh_token", json=body)


class TestAccounts:
    async def test_are_listed_page_by_page(
        self, admin: SupabaseAuthAdmin, http: httpx.AsyncClient
    ) -> None:
        ids = [uuid.UUID((await sign_up(http, f"p{n}@example.org"))["id"]) for n in range(5)]
        pages = [await admin.list_users(page, 2) for page in (1, 2, 3, 4)]
        assert [len(page) for page in pages] == [2, 2, 1, 0]
        listed = [user.id for page in pages for user in page]
        assert listed == list(reversed(ids))

    async def test_deleting(self, admin: SupabaseAuthAdmin, http: httpx.AsyncClient) -> None:
        user_id = uuid.UUID((await sign_up(http))["id"])
        assert await admin.delete_user(user_id)
        assert await admin.get_user(user_id) is None
        assert not await admin.delete_user(user_id)

    async def test_a_soft_deletion_counts(
        self, admin: SupabaseAuthAdmin, http: httpx.AsyncClient
    ) -> None:
        user_id = uuid.UUID((await sign_up(http))["id"])
        body = {"should_soft_delete": True}
        headers = {"apikey": SERVICE_KEY, "Authorization": f"Bearer {SERVICE_KEY}"}
        url = f"/admin/users/{user_id}"
        (await http.request("DELETE", url, json=body, headers=headers)).raise_for_status()
        assert await admin.get_user(user_id) is None
        listed = await admin.list_users(1, 50)
        assert [(user.id, user.email, user.is_deleted) for user in listed] == [
            (user_id, None, True)
        ]

    async def test_nobody(self, admin: SupabaseAuthAdmin) -> None:
        nobody = uuid.uuid4()
        assert await admin.get_user(nobody) is None
        assert not await admin.sign_out(nobody)
        assert await admin.list_users(1, 50) == []

    async def test_a_soft_deletion_is_answered_as_supabase_does(
        self, admin: SupabaseAuthAdmin, http: httpx.AsyncClient
    ) -> None:
        user_id = (await sign_up(http))["id"]
        url, headers = f"/admin/users/{user_id}", SERVICE
        await http.request("DELETE", url, json={"should_soft_delete": True}, headers=headers)
        by_id = (await http.get(url, headers=headers)).raise_for_status().json()
        assert by_id["deleted_at"]
        assert by_id["email"] not in {"", EMAIL}
        assert "@" not in by_id["email"]
        assert [sorted(identity) for identity in by_id["identities"]]
        assert "identity_data" not in by_id["identities"][0]
        listed = (await http.get("/admin/users", headers=headers)).json()["users"]
        assert [user["identities"] for user in listed] == [None]
        # The address is free again; a new account with it is a different one.
        assert (await sign_up(http))["id"] != user_id
        assert await admin.get_user(uuid.UUID(user_id)) is None

    async def test_of_one_instant_come_in_no_order(
        self, admin: SupabaseAuthAdmin, store: AuthStore
    ) -> None:
        """Their order is not fixed, so pages repeat and skip some, as in Supabase."""
        for number in range(16):
            await admin.invite(f"p{number}@example.org", None)
        await store.users.made_at(datetime(2026, 1, 1, tzinfo=UTC))
        listed = [user.id for page in range(1, 9) for user in await admin.list_users(page, 2)]
        assert len(listed) == 16
        assert len(set(listed)) < 16


class TestInvitations:
    async def test_of_international_domains_are_punycode(
        self, admin: SupabaseAuthAdmin, http: httpx.AsyncClient
    ) -> None:
        invited = await admin.invite("ada@xn--zhne-loa.example", None)
        assert invited is not None
        assert invited.email == "ada@xn--zhne-loa.example"
        with pytest.raises(AddressRefusedError):
            await admin.invite("ada@zähne.example", None)
        body = {"email": "ada@zähne.example", "password": PASSWORD}
        refused = await http.post("/signup", json=body)
        assert (refused.status_code, refused.json()["code"]) == (400, "validation_failed")

    async def test_each_mail_ends_the_link_of_the_one_before(
        self, admin: SupabaseAuthAdmin, http: httpx.AsyncClient, stack: Stack
    ) -> None:
        await admin.invite(EMAIL, None)
        await admin.invite(EMAIL, None)
        before, after = (message.token_hash for message in stack.mailbox)
        for token_hash, status in ((before, 403), (after, 200)):
            body = {"type": "invite", "token_hash": token_hash}
            assert (await http.post("/verify", json=body)).status_code == status

    async def test_are_sent_again_until_accepted(
        self, admin: SupabaseAuthAdmin, http: httpx.AsyncClient, stack: Stack
    ) -> None:
        first = await admin.invite(EMAIL, "Ada Byron")
        again = await admin.invite(EMAIL, "Ada Byron")
        assert first is not None
        assert first == again
        assert [message.kind for message in stack.mailbox] == ["invite", "invite"]
        body = {"type": "invite", "token_hash": stack.mailbox[1].token_hash}
        (await http.post("/verify", json=body)).raise_for_status()
        assert await admin.invite(EMAIL, "Ada Byron") is None
        assert len(stack.mailbox) == 2


class TestMoving:
    async def test_ends_sessions_and_leaves_the_new_address_alone(
        self, admin: SupabaseAuthAdmin, http: httpx.AsyncClient, stack: Stack
    ) -> None:
        session = await sign_up(http)
        user_id = uuid.UUID(session["id"])
        await sign_up(http, OTHER)
        with pytest.raises(AddressTakenError):
            await admin.move_user(user_id, OTHER)
        assert (await renew(http, session)).status_code == 200
        session = (await sign_in(http)).json()
        moved = await admin.move_user(user_id, "new@example.org")
        assert moved == AuthUser(user_id, "new@example.org", email_confirmed=True)
        assert (await renew(http, session)).json()["code"] == "refresh_token_not_found"
        for email in (EMAIL, "new@example.org"):
            assert (await sign_in(http, email)).json()["code"] == "invalid_credentials"
        await http.post("/recover", json={"email": "new@example.org"})
        body = {"type": "recovery", "token_hash": stack.mailbox[-1].token_hash}
        (await http.post("/verify", json=body)).raise_for_status()

    async def test_nobody(self, admin: SupabaseAuthAdmin) -> None:
        assert await admin.move_user(uuid.uuid4(), "new@example.org") is None


class TestSigningOut:
    async def test_ends_every_session_of_this_person(
        self, admin: SupabaseAuthAdmin, http: httpx.AsyncClient, stack: Stack
    ) -> None:
        sessions = [await sign_up(http), (await sign_in(http)).json()]
        others = await sign_up(http, OTHER)
        assert await admin.sign_out(uuid.UUID(sessions[0]["id"]))
        for session in sessions:
            assert (await renew(http, session)).json()["code"] == "refresh_token_not_found"
        assert (await renew(http, others)).status_code == 200
        assert stack.mailbox == []
        assert (await sign_in(http)).status_code == 200

    async def test_leaves_our_own_client_signed_out(
        self, admin: SupabaseAuthAdmin, http: httpx.AsyncClient
    ) -> None:
        """The admin client still uses the secret key afterwards."""
        user_id = uuid.UUID((await sign_up(http))["id"])
        await admin.sign_out(user_id)
        assert len(await admin.list_users(1, 50)) == 1
        assert await admin.sign_out(user_id)

    async def test_an_invitation_has_no_sessions(self, admin: SupabaseAuthAdmin) -> None:
        invited = await admin.invite(EMAIL, None)
        assert invited is not None
        assert not await admin.sign_out(invited.id)
        unconfirmed = await admin.get_user(invited.id)
        assert unconfirmed is not None
        assert not unconfirmed.email_confirmed

    async def test_of_a_banned_account_is_refused(
        self, admin: SupabaseAuthAdmin, http: httpx.AsyncClient
    ) -> None:
        user_id = uuid.UUID((await sign_up(http))["id"])
        headers = {"apikey": SERVICE_KEY, "Authorization": f"Bearer {SERVICE_KEY}"}
        body = {"ban_duration": "24h"}
        url = f"/admin/users/{user_id}"
        (await http.put(url, json=body, headers=headers)).raise_for_status()
        with pytest.raises(AccountBannedError):
            await admin.sign_out(user_id)


async def test_another_key_is_refused(origin: str) -> None:
    client = SupabaseAuthAdmin(origin, "sb_secret_wrong")
    with pytest.raises(AuthKeyRefusedError):
        await client.list_users(1, 50)
    await client.close()


class TestOpening:
    async def test_makes_an_account_to_sign_in_with_at_once(
        self, admin: SupabaseAuthAdmin, http: httpx.AsyncClient
    ) -> None:
        account_id = uuid.uuid4()
        opened = await admin.open_account(account_id, EMAIL, PASSWORD, "Maria Lopez")
        assert opened == AuthUser(account_id, EMAIL, email_confirmed=True)
        user = (await sign_in(http)).raise_for_status().json()["user"]
        assert user["user_metadata"] == {"full_name": "Maria Lopez", "password_to_be_changed": True}

    async def test_again_gives_the_same_account_the_password(
        self, admin: SupabaseAuthAdmin, http: httpx.AsyncClient
    ) -> None:
        account_id = uuid.uuid4()
        await admin.open_account(account_id, OTHER, "another password", None)
        again = await admin.open_account(account_id, EMAIL, PASSWORD, None)
        assert again.id == account_id
        assert (await sign_in(http)).is_success

    async def test_an_address_of_another_account_is_taken(
        self, admin: SupabaseAuthAdmin, http: httpx.AsyncClient
    ) -> None:
        await sign_up(http)
        with pytest.raises(AddressTakenError):
            await admin.open_account(uuid.uuid4(), EMAIL, PASSWORD, None)

    async def test_a_weak_password_is_refused(self, admin: SupabaseAuthAdmin) -> None:
        with pytest.raises(PasswordRefusedError):
            await admin.open_account(uuid.uuid4(), EMAIL, "weak", None)
