"""A stand-in for the Management API: branches that come up in steps, and faults on demand."""

import asyncio
import re
import uuid
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import jsonschema_rs
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.branching.facts import SCHEMAS

TOKEN = "sbp_" + "0" * 40
PARENT = "p" * 20
PASSWORD = "owner/pass word"
JWT_SECRET = "a-shared-secret-of-the-branch-only"
PROJECT = "/project"
READY = ("FUNCTIONS_DEPLOYED", "ACTIVE_HEALTHY")
STARTING = ("CREATING_PROJECT", "COMING_UP")


@dataclass
class MockBranch:
    name: str
    project_ref: str
    is_default: bool = False
    persistent: bool = False
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    states: deque[tuple[str, str]] = field(default_factory=lambda: deque([READY]))
    """The states that the branch is listed with, one after the other; the last one stays."""
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def resource(self) -> dict[str, Any]:
        status, project = self.states[0]
        if len(self.states) > 1:
            self.states.popleft()
        at = self.created_at.isoformat().replace("+00:00", "Z")
        return {
            "id": self.id,
            "name": self.name,
            "project_ref": self.project_ref,
            "parent_project_ref": PARENT,
            "is_default": self.is_default,
            "persistent": self.persistent,
            "status": status,
            "created_at": at,
            "updated_at": at,
            "with_data": False,
            "preview_project_status": project,
        }


@dataclass
class Fault:
    """What the next `times` matching requests meet instead of, or after, being carried out."""

    method: str
    path: str
    status: int
    times: int = 1
    carried_out: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    delay: float = 0.0
    """Seconds until the answer; with `late`, until the request is carried out."""
    late: bool = False
    met: asyncio.Event = field(default_factory=asyncio.Event)

    def meets(self, request: Request) -> bool:
        matches = request.method == self.method and re.search(self.path, request.url.path)
        if not matches or self.times == 0:
            return False
        self.times -= 1
        return True

    def response(self) -> Response:
        body = {"message": "as asked by the test"} if self.body is None else self.body
        return JSONResponse(body, self.status, headers=self.headers)


