"""What people do all day, answered ahead of FastAPI's routing and dependencies.

Those cost such a request several times what its one statement does (docs/performance.md). Only the
plain form is answered here: a valid token, no query, no Idempotency-Key, a body as the schema wants
it, and a row to answer with. Everything else goes on, untouched, to the route of the same address:
errors, accounts to mend and rarer forms are decided there alone.
"""

import re
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import orjson
from fastapi import Response
from pydantic import ValidationError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.auth.security import Claims
from app.core.pagination import DEFAULT_LIMIT
from app.domain.actor import Permission, Role
from app.repositories.compliance.report import GroupBy
from app.routers.deps import etags_of
from app.routers.respond import BASE_PATH, JSON, content_of, json_of, response_of
from app.schemas.study.enrollment import EnrollmentCreate, ProgressReport
from app.services.factories import Services

_ID = "([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"


@dataclass(frozen=True, slots=True)
class Asked:
    caller: Claims
    ids: tuple[uuid.UUID, ...]
    """Those of the path, in its order."""

    headers: dict[bytes, bytes]
    body: bytes
    request_id: str


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
    """Pure ASGI around the router, within the handlers of exceptions."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = _lane_of(scope)
        if found is None:
            await self._app(scope, receive, send)
            return
        lane, ids = found
        messages = await _messages(receive) if lane.method != "GET" else []
        response = await _answer(lane, ids, scope, messages)
        if response is None:
            await self._app(scope, _again(messages, receive), send)
            return
        scope["route"] = lane
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
    scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
    is_plain = len(headers) == len(scope["headers"]) and b"idempotency-key" not in headers
    if not is_plain or scheme != b"Bearer" or not token:
        return None
    if messages and headers.get(b"content-type") != JSON.encode():
        return None
    app: Services = scope["app"].state.container
    caller = await app.verifier.verify(token.decode("latin-1"))
    body = b"".join(message.get("body", b"") for message in messages)
    asked = Asked(caller, ids, headers, body, scope["state"]["request_id"])
    return await lane.answer(app, asked)


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
    page = await app.study.first_page(asked.caller, DEFAULT_LIMIT)
    return json_of(page) if page is not None else None


async def _enroll(app: Services, asked: Asked) -> Response | None:
    try:
        payload = EnrollmentCreate.model_validate(orjson.loads(asked.body))
    except (orjson.JSONDecodeError, ValidationError):
        return None
    outcome = await app.study.enroll(asked.caller, payload.module_id, asked.request_id)
    return response_of(outcome, "/enrollments/{id}") if outcome is not None else None


async def _content(app: Services, asked: Asked) -> Response | None:
    known = etags_of(asked.headers.get(b"if-none-match", b"").decode("latin-1"))
    found = await app.study.content(asked.caller, asked.ids[0], known)
    return content_of(found) if found is not None else None


async def _report_progress(app: Services, asked: Asked) -> Response | None:
    try:
        payload = ProgressReport.model_validate(orjson.loads(asked.body))
    except (orjson.JSONDecodeError, ValidationError):
        return None
    enrollment_id, section_id = asked.ids
    state = await app.study.report_progress(
        asked.caller, enrollment_id, section_id, payload, asked.request_id
    )
    return json_of(state) if state is not None else None


async def _matrix(app: Services, asked: Asked) -> Response | None:
    matrix = await app.matrices.matrix(asked.caller, GroupBy.LOCATION)
    return json_of(matrix) if matrix is not None else None


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
