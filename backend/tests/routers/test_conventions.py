"""What every route does alike: pages, request ids, limits, and input that means harm."""

import json
import uuid
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

import pytest
from fastapi.routing import APIRoute
from sqlalchemy.ext.asyncio import AsyncSession

from app.main import ROUTERS
from app.models import User
from app.routers.strict_json import StrictRoute
from tests.factories.module import make_module
from tests.routers.problems import assert_anonymous, assert_problem, pointers
from tests.support import Api

MEBIBYTE = 1_048_576
NOBODY = uuid.UUID(int=0)


class TestRequestId:
    @pytest.mark.parametrize("sent", ["abc", "A-1_2.3", "x" * 128])
    async def test_accepted_and_returned(self, api: Api, sent: str) -> None:
        response = await api.get("/health/live", headers={"X-Request-Id": sent})
        assert response.headers["X-Request-Id"] == sent

    @pytest.mark.parametrize("sent", ["", "x" * 129, "a b", "a\tb", "<script>", "é", "a,b", "%0a"])
    async def test_insane_ones_are_replaced(self, api: Api, sent: str) -> None:
        headers = {"X-Request-Id": sent.encode()}
        response = await api.get("/health/live", headers=headers)
        assert str(uuid.UUID(response.headers["X-Request-Id"])) != sent

    async def test_is_in_every_problem(self, api: Api) -> None:
        response = await api.get("/users/me", headers={"X-Request-Id": "mine"})
        assert response.json()["request_id"] == response.headers["X-Request-Id"] == "mine"


class TestHead:
    @pytest.mark.parametrize(
        "path", ["/health/live", "/health/ready", "/users/me", "/enrollments", "/modules?limit=1"]
    )
    async def test_has_the_headers_of_get(self, api: Api, learner: User, path: str) -> None:
        head = await api.request("HEAD", path, learner)
        get = await api.get(path, learner)
        assert head.status_code == get.status_code == HTTPStatus.OK
        for name in ("Content-Length", "Content-Type", "ETag"):
            assert head.headers.get(name) == get.headers.get(name)

    async def test_is_guarded_like_get(self, api: Api, learner: User) -> None:
        anonymous = await api.request("HEAD", "/users/me")
        assert anonymous.status_code == HTTPStatus.UNAUTHORIZED
        forbidden = await api.request("HEAD", "/audit-events", learner)
        assert forbidden.status_code == HTTPStatus.FORBIDDEN
        missing = await api.request("HEAD", "/nothing-here", learner)
        assert missing.status_code == HTTPStatus.NOT_FOUND

    async def test_only_where_there_is_get(self, api: Api, learner: User) -> None:
        response = await api.request("HEAD", "/users/sync", learner)
        assert response.status_code == HTTPStatus.METHOD_NOT_ALLOWED
        assert response.headers["Allow"] == "POST"


class TestPages:
    @pytest.fixture
    async def titles(self, session: AsyncSession) -> list[str]:
        titles = [f"Module {letter}" for letter in "ABCDE"]
        for title in reversed(titles):
            await make_module(session, title=title)
        return titles

    async def test_walk(self, api: Api, author: User, titles: list[str]) -> None:
        seen: list[str] = []
        query: dict[str, Any] = {"limit": 2}
        while True:
            page = (await api.get("/modules", author, params=query)).json()
            assert page.keys() == {"items", "next_cursor"}
            assert 1 <= len(page["items"]) <= 2
            seen += [item["title"] for item in page["items"]]
            if page["next_cursor"] is None:
                break
            query["cursor"] = page["next_cursor"]
        assert seen == titles

    async def test_an_insert_neither_skips_nor_repeats(
        self, api: Api, author: User, titles: list[str]
    ) -> None:
        first = (await api.get("/modules?limit=2", author)).json()
        for title in ("Module A0", "Module C0"):
            await api.post("/modules", author, json={"title": title})
        cursor = first["next_cursor"]
        rest = (await api.get("/modules", author, params={"cursor": cursor})).json()
        assert [item["title"] for item in rest["items"]] == [
            "Module C",
            "Module C0",
            "Module D",
            "Module E",
        ]

    async def test_total(self, api: Api, author: User, titles: list[str]) -> None:
        page = (await api.get("/modules?limit=1&include_total=true", author)).json()
        assert (page["total"], len(page["items"])) == (len(titles), 1)

    @pytest.mark.parametrize("limit", ["0", "101", "-1", "1.5", "x", "9" * 5_000, ""])
    async def test_limits(self, api: Api, author: User, limit: str) -> None:
        response = await api.get("/modules", author, params={"limit": limit})
        assert [pointer for pointer, _ in pointers(response)] == ["query:limit"]

    @pytest.mark.parametrize(
        "path",
        [
            "/modules",
            "/users",
            "/locations",
            "/enrollments",
            "/training-records",
            "/audit-events",
        ],
    )
    @pytest.mark.parametrize(
        "cursor", ["x", "", "%00", "bnVsbA", "W10", "WzEsMl0", "WyIiLCIiXQ", "é", "A" * 2_000]
    )
    async def test_foreign_cursors(self, api: Api, admin: User, path: str, cursor: str) -> None:
        response = await api.get(path, admin, params={"cursor": cursor})
        assert [pointer for pointer, _ in pointers(response)] == ["query:cursor"]


