"""Answers the five most frequent requests before FastAPI's routing and dependencies run.

Routing and dependencies take several times as much processor time as the one SQL statement of such
a request (docs/performance.md). A request is answered here only in its plain form: with a valid
token, without a query or an Idempotency-Key, and with a complete body that fits the schema. The
services are the same ones that the routes use. They are given the verified claims instead of an
actor, and their statement looks up the caller as well. If the statement finds no caller or no row,
or the request has any other form, it goes on unchanged to the route of the same address, which
decides about it.
"""

import re
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

import orjson
from fastapi import Response
from pydantic import BaseModel, ValidationError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.auth.security import Claims
from app.core.errors import NotFoundError
from app.core.pagination import PageRequest
from app.domain.actor import Permission, Role
from app.repositories.compliance.report_scope import GroupBy
from app.repositories.study.enrollment import EnrollmentFilter
from app.routers.deps import etags_of
from app.routers.respond import BASE_PATH, JSON, content_of, json_of, response_of
from app.schemas.study.enrollment import EnrollmentCreate, ProgressReport
from app.services.context import RequestContext
from app.services.factories import Services
from app.services.study.enrollment import EMPTY_PAGE

P = TypeVar("P", bound=BaseModel)

_ID = "([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"

# The usual form of the header. Other forms that HTTPBearer accepts are left to the routes.
_BEARER = re.compile(rb"Bearer ([!-~]+)")


@dataclass(frozen=True, slots=True)
class Asked:
    claims: Claims
    request_id: str
    ids: tuple[uuid.UUID, ...]
    """Those of the path, in its order."""

    headers: dict[bytes, bytes]
    body: bytes

    @property
    def context(self) -> RequestContext:
        return RequestContext(request_id=self.request_id, claims=self.claims)


@dataclass(frozen=True, slots=True)
class Lane:
    method: str
    path_format: str
    """The address below the API's base path, as metrics name the route."""

    permission: Permission
    """What the route asks for: `roles` must have it, since it is not asked here."""

    answer: Callable[[Services, Asked], Awaitable[Response | None]]
    roles: frozenset[Role] = frozenset(Role)
    """Whom the statement answers."""

    path: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        pattern = re.compile(BASE_PATH + re.sub(r"\{\w+\}", _ID, self.path_format))
        object.__setattr__(self, "path", pattern)


class FastLane:
    """Pure ASGI around FastAPI, and inside of a middleware that answers its exceptions."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = _lane_of(scope)
        if found is None:
            await self._app(scope, receive, send)
            return
        lane, ids = found
        scope["route"] = lane
        messages = await _messages(receive) if lane.method != "GET" else []
        response = await _answer(lane, ids, scope, messages)
        if response is None:
            await self._app(scope, _again(messages, receive), send)
            return
        await response(scope, receive, send)


def _lane_of(scope: Scope) -> tuple[Lane, tuple[uuid.UUID, ...]] | None:
    if scope["type"] != "http" or scope["query_string"]:
        return None
    method, path = scope["method"], scope["path"]
    for lane in LANES:
        if lane.method == method and (match := lane.path.fullmatch(path)):
            return lane, tuple(map(uuid.UUID, match.groups()))
    return None


async def _answer(
    lane: Lane, ids: tuple[uuid.UUID, ...], scope: Scope, messages: list[Message]
) -> Response | None:
    headers = dict(scope["headers"])
    bearer = _BEARER.fullmatch(headers.get(b"authorization", b""))
    is_plain = len(headers) == len(scope["headers"]) and b"idempotency-key" not in headers
    if not is_plain or bearer is None:
        return None
    if messages and not _is_whole_json(headers, messages):
        return None
    app: Services = scope["app"].state.container
    claims = await app.verifier.verify(bearer[1].decode())
    body = b"".join(message.get("body", b"") for message in messages)
    try:
        asked = Asked(claims, scope["state"]["request_id"], ids, headers, body)
        return await lane.answer(app, asked)
    except NotFoundError:
        return None


def _is_whole_json(headers: dict[bytes, bytes], messages: list[Message]) -> bool:
    """Tell whether a body came to its end, as JSON says it is; a client may leave before that."""
    is_whole = messages[-1]["type"] == "http.request"
    return is_whole and headers.get(b"content-type") == JSON.encode()


async def _messages(receive: Receive) -> list[Message]:
    """Take a request's whole body, or what came of it before the client left."""
    messages = [await receive()]
    while messages[-1].get("more_body"):
        messages.append(await receive())
    return messages


def _again(taken: list[Message], receive: Receive) -> Receive:
    """Return a `receive` that starts with the messages that were taken already."""

    async def again() -> Message:
        return taken.pop(0) if taken else await receive()

    return again


async def _first_page(app: Services, asked: Asked) -> Response | None:
    page = await app.enrollments(asked.context).list(EnrollmentFilter(), PageRequest())
    # An empty list may mean that the caller's row was not found.
    return json_of(page) if page != EMPTY_PAGE else None


async def _enroll(app: Services, asked: Asked) -> Response | None:
    payload = _read(EnrollmentCreate, asked.body)
    if payload is None:
        return None
    return response_of(await app.enrollments(asked.context).enroll(payload), "/enrollments/{id}")


async def _content(app: Services, asked: Asked) -> Response | None:
    known = etags_of(asked.headers.get(b"if-none-match", b"").decode("latin-1"))
    return content_of(await app.enrollments(asked.context).content(asked.ids[0], known))


async def _report_progress(app: Services, asked: Asked) -> Response | None:
    payload = _read(ProgressReport, asked.body)
    if payload is None:
        return None
    enrollment_id, section_id = asked.ids
    service = app.enrollments(asked.context)
    return json_of(await service.report_progress(enrollment_id, section_id, payload))


async def _matrix(app: Services, asked: Asked) -> Response | None:
    matrix = await app.matrices.matrix(asked.claims, GroupBy.LOCATION)
    return json_of(matrix) if matrix is not None else None


def _read(kind: type[P], body: bytes) -> P | None:
    try:
        return kind.model_validate(orjson.loads(body))
    except (orjson.JSONDecodeError, ValidationError):
        return None


LANES = (
    Lane("GET", "/enrollments/{enrollment_id}/content", Permission.LEARN, _content),
    Lane(
        "PUT",
        "/enrollments/{enrollment_id}/sections/{section_id}/progress",
        Permission.LEARN,
        _report_progress,
    ),
    Lane("GET", "/enrollments", Permission.ENROLLMENTS_READ, _first_page),
    Lane("POST", "/enrollments", Permission.LEARN, _enroll),
    Lane(
        "GET",
        "/reports/compliance",
        Permission.REPORTS_READ,
        _matrix,
        frozenset({Role.ADMIN}),
    ),
)
