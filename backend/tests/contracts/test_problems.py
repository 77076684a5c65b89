"""Every error is a problem document (RFC 9457), and errors know nothing of HTTP libraries."""

import ast
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest
from sqlalchemy import Constraint, Index

import app
from app.core.database import Base
from app.core.errors import AppError
from app.models import User
from app.routers.constraints import ERRORS
from app.routers.middleware.request import InternalError
from app.services.health import NotMigratedError
from tests.routers.problems import assert_problem
from tests.support import Api

SOURCE = Path(str(app.__file__)).parent


class TestShape:
    async def test_unknown_address(self, api: Api) -> None:
        assert_problem(await api.get("/nothing-here"), 404, "not_found")
        assert_problem(await api.client.get("/"), 404, "not_found")

    async def test_wrong_method_names_the_right_ones(self, api: Api, learner: User) -> None:
        response = await api.delete("/enrollments", learner)
        assert_problem(response, 405, "method_not_allowed")
        assert response.headers["Allow"] == "GET, HEAD, POST"

    async def test_not_signed_in(self, api: Api) -> None:
        response = await api.get("/users/me")
        assert_problem(response, 401, "not_authenticated")
        assert response.headers["WWW-Authenticate"] == "Bearer"

    @pytest.mark.parametrize("scheme", ["Basic", "Token", "bearer-ish", ""])
    async def test_other_schemes(self, api: Api, scheme: str) -> None:
        headers = {"Authorization": f"{scheme} abc"}
        response = await api.get("/users/me", headers=headers)
        assert response.status_code == HTTPStatus.UNAUTHORIZED
        assert response.headers["WWW-Authenticate"] == "Bearer"

    async def test_not_allowed(self, api: Api, learner: User) -> None:
        assert_problem(await api.get("/audit-events", learner), 403, "forbidden")

    async def test_invalid_body(self, api: Api, learner: User) -> None:
        response = await api.post("/enrollments", learner, json={"module_id": "canary"})
        problem = assert_problem(response, 422, "invalid_payload")
        assert [error["pointer"] for error in problem["errors"]] == ["/module_id"]
        assert problem["errors"][0].keys() == {"pointer", "code", "detail"}
        assert "canary" not in response.text

    async def test_crash(self, api: Api, learner: User, monkeypatch: pytest.MonkeyPatch) -> None:
        async def crash(*_: object) -> None:
            raise LookupError("canary")

        monkeypatch.setattr("app.services.people.user.UserService.me", crash)
        response = await api.get("/users/me", learner)
        assert_problem(response, 500, "internal_error")
        assert "canary" not in response.text


def _subclasses(kind: type[AppError]) -> Iterator[type[AppError]]:
    for each in kind.__subclasses__():
        yield each
        yield from _subclasses(each)


class TestErrorTree:
    def test_no_error_is_a_server_error(self) -> None:
        """Only the middleware's own 500 and the 503s are the server's fault."""
        for kind in _subclasses(AppError):
            if not hasattr(kind, "code") or kind is InternalError:
                continue
            assert 400 <= kind.status < 500 or kind.status == 503, kind  # ranges
            assert kind.code.isidentifier()
            assert kind.code == kind.code.lower()

    def test_unavailable_says_when_to_retry(self) -> None:
        assert int(NotMigratedError().headers["Retry-After"]) > 0


def _http_exceptions(source: Path) -> list[str]:
    """Return the files below `source` that name HTTPException, routers aside."""
    found = []
    for path in sorted(source.rglob("*.py")):
        if path.is_relative_to(source / "routers"):
            continue
        names = {
            getattr(node, "id", None) or getattr(node, "attr", None) or getattr(node, "name", None)
            for node in ast.walk(ast.parse(path.read_text()))
        }
        if "HTTPException" in names:
            found.append(str(path.relative_to(source)))
    return found


class TestNoHttpBelowTheRouters:
    def test_nobody_raises_http_exceptions(self) -> None:
        assert _http_exceptions(SOURCE) == []

    @pytest.mark.parametrize(
        "code",
        [
            "from fastapi import HTTPException",
            "import fastapi\nraise fastapi.HTTPException(404)",
            "from starlette.exceptions import HTTPException as Http",
        ],
    )
    def test_would_be_seen(self, tmp_path: Path, code: str) -> None:
        (tmp_path / "services").mkdir()
        (tmp_path / "services" / "planted.py").write_text(code)
        assert _http_exceptions(tmp_path) == ["services/planted.py"]


class TestConstraints:
    def test_every_mapped_constraint_exists(self) -> None:
        names = {
            str(each.name)
            for table in Base.metadata.tables.values()
            for each in (*table.constraints, *table.indexes)
            if isinstance(each, (Constraint, Index))
        }
        # Triggers, whose errors name them as if they were constraints.
        assert names | {"last_admin", "refuse_merged_person"} >= set(ERRORS)

    def test_every_mapping_is_a_refusal(self) -> None:
        for make in ERRORS.values():
            assert make().status in {409, 412, 422}
