"""Every route declares who may use it."""

import pytest
from fastapi import APIRouter, FastAPI
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from app.domain.actor import Permission
from tests.contracts.conftest import put_together
from tests.contracts.routes import PUBLIC, all_routes, unguarded


async def _open() -> dict[str, str]:
    return {}


async def _plain(_request: object) -> PlainTextResponse:
    return PlainTextResponse()


class TestPermissions:
    def test_every_route_has_a_guard(self, app: FastAPI) -> None:
        assert unguarded(app.routes) == set()

    def test_one_guard_a_route(self, app: FastAPI) -> None:
        for route in all_routes(app.routes):
            permissions = {guard.permission for guard in route.guards}
            none = route.signed or route.label in PUBLIC
            assert len(permissions) == (0 if none else 1), route.label

    def test_signatures_are_for_hooks_alone(self, app: FastAPI) -> None:
        signed = {route.label for route in all_routes(app.routes) if route.signed}
        assert signed == {"POST /api/v1/hooks/auth/before-user-created"}

    def test_what_is_public_exists(self, app: FastAPI) -> None:
        assert {route.label for route in all_routes(app.routes)} >= PUBLIC

    def test_every_permission_is_asked_for(self, app: FastAPI) -> None:
        asked = {guard.permission for route in all_routes(app.routes) for guard in route.guards}
        assert asked == set(Permission)

    def test_names_are_unique(self, app: FastAPI) -> None:
        names = [route.name for route in all_routes(app.routes)]
        assert len(names) == len(set(names)), "they are the operation ids of generated clients"


class TestTheCheckBites:
    @pytest.fixture
    def app(self) -> FastAPI:
        return put_together()

    def test_names_a_route_without_a_guard(self, app: FastAPI) -> None:
        app.add_api_route("/api/v1/leak", _open)
        assert unguarded(app.routes) == {"GET /api/v1/leak"}

    def test_finds_it_in_routers_within_routers(self, app: FastAPI) -> None:
        inner, outer = APIRouter(prefix="/inner"), APIRouter(prefix="/outer")
        inner.add_api_route("/leak", _open, methods=["POST"])
        outer.include_router(inner)
        app.include_router(outer)
        assert unguarded(app.routes) == {"POST /outer/inner/leak"}

    def test_finds_plain_routes_and_mounts(self, app: FastAPI) -> None:
        app.router.routes.append(Route("/plain", _plain))
        app.router.routes.append(Mount("/files", app=PlainTextResponse()))
        assert unguarded(app.routes) == {"GET /plain", "ANY /files/{path}"}
