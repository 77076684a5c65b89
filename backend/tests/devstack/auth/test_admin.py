from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.devstack.auth.conftest import SERVICE_KEY, Stack, client_of

EMAIL = "person@example.org"
PASSWORD = "correct horse"


@pytest.fixture
def admin(client: httpx.AsyncClient, service_headers: dict[str, str]) -> httpx.AsyncClient:
    client.headers.update(service_headers)
    return client


@pytest.fixture
async def user(admin: httpx.AsyncClient) -> dict[str, Any]:
    return await create(admin, email=EMAIL, password=PASSWORD, email_confirm=True)


async def create(admin: httpx.AsyncClient, **attributes: object) -> dict[str, Any]:
    response = await admin.post("admin/users", json=attributes)
    assert response.status_code == 200
    body: dict[str, Any] = response.json()
    return body


async def sign_in(client: httpx.AsyncClient, password: str = PASSWORD) -> httpx.Response:
    body = {"email": EMAIL, "password": password}
    return await client.post("token", params={"grant_type": "password"}, json=body)


def outcome(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json().get("code", "")


class TestAccess:
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("POST", "invite"),
            ("GET", "admin/users"),
            ("POST", "admin/users"),
            ("GET", f"admin/users/{UUID(int=1)}"),
            ("PUT", f"admin/users/{UUID(int=1)}"),
            ("DELETE", f"admin/users/{UUID(int=1)}"),
        ],
    )
    async def test_asks_for_the_service_key(self, stack: Stack, method: str, path: str) -> None:
        async with client_of(stack) as client:
            signed_up = await client.post("signup", json={"email": EMAIL, "password": PASSWORD})
            token = signed_up.json()["access_token"]
            for headers, expected in (
                ({}, (401, "no_authorization")),
                ({"apikey": "sb_publishable_development"}, (403, "not_admin")),
                ({"Authorization": f"Bearer {token}"}, (403, "not_admin")),
                ({"Authorization": f"Bearer {token}", "apikey": SERVICE_KEY}, (403, "not_admin")),
            ):
                response = await client.request(method, path, headers=headers)
                assert outcome(response) == expected

    async def test_takes_the_key_from_either_header(self, client: httpx.AsyncClient) -> None:
        for headers in ({"apikey": SERVICE_KEY}, {"Authorization": f"Bearer {SERVICE_KEY}"}):
            assert (await client.get("admin/users", headers=headers)).status_code == 200


class TestCreate:
    async def test_takes_every_attribute(self, admin: httpx.AsyncClient) -> None:
        user_id = str(uuid4())
        user = await create(
            admin,
            id=user_id,
            email="Person@Example.org ",
            password=PASSWORD,
            email_confirm=True,
            app_metadata={"location": "north"},
            user_metadata={"full_name": "P"},
        )
        assert (user["id"], user["email"]) == (user_id, EMAIL)
        assert user["app_metadata"]["location"] == "north"
        assert user["user_metadata"] == {"full_name": "P"}
        assert (await sign_in(admin)).status_code == 200

    async def test_asks_for_confirmation_before_sign_in(self, admin: httpx.AsyncClient) -> None:
        await create(admin, email=EMAIL, password=PASSWORD)
        assert outcome(await sign_in(admin)) == (400, "email_not_confirmed")

    async def test_refuses_duplicates_and_nobody(
        self, admin: httpx.AsyncClient, user: dict[str, Any]
    ) -> None:
        duplicate = await admin.post("admin/users", json={"email": EMAIL.upper()})
        assert outcome(duplicate) == (422, "email_exists")
        assert outcome(await admin.post("admin/users", json={})) == (400, "validation_failed")


class TestInvite:
    async def test_the_invited_person_chooses_a_password(
        self, admin: httpx.AsyncClient, stack: Stack
    ) -> None:
        body = {"email": EMAIL, "data": {"full_name": "P"}}
        invited = (await admin.post("invite", json=body)).json()
        assert invited["invited_at"]
        assert "email_confirmed_at" not in invited
        assert (await admin.post("invite", json=body)).status_code == 200
        lapsed, message = stack.mailbox
        verify = {"type": "invite", "token_hash": lapsed.token_hash}
        assert outcome(await admin.post("verify", json=verify)) == (403, "otp_expired")
        verify["token_hash"] = message.token_hash
        session = (await admin.post("verify", json=verify)).json()
        headers = {"Authorization": f"Bearer {session['access_token']}"}
        await admin.put("user", json={"password": PASSWORD}, headers=headers)
        assert (await sign_in(admin)).json()["user"]["id"] == invited["id"]

    async def test_refuses_somebody_who_has_an_account(
        self, admin: httpx.AsyncClient, user: dict[str, Any]
    ) -> None:
        response = await admin.post("invite", json={"email": EMAIL})
        assert outcome(response) == (422, "email_exists")