class MockManagementApi:
    def __init__(self) -> None:
        self.branches = [MockBranch("main", PARENT, is_default=True)]
        self.next_states: Iterable[tuple[str, str]] = [READY]
        self.health: deque[dict[str, str]] = deque([{}])
        """States of services that differ from healthy, one entry used up by each look."""
        self.keys: list[dict[str, Any]] = [
            {"name": "anon", "type": "legacy", "api_key": "legacy.anon.key"},
            {"name": "default", "type": "publishable", "api_key": "sb_publishable_mock"},
            {"name": "default", "type": "secret", "api_key": "sb_secret_mock"},
        ]
        self.database = {"host": "aws-0-xx-test-1.pooler.supabase.com", "password": PASSWORD}
        self.detail_hidden = False
        self.faults: list[Fault] = []
        self.seen: list[tuple[str, str]] = []
        self._refs = (f"{'b' * 19}{letter}" for letter in "abcdefghijklmnopqrstuvwxyz")

    def add(self, name: str, **changes: Any) -> MockBranch:
        branch = MockBranch(name, next(self._refs), **changes)
        self.branches.append(branch)
        return branch

    @property
    def names(self) -> list[str]:
        return [branch.name for branch in self.branches]

    def count(self, method: str, path: str = "") -> int:
        return sum(verb == method and path in where for verb, where in self.seen)

    def app(self) -> Starlette:
        one = "/v1/branches/{branch}"
        project = "/v1/projects/{ref}"
        return Starlette(
            routes=[
                Route(f"{project}/branches", self._handle, methods=["GET", "POST"]),
                Route(f"{project}/branches/{{name}}", self._handle),
                Route(one, self._handle, methods=["GET", "DELETE"]),
                Route(f"{project}/health", self._handle),
                Route(f"{project}/api-keys", self._handle),
                Route(f"{project}/config/database/pooler", self._handle),
                Route(f"{PROJECT}/{{ref}}/auth/v1/.well-known/jwks.json", _signing_keys),
            ]
        )

    async def _handle(self, request: Request) -> Response:
        self.seen.append((request.method, request.url.path))
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return JSONResponse({"message": "Unauthorized"}, 401)
        for fault in self.faults:
            if fault.meets(request):
                if fault.carried_out and not fault.late:
                    await self._answer(request)
                fault.met.set()
                await asyncio.sleep(fault.delay)
                if fault.late:
                    return await self._answer(request)
                return fault.response()
        return await self._answer(request)

    async def _answer(self, request: Request) -> Response:
        path = request.url.path
        if path.startswith("/v1/branches/"):
            return self._one(request, request.path_params["branch"])
        if "name" in request.path_params:
            return self._by_name(request.path_params["name"])
        if path.endswith("/branches"):
            return await self._all(request)
        if path.endswith("/health"):
            return self._health(request)
        if path.endswith("/api-keys"):
            return _checked("ApiKeyResponse", self.keys)
        return self._pooler(request.path_params["ref"])

    async def _all(self, request: Request) -> Response:
        if request.method == "GET":
            listed = [branch.resource() for branch in self.branches]
            return _checked("BranchResponse", listed)
        body = await request.json()
        _validate("CreateBranchBody", body)
        assert body.get("persistent") in {None, False}
        if body["branch_name"] in self.names:
            return JSONResponse({"message": "A branch of this name exists"}, 409)
        branch = self.add(body["branch_name"], states=deque(self.next_states))
        return _checked("BranchResponse", branch.resource(), 201)

    def _by_name(self, name: str) -> Response:
        for branch in self.branches:
            if branch.name == name:
                return _checked("BranchResponse", branch.resource())
        return JSONResponse({"message": "Branch not found"}, 404)

    def _one(self, request: Request, wanted: str) -> Response:
        for branch in self.branches:
            if wanted in {branch.id, branch.project_ref}:
                if request.method == "DELETE":
                    assert not branch.is_default
                    assert not branch.persistent
                    self.branches.remove(branch)
                    return _checked("BranchDeleteResponse", {"message": "ok"})
                return _checked("BranchDetailResponse", self._detail(branch))
        return JSONResponse({"message": "Branch not found"}, 404)

    def _detail(self, branch: MockBranch) -> dict[str, Any]:
        detail = {
            "ref": branch.project_ref,
            "postgres_version": "17.6.1.063",
            "postgres_engine": "17",
            "release_channel": "ga",
            "status": branch.states[0][1],
            "db_host": f"db.{branch.project_ref}.supabase.co",
            "db_port": 5432,
        }
        hidden = {
            "db_user": "postgres",
            "db_pass": self.database["password"],
            "jwt_secret": JWT_SECRET,
        }
        return detail if self.detail_hidden else detail | hidden

    def _health(self, request: Request) -> Response:
        differing = self.health[0]
        if len(self.health) > 1:
            self.health.popleft()
        return _checked(
            "V1ServiceHealthResponse",
            [
                {
                    "name": name,
                    "healthy": name not in differing,
                    "status": differing.get(name, "ACTIVE_HEALTHY"),
                }
                for name in request.query_params.getlist("services")
            ],
        )

    def _pooler(self, ref: str) -> Response:
        host, user = self.database["host"], f"postgres.{ref}"
        if self.database.get("user"):
            user = self.database["user"]
        address = f"postgresql://{user}:[YOUR-PASSWORD]@{host}:6543/postgres"
        primary = {
            "identifier": ref,
            "database_type": "PRIMARY",
            "is_using_scram_auth": True,
            "db_user": user,
            "db_host": host,
            "db_port": 6543,
            "db_name": self.database.get("name", "postgres"),
            "connection_string": address,
            "connectionString": address,
            "default_pool_size": 15,
            "max_client_conn": 200,
            "pool_mode": "transaction",
        }
        replica = {**primary, "database_type": "READ_REPLICA", "db_host": "replica.invalid"}
        return _checked("SupavisorConfigResponse", [replica, primary])


async def _signing_keys(request: Request) -> Response:
    assert "authorization" not in request.headers
    return JSONResponse({"keys": [{"kty": "EC", "kid": request.path_params["ref"]}]})


def _validate(schema: str, body: Any) -> None:
    jsonschema_rs.validate(SCHEMAS[schema], body)


def _checked(schema: str, body: Any, status: int = 200) -> Response:
    """Answer, after checking that Supabase's own API could give this answer."""
    for item in body if isinstance(body, list) else [body]:
        _validate(schema, item)
    return JSONResponse(body, status)