class TestBodyLimit:
    async def test_announced(self, api: Api, learner: User) -> None:
        response = await api.post("/enrollments", learner, content=b" " * (MEBIBYTE + 1))
        assert_problem(response, 413, "body_too_large")

    async def test_chunked(self, api: Api, learner: User) -> None:
        sent = 0

        async def chunks() -> AsyncIterator[bytes]:
            nonlocal sent
            for _ in range(160):
                sent += 65_536
                yield b" " * 65_536

        response = await api.post("/enrollments", learner, content=chunks(), headers=JSON)
        assert_problem(response, 413, "body_too_large")

    async def test_as_large_as_allowed(self, api: Api, learner: User) -> None:
        body = json.dumps({"module_id": str(uuid.uuid4())}).encode()
        padded = body + b" " * (MEBIBYTE - len(body))
        response = await api.post("/enrollments", learner, content=padded, headers=JSON)
        assert_problem(response, 404, "module_not_found")

    @pytest.mark.parametrize("length", ["-1", "1e3", "x", "٣", "9" * 5_000])
    async def test_lengths_that_are_none(self, api: Api, learner: User, length: str) -> None:
        headers = {"Content-Length": length.encode()}
        response = await api.post("/enrollments", learner, content=b"{}", headers=headers)
        assert response.status_code in {400, 413}


JSON = {"Content-Type": "application/json"}
HOSTILE = {
    "empty": b"",
    "not JSON": b"{",
    "two documents": b"{}{}",
    "a list": b"[]",
    "a string": b'"x"',
    "null": b"null",
    "NaN": b'{"profile_metadata": {"x": NaN}}',
    "Infinity": b'{"profile_metadata": {"x": -Infinity}}',
    "NUL": b'{"full_name": "a\\u0000b"}',
    "NUL in a key": b'{"profile_metadata": {"a\\u0000b": 1}}',
    "raw NUL": b'{"full_name": "a\x00b"}',
    "lone surrogate": b'{"full_name": "\\ud800"}',
    "lone surrogate in a key": b'{"profile_metadata": {"\\udfff": 1}}',
    "invalid UTF-8": b'{"full_name": "\xff\xfe"}',
    "overlong UTF-8": b'{"full_name": "\xc0\xaf"}',
    "UTF-16": '{"full_name": "x"}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"full_name": "x"}',
    "5,000 digits": b'{"full_name": ' + b"9" * 5_000 + b"}",
    "2^63": b'{"full_name": 9223372036854775808}',
    "depth 33": b'{"profile_metadata": ' + b'{"a":' * 32 + b"1" + b"}" * 32 + b"}",
    "depth 100,000": b"[" * 100_000 + b"]" * 100_000,
    "open depth": b"[" * 100_000,
    "unknown field": b'{"is_admin": true}',
}
# Unusual, but valid JSON that a profile can hold.
KEPT = {
    "depth 32": b'{"profile_metadata": ' + b'{"a":' * 31 + b"1" + b"}" * 31 + b"}",
    "brackets in text": b'{"profile_metadata": {"x": "' + b"[" * 500 + b'"}}',
    "duplicate keys": b'{"full_name": "first", "full_name": "second"}',
    "1e308": b'{"profile_metadata": {"x": 1e308}}',
    "2^63 in JSON": b'{"profile_metadata": {"x": 9223372036854775808}}',
    "5,000 digits in JSON": b'{"profile_metadata": {"x": ' + b"9" * 300 + b"}}",
    "an emoji": '{"full_name": "🦷"}'.encode(),
}