class TestList:
    async def test_pages_the_newest_first(self, admin: httpx.AsyncClient) -> None:
        created = [await create(admin, email=f"p{n}@example.org") for n in range(5)]
        expected = [user["id"] for user in reversed(created)]
        seen = []
        for page in (1, 2, 3):
            params = {"page": page, "per_page": 2}
            response = await admin.get("admin/users", params=params)
            assert response.headers["x-total-count"] == "5"
            assert response.json()["aud"] == "authenticated"
            seen += [user["id"] for user in response.json()["users"]]
        assert seen == expected

    async def test_links_the_next_and_the_last_page(self, admin: httpx.AsyncClient) -> None:
        for number in range(3):
            await create(admin, email=f"p{number}@example.org")
        first = await admin.get("admin/users", params={"page": 1, "per_page": 2})
        assert first.headers["link"] == (
            '</admin/users?page=2&per_page=2>; rel="next",'
            ' </admin/users?page=2&per_page=2>; rel="last"'
        )
        last = await admin.get("admin/users", params={"page": 2, "per_page": 2})
        assert last.headers["link"] == '</admin/users?page=2&per_page=2>; rel="last"'

    async def test_takes_empty_parameters_for_the_defaults(self, admin: httpx.AsyncClient) -> None:
        response = await admin.get("admin/users?page=&per_page=")
        assert response.json()["users"] == []

    @pytest.mark.parametrize("page", ["0", "-1", "x", "99999999999999999999"])
    async def test_refuses_bad_pages(self, admin: httpx.AsyncClient, page: str) -> None:
        response = await admin.get("admin/users", params={"page": page})
        assert outcome(response) == (400, "validation_failed")


class TestOne:
    async def test_get(self, admin: httpx.AsyncClient, user: dict[str, Any]) -> None:
        assert (await admin.get(f"admin/users/{user['id']}")).json() == user
        assert outcome(await admin.get(f"admin/users/{uuid4()}")) == (404, "user_not_found")
        assert outcome(await admin.get("admin/users/x")) == (404, "validation_failed")

    async def test_update(self, admin: httpx.AsyncClient, user: dict[str, Any]) -> None:
        path = f"admin/users/{user['id']}"
        body = {"email": "renamed@example.org", "app_metadata": {"site": 1, "provider": None}}
        updated = (await admin.put(path, json=body)).json()
        assert updated["email"] == "renamed@example.org"
        assert updated["app_metadata"] == {"site": 1, "providers": ["email"]}
        assert updated["updated_at"] > user["updated_at"]
        missing = await admin.put(f"admin/users/{uuid4()}", json=body)
        assert outcome(missing) == (404, "user_not_found")

    async def test_update_to_a_taken_address(
        self, admin: httpx.AsyncClient, user: dict[str, Any]
    ) -> None:
        other = await create(admin, email="other@example.org")
        response = await admin.put(f"admin/users/{other['id']}", json={"email": EMAIL})
        assert outcome(response) == (422, "email_exists")

    async def test_a_new_password_ends_the_sessions(
        self, admin: httpx.AsyncClient, user: dict[str, Any]
    ) -> None:
        session = (await sign_in(admin)).json()
        await admin.put(f"admin/users/{user['id']}", json={"password": "another"})
        headers = {"Authorization": f"Bearer {session['access_token']}"}
        response = await admin.get("user", headers=headers)
        assert outcome(response) == (403, "session_not_found")
        assert (await sign_in(admin, "another")).status_code == 200

    async def test_a_ban_lasts_until_it_is_lifted_or_over(
        self, admin: httpx.AsyncClient, user: dict[str, Any], stack: Stack
    ) -> None:
        path = f"admin/users/{user['id']}"
        session = (await sign_in(admin)).json()
        await admin.put(path, json={"ban_duration": "1h30m"})
        assert outcome(await sign_in(admin)) == (400, "user_banned")
        headers = {"Authorization": f"Bearer {session['access_token']}"}
        assert outcome(await admin.get("user", headers=headers)) == (403, "user_banned")
        stack.advance(5400)
        assert (await sign_in(admin)).status_code == 200
        await admin.put(path, json={"ban_duration": "24h"})
        await admin.put(path, json={"ban_duration": "none"})
        assert (await sign_in(admin)).status_code == 200
        refused = await admin.put(path, json={"ban_duration": "soon"})
        assert outcome(refused) == (400, "validation_failed")

    async def test_delete_frees_the_address(
        self, admin: httpx.AsyncClient, user: dict[str, Any]
    ) -> None:
        path = f"admin/users/{user['id']}"
        assert (
            await admin.request("DELETE", path, json={"should_soft_delete": False})
        ).json() == {}
        assert outcome(await admin.delete(path)) == (404, "user_not_found")
        assert (await create(admin, email=EMAIL))["id"] != user["id"]

    async def test_soft_delete_keeps_the_row_and_frees_the_address(
        self, admin: httpx.AsyncClient, user: dict[str, Any]
    ) -> None:
        path = f"admin/users/{user['id']}"
        session = (await sign_in(admin)).json()
        await admin.request("DELETE", path, json={"should_soft_delete": True})
        kept = (await admin.get(path)).json()
        assert kept["deleted_at"]
        assert kept["email"] != EMAIL
        headers = {"Authorization": f"Bearer {session['access_token']}"}
        assert outcome(await admin.get("user", headers=headers)) == (403, "session_not_found")
        assert (await create(admin, email=EMAIL))["id"] != user["id"]
