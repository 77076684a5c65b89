"""Gives each request its id and its log line, and refuses ambiguous and too large ones."""

import re
import time
from collections.abc import Collection

import orjson
import structlog
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.errors import AppError, InvalidPayloadError
from app.core.ids import new_request_id
from app.core.metrics import Metrics
from app.core.problems import MEDIA_TYPE, problem
from app.routers.respond import BASE_PATH

log = structlog.get_logger("app.access")

_HEALTH = f"{BASE_PATH}/health/"
_PORT = re.compile(r":[0-9]*\Z")
_SINGLE = frozenset(
    {
        b"authorization",
        b"content-length",
        b"content-type",
        b"host",
        b"idempotency-key",
        b"if-match",
        b"origin",
        b"webhook-id",
        b"webhook-signature",
        b"webhook-timestamp",
        b"x-request-id",
    }
)
_SANE_ID = re.compile(r"[A-Za-z0-9._\-]{1,128}")
_LENGTH = re.compile(r"[0-9]{1,18}")
_SECURITY_HEADERS = (
    # All answers except the pages of /docs are data. If a browser shows one as a page anyway, that
    # page can neither run scripts nor load or frame anything.
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-site"),
)
_STRICT_TRANSPORT = (b"strict-transport-security", b"max-age=31536000")
"""A year. It is sent only over TLS, because browsers ignore it otherwise."""


class InternalError(AppError):
    code = "internal_error"
    status = 500
    title = "Something went wrong on our side"


class BodyTooLargeError(AppError):
    code = "body_too_large"
    status = 413
    title = "The request body is too large"


class OtherHostError(AppError):
    code = "other_host"
    status = 421
    title = "This service does not answer for that host"


class Observe:
    """Gives each request its id, its log line, its metrics and the security headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        started = time.perf_counter()
        status = 500
        started_sending = False

        async def observed_send(message: Message) -> None:
            nonlocal status, started_sending
            if message["type"] == "http.response.start":
                started_sending = True
                status = message["status"]
                _add_headers(message, request_id, scope["scheme"])
            await send(message)

        unbound = structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            await self._app(scope, receive, observed_send)
        except Exception:
            log.exception("unhandled_error")
            if not started_sending:
                await _problem(InternalError(), request_id)(scope, receive, observed_send)
        finally:
            _record(scope, status, time.perf_counter() - started)
            structlog.contextvars.reset_contextvars(**unbound)


class RefuseAmbiguous:
    """Refuses requests that a proxy and this server could understand differently.

    These are requests that repeat a header which may be sent only once, and requests to a host
    that is not in `hosts`.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        """Accept any host if `hosts` is empty. Health checks are answered for any host."""
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        error = self._fault(scope) if scope["type"] == "http" else None
        if error is None:
            await self._app(scope, receive, send)
        else:
            await _problem(error, scope["state"]["request_id"])(scope, receive, send)

    def _fault(self, scope: Scope) -> AppError | None:
        names = [name for name, _ in scope["headers"] if name in _SINGLE]
        if len(names) != len(set(names)):
            name = next(name for name in names if names.count(name) > 1).decode()
            return InvalidPayloadError.at(f"header:{name}", "repeated", "Send this header once")
        if not self._hosts or scope["path"].startswith(_HEALTH):
            return None
        host = _PORT.sub("", _header(scope, b"host", "")).lower()
        return None if host in self._hosts else OtherHostError()


class LimitBody:
    """Refuses bodies above a size with 413, by Content-Length or by counting what arrives."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        length = _header(scope, b"content-length", "0")
        if not _LENGTH.fullmatch(length) or int(length) > self._max_bytes:
            response = _problem(BodyTooLargeError(), scope["state"]["request_id"])
            await response(scope, receive, send)
            return
        received = 0

        async def counted_receive() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_bytes:
                # While FastAPI reads a body it turns every other kind of exception into a 400.
                raise HTTPException(BodyTooLargeError.status)
            return message

        await self._app(scope, counted_receive, send)


def _add_headers(message: Message, request_id: str, scheme: str) -> None:
    headers = message["headers"]
    sent = {name for name, _ in headers}
    added = [(name, value) for name, value in _SECURITY_HEADERS if name not in sent]
    if scheme == "https":
        added.append(_STRICT_TRANSPORT)
    message["headers"] = [*headers, (b"x-request-id", request_id.encode()), *added]


def _record(scope: Scope, status: int, seconds: float) -> None:
    metrics: Metrics = scope["app"].state.container.metrics
    method, route = scope["method"], _route(scope)
    metrics.observe(method, route, status, seconds)
    log.info("request", method=method, route=route, status=status, ms=round(seconds * 1000, 1))


def _problem(error: AppError, request_id: str) -> Response:
    body = orjson.dumps(problem(error, request_id))
    return Response(body, error.status, media_type=MEDIA_TYPE)


def _request_id(scope: Scope) -> str:
    sent = _header(scope, b"x-request-id", "")
    return sent if _SANE_ID.fullmatch(sent) else new_request_id()


def _header(scope: Scope, name: bytes, default: str) -> str:
    for key, value in scope["headers"]:
        if key == name:
            return str(value, "latin-1")
    return default


def _route(scope: Scope) -> str:
    """Return the route's template. The path itself may hold ids of people."""
    path = getattr(scope.get("route"), "path_format", None)
    return path if isinstance(path, str) else "unmatched"