class TestHostileBodies:
    @pytest.mark.parametrize("name", HOSTILE)
    async def test_are_refused(self, api: Api, learner: User, name: str) -> None:
        headers = JSON | {"If-Match": "*"}
        response = await api.patch("/users/me", learner, content=HOSTILE[name], headers=headers)
        assert_problem(response, 422, "invalid_payload")

    @pytest.mark.parametrize("name", KEPT)
    async def test_are_kept(self, api: Api, learner: User, name: str) -> None:
        headers = JSON | {"If-Match": "*"}
        response = await api.patch("/users/me", learner, content=KEPT[name], headers=headers)
        assert response.status_code == HTTPStatus.OK, response.text
        again = await api.get("/users/me", learner)
        assert again.json() == response.json()

    @pytest.mark.parametrize(
        "kind", ["text/plain", "application/xml", "multipart/form-data; boundary=x", "x"]
    )
    async def test_other_media_types(self, api: Api, learner: User, kind: str) -> None:
        headers = {"Content-Type": kind, "If-Match": "*"}
        response = await api.patch(
            "/users/me", learner, content=b'{"full_name": "x"}', headers=headers
        )
        assert_problem(response, 422, "invalid_payload")


class TestBodiesThatAreNone:
    @pytest.mark.parametrize(
        ("body", "kind", "code"),
        [
            (b'{"module_id": ', "application/json", "json_invalid"),
            (b'{"module_id": "\xff"}', "application/json", "json_invalid"),
            (b"[" * 33 + b"]" * 33, "application/json", "json_invalid"),
            (b'"not JSON"', "application/json", "model_attributes_type"),
            (b"[1]", "application/json", "model_attributes_type"),
            (b'{"module_id": 1}', "text/plain", "model_attributes_type"),
            (b"", "application/json", "missing"),
        ],
    )
    async def test_the_whole_is_named(
        self, api: Api, learner: User, body: bytes, kind: str, code: str
    ) -> None:
        headers = {"Content-Type": kind}
        response = await api.post("/enrollments", learner, content=body, headers=headers)
        assert pointers(response) == [("", code)]

    @pytest.mark.parametrize("path", ["/modules", "/enrollments", "/users/sync"])
    async def test_strangers_are_asked_to_sign_in_first(self, api: Api, path: str) -> None:
        response = await api.post(path, content=b"{", headers=JSON)
        assert_problem(response, 401, "not_authenticated")

    async def test_those_who_may_not_are_told_so_first(self, api: Api, learner: User) -> None:
        response = await api.post("/modules", learner, content=b"{", headers=JSON)
        assert_problem(response, 403, "forbidden")


class TestDays:
    @pytest.mark.parametrize(
        ("path", "field"),
        [
            ("/exemptions", "starts_on"),
            ("/exemptions", "ends_on"),
            ("/external-trainings", "completed_on"),
            ("/external-trainings", "printed_expiry"),
            ("/requirements", "effective_from"),
            ("/enrollments/bulk", "due_on"),
            ("/users/invite", "hired_on"),
            (f"/users/{NOBODY}/leave", "starts_on"),
            (f"/users/{NOBODY}/leave", "returns_on"),
            (f"/users/{NOBODY}/return", "effective_on"),
            (f"/users/{NOBODY}/terminate", "effective_on"),
            (f"/users/{NOBODY}/rehire", "hired_on"),
            (f"/users/{NOBODY}/transfer", "effective_on"),
        ],
    )
    @pytest.mark.parametrize(
        "value", [0, 1_782_000_000, "1782000000", "2026-01-01T00:00:00Z", "20260101"]
    )
    async def test_are_written_as_days(
        self, api: Api, admin: User, path: str, field: str, value: object
    ) -> None:
        found = pointers(await api.post(path, admin, json={field: value}))
        assert (f"/{field}", "not_iso_8601") in found


