from http import HTTPStatus
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from app.core.postgres import schema
from app.core.postgres.table_security import API_ROLE
from app.models import User
from devstack.postgres import EmbeddedPostgres
from tests.routers.problems import assert_anonymous, assert_problem
from tests.support import Api


class TestLive:
    async def test_anybody_even_without_a_database(self, serve: Any) -> None:
        response = await serve().get("/health/live")
        assert (response.status_code, response.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
async def test_unknown_parameters_are_refused(api: Api, path: str) -> None:
    problem = assert_problem(await api.get(f"{path}?depth=deep"), 422, "invalid_payload")
    assert [error["pointer"] for error in problem["errors"]] == ["query:depth"]


class TestReady:
    async def test_anybody(self, api: Api) -> None:
        response = await api.get("/health/ready")
        assert (response.status_code, response.json()) == (200, {"status": "ok"})

    async def test_not_migrated(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(schema, "SCHEMA_REVISION", "9999")
        response = await api.get("/health/ready")
        assert_problem(response, 503, "not_migrated")
        assert int(response.headers["Retry-After"]) > 0

    async def test_empty_database(self, serve: Any, postgres: EmbeddedPostgres) -> None:
        response = await serve(postgres.dsn()).get("/health/ready")
        assert_problem(response, 503, "not_migrated")
        assert int(response.headers["Retry-After"]) > 0

    async def test_database_away(self, serve: Any, learner: User) -> None:
        api = serve()
        for response in (await api.get("/health/ready"), await api.get("/modules", learner)):
            assert_problem(response, 503, "database_unavailable")
            assert int(response.headers["Retry-After"]) > 0

    async def test_no_connection_left(self, serve: Any, postgres: EmbeddedPostgres) -> None:
        api = serve(
            postgres.dsn("worker", API_ROLE),
            database_pool_size=1,
            database_max_overflow=0,
            database_pool_timeout=0.05,
        )
        database = api.client._transport.app.state.container.database  # noqa: SLF001  # no other way in
        async with database.session() as session:
            await session.execute(text("SELECT 1"))
            response = await api.get("/health/ready")
            assert (response.status_code, response.json()) == (200, {"status": "busy"})
        assert (await api.get("/health/ready")).status_code == HTTPStatus.OK


class TestMetrics:
    async def test_off(self, serve: Any) -> None:
        api = serve(metrics_enabled=False)
        assert_problem(await api.client.get("/metrics"), 404, "not_found")

    async def test_counts_routes_not_ids(self, api: Api, admin: User, learner: User) -> None:
        await api.get(f"/users/{learner.id}", admin)
        await api.request("HEAD", "/users/me", admin)
        await api.get("/nothing/at/all")
        response = await api.client.get("/metrics")
        assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
        families = {family.name: family for family in text_string_to_metric_families(response.text)}
        routes = {sample.labels["route"] for sample in families["http_requests"].samples}
        assert {"/users/{user_id}", "/users/me", "unmatched"} <= routes
        assert str(learner.id) not in response.text
        assert "database_pool_connections" in families

    @pytest.mark.full
    async def test_with_a_token(self, serve: Any) -> None:
        api = serve(metrics_token="let-me-in")
        assert_anonymous(await api.client.get("/metrics"))
        wrong = {"Authorization": "Bearer let-me-in-please"}
        assert_anonymous(await api.client.get("/metrics", headers=wrong))
        right = {"Authorization": "Bearer let-me-in"}
        response = await api.client.get("/metrics", headers=right)
        assert response.status_code == HTTPStatus.OK


class TestCors:
    ORIGIN = "https://training.example"

    async def test_other_origins_get_nothing(self, serve: Any) -> None:
        api = serve(cors_origins=self.ORIGIN)
        response = await api.get("/health/live", headers={"Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in response.headers

    async def test_off_by_default(self, api: Api) -> None:
        response = await api.get("/health/live", headers={"Origin": self.ORIGIN})
        assert "access-control-allow-origin" not in response.headers

    @pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
    async def test_preflight(self, serve: Any, method: str) -> None:
        headers = {
            "Origin": self.ORIGIN,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "authorization,if-match,idempotency-key",
        }
        api = serve(cors_origins=f"{self.ORIGIN}/, https://other.example")
        response = await api.client.options("/api/v1/users/me", headers=headers)
        assert response.status_code == HTTPStatus.OK
        assert response.headers["Access-Control-Allow-Origin"] == self.ORIGIN
        assert method in response.headers["Access-Control-Allow-Methods"]

    @pytest.mark.parametrize(
        ("environment", "origin", "allowed"),
        [
            ("development", "http://localhost:5999", "http://localhost:5999"),
            ("development", "http://127.0.0.1", "http://127.0.0.1"),
            ("development", "http://[::1]:3000", "http://[::1]:3000"),
            ("development", "http://localhost.evil.example:3000", None),
            ("test", "http://localhost:3000", None),
        ],
    )
    async def test_in_development_every_port_of_this_machine(
        self, serve: Any, environment: str, origin: str, allowed: str | None
    ) -> None:
        api = serve(environment=environment)
        response = await api.get("/health/live", headers={"Origin": origin})
        assert response.headers.get("Access-Control-Allow-Origin") == allowed

    async def test_preflights_are_kept(self, serve: Any) -> None:
        api = serve(cors_origins=self.ORIGIN)
        headers = {"Origin": self.ORIGIN, "Access-Control-Request-Method": "GET"}
        response = await api.client.options("/api/v1/users/me", headers=headers)
        assert int(response.headers["Access-Control-Max-Age"]) >= 600

    async def test_errors_can_be_read_too(self, serve: Any) -> None:
        api = serve(cors_origins=self.ORIGIN, max_body_bytes=1024)
        headers = {"Origin": self.ORIGIN}
        answers = [
            await api.get("/users/me", headers=headers),
            await api.post("/enrollments", content=b"x" * 2000, headers=headers),
        ]
        assert [answer.status_code for answer in answers] == [401, 413]
        for answer in answers:
            assert answer.headers["Access-Control-Allow-Origin"] == self.ORIGIN
            exposed = answer.headers["Access-Control-Expose-Headers"]
            assert set(exposed.split(", ")) >= {
                "Content-Disposition",
                "Date",
                "ETag",
                "Location",
                "X-Request-Id",
            }
