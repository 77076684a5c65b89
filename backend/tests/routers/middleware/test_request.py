"""What the middleware refuses, and what it adds to answers."""

from typing import Any

import httpx
import pytest

from app.models import User
from tests.routers.problems import assert_problem, pointers
from tests.support import Api, etag

SINGLE = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "Origin",
    "Webhook-Id",
    "X-Request-Id",
)


class TestRepeatedHeaders:
    @pytest.mark.parametrize("name", SINGLE)
    @pytest.mark.parametrize("second", ["one", "two"])
    async def test_are_refused(self, api: Api, author: User, name: str, second: str) -> None:
        headers = [*api.bearer(author).items(), (name, "one"), (name.lower(), second)]
        response = await api.client.post(
            "/api/v1/modules", headers=httpx.Headers(headers), json={"title": "Title"}
        )
        assert pointers(response) == [(f"header:{name.lower()}", "repeated")]

    async def test_lists_may_come_in_several_lines(self, api: Api, learner: User) -> None:
        headers = httpx.Headers(
            [*api.bearer(learner).items(), ("If-None-Match", '"a"'), ("If-None-Match", '"b"')]
        )
        assert (await api.client.get("/api/v1/enrollments", headers=headers)).is_success

    async def test_nothing_was_done(self, api: Api, author: User) -> None:
        made = await api.post("/modules", author, json={"title": "Title"})
        tag = etag(made)["If-Match"]
        path = f"/api/v1/modules/{made.json()['id']}"
        headers = httpx.Headers([*api.bearer(author).items(), ("If-Match", tag), ("If-Match", tag)])
        refused = await api.client.patch(path, headers=headers, json={"title": "Other"})
        assert_problem(refused, 422, "invalid_payload")
        assert (await api.get(f"/modules/{made.json()['id']}", author)).json()["title"] == "Title"


class TestHosts:
    async def test_any_without_a_setting(self, api: Api) -> None:
        response = await api.get("/health/live", headers={"Host": "evil.example"})
        assert response.is_success

    @pytest.mark.full
    @pytest.mark.parametrize("host", ["training.example", "TRAINING.example:8443", "[::1]:80"])
    async def test_ours(self, serve: Any, host: str) -> None:
        api = serve(allowed_hosts="training.example, [::1]")
        response = await api.client.get("/openapi.json", headers={"Host": host})
        assert response.is_success

    @pytest.mark.parametrize(
        "host", ["evil.example", "", "training.example.evil.example", "training.example:x"]
    )
    async def test_others(self, serve: Any, host: str) -> None:
        api = serve(allowed_hosts="training.example")
        response = await api.client.get("/openapi.json", headers={"Host": host})
        assert_problem(response, 421, "other_host")

    async def test_health_is_told_at_any(self, serve: Any) -> None:
        api = serve(allowed_hosts="training.example")
        assert (await api.get("/health/live", headers={"Host": "10.0.0.7:8000"})).is_success

    @pytest.mark.parametrize("path", ["/api/v1/modules/", "/docs/", "/api/v1/health/live/"])
    async def test_none_is_sent_anywhere(self, api: Api, admin: User, path: str) -> None:
        headers = {**api.bearer(admin), "Host": "evil.example"}
        response = await api.client.get(path, headers=headers, follow_redirects=False)
        assert_problem(response, 404, "not_found")
        assert "Location" not in response.headers


class TestSecurityHeaders:
    @pytest.mark.parametrize("path", ["/api/v1/health/live", "/api/v1/users/me", "/nothing"])
    async def test_everywhere(self, api: Api, path: str) -> None:
        response = await api.client.get(path)
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert response.headers["Cross-Origin-Resource-Policy"] == "same-site"
        policy = response.headers["Content-Security-Policy"]
        assert policy == "default-src 'none'; frame-ancestors 'none'"

    async def test_transport_is_strict_where_it_is_secure(self, api: Api) -> None:
        name = "Strict-Transport-Security"
        plain = await api.client.get("http://127.0.0.1/api/v1/health/live")
        secure = await api.client.get("https://127.0.0.1/api/v1/health/live")
        assert name not in plain.headers
        assert secure.headers[name] == "max-age=31536000"