class TestOperationsWithoutBody:
    """An operation without fields refuses every field, once the caller is known."""

    @pytest.fixture
    def path(self) -> str:
        return "/users/sync"

    @pytest.mark.parametrize("body", [b"", b"{}", b"null"])
    async def test_nothing_is_nothing(
        self, api: Api, learner: User, path: str, body: bytes
    ) -> None:
        response = await api.post(path, learner, content=body, headers=JSON)
        assert response.status_code == HTTPStatus.OK

    async def test_fields_are_unknown(self, api: Api, learner: User, path: str) -> None:
        body = {"role": "admin", "a/b": 1}
        response = await api.post(path, learner, json=body)
        assert pointers(response) == [("/role", "extra_forbidden"), ("/a~1b", "extra_forbidden")]
        assert_problem(await api.post(path, json=body), 401, "not_authenticated")

    @pytest.mark.parametrize("body", [b"{", b"[1]", b'"x"', b"7", b"\xff"])
    async def test_neither_is_anything_else(
        self, api: Api, learner: User, path: str, body: bytes
    ) -> None:
        response = await api.post(path, learner, content=body, headers=JSON)
        assert pointers(response) == [("", "extra_forbidden")]


class TestHostileAddresses:
    @pytest.mark.parametrize(
        "query",
        [
            "q=%00",
            "q=%ff%fe",
            "q=%ed%a0%80",
            "q=" + "x" * 201,
            "role=owner",
            "is_active=maybe",
            "limit=9223372036854775808",
            "include_total=2",
        ],
    )
    async def test_values_are_refused_or_read_as_text(
        self, api: Api, admin: User, query: str
    ) -> None:
        response = await api.get(f"/users?{query}", admin)
        assert response.status_code in {200, 422}
        if not response.is_success:
            name = query.partition("=")[0]
            assert [pointer for pointer, _ in pointers(response)] == [f"query:{name}"]

    @pytest.mark.parametrize(
        ("query", "name", "code"),
        [
            ("x=1", "x", "extra_forbidden"),
            ("departmnt=Hygiene", "departmnt", "extra_forbidden"),
            ("%00=%00", "\0", "extra_forbidden"),
            ("a[b]=c&a[b]=d", "a[b]", "extra_forbidden"),
            ("limit=1&limit=2", "limit", "repeated"),
            ("q=ada&q=bob", "q", "repeated"),
            ("sort=name&sort=email", "sort", "repeated"),
        ],
    )
    async def test_nothing_is_ignored_in_silence(
        self, api: Api, admin: User, query: str, name: str, code: str
    ) -> None:
        response = await api.get(f"/users?{query}", admin)
        assert pointers(response) == [(f"query:{name}", code)]

    async def test_separators_alone_say_nothing(self, api: Api, admin: User) -> None:
        assert (await api.get("/users?&&&", admin)).status_code == HTTPStatus.OK

    async def test_strangers_are_told_that_first(self, api: Api) -> None:
        assert_anonymous(await api.get("/users?x=1"))

    def test_every_operation_that_clients_use_is_strict(self) -> None:
        routes = [route for router in ROUTERS for route in router.routes]
        loose = {
            route.path
            for route in routes
            if isinstance(route, APIRoute) and not isinstance(route, StrictRoute)
        }
        assert loose == {"/hooks/auth/before-user-created"}

    @pytest.mark.parametrize(
        "name",
        [
            "%00",
            "%ff",
            "..%2f..%2fetc",
            "1",
            "x" * 5_000,
            "{}",
            "00000000-0000-0000-0000-00000000000g",
        ],
    )
    async def test_ids_that_are_none(self, api: Api, admin: User, name: str) -> None:
        assert_problem(await api.get(f"/users/{name}", admin), 404, "not_found")

    @pytest.mark.parametrize(
        "token", ["", "x", "a.b.c", "é", "x" * 10_000, "null", "eyJhbGciOiJub25lIn0.e30."]
    )
    async def test_tokens_that_are_none(self, api: Api, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}".encode()}
        response = await api.get("/users/me", headers=headers)
        assert response.status_code == HTTPStatus.UNAUTHORIZED
        assert response.headers["WWW-Authenticate"] == "Bearer"
