"""Every error leaves as an RFC 9457 problem document with the request's id."""

from collections.abc import Sequence
from typing import Any

import asyncpg
import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm.exc import StaleDataError
from starlette.exceptions import HTTPException

from app.core.errors import (
    AppError,
    FieldError,
    InvalidPayloadError,
    PreconditionFailedError,
    fault_detail,
    pointer_to,
)
from app.core.postgres.failure import log_unavailable, unavailable
from app.core.problems import MEDIA_TYPE, problem
from app.routers.constraints import error_for
from app.routers.middleware.request import BodyTooLargeError
from app.routers.strict_json import NOT_JSON


class BadRequestError(AppError):
    code = "bad_request"
    status = 400
    title = "The request cannot be read"


class NothingHereError(AppError):
    code = "not_found"
    status = 404
    title = "There is nothing at this address"


class MethodNotAllowedError(AppError):
    code = "method_not_allowed"
    status = 405
    title = "This address does not do that"


_FOR_STATUS = {
    kind.status: kind
    for kind in (BadRequestError, NothingHereError, MethodNotAllowedError, BodyTooLargeError)
}


def add_error_handlers(app: FastAPI) -> None:
    handlers: dict[Any, Any] = {
        AppError: _on_app_error,
        RequestValidationError: _on_validation_error,
        HTTPException: _on_http_exception,
        StaleDataError: _on_stale,
        SQLAlchemyError: _on_database_error,
        asyncpg.PostgresError: _on_database_error,
        asyncpg.InterfaceError: _on_database_error,
        asyncpg.InternalClientError: _on_database_error,
        OSError: _on_database_error,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def problem_response(request: Request, error: AppError) -> Response:
    request_id = getattr(request.state, "request_id", None)
    body = orjson.dumps(problem(error, request_id))
    return Response(body, error.status, error.headers, MEDIA_TYPE)


MAX_FAULTS = 100
"""How many faults an answer lists at most, because a body can have thousands."""


async def _on_app_error(request: Request, error: AppError) -> Response:
    return problem_response(request, error)


async def _on_validation_error(request: Request, error: RequestValidationError) -> Response:
    faults = [_fault(fault, error.body) for fault in error.errors()[:MAX_FAULTS]]
    return problem_response(request, InvalidPayloadError(faults))


def _fault(fault: dict[str, Any], body: object) -> FieldError:
    location, kind, message = fault["loc"], fault["type"], fault["msg"]
    if location == ("body",) and body is NOT_JSON:
        kind = "json_invalid"
    return FieldError(_pointer(location, body), kind, fault_detail(kind, message))


def _pointer(location: Sequence[str | int], body: object) -> str:
    place, *rest = location or ("body",)
    if place != "body":
        # Which of the values of a repeated parameter is at fault has no name.
        return ":".join(part for part in location if isinstance(part, str))
    pointer = ""
    for index, part in enumerate(rest, start=1):
        if index < len(rest) and isinstance(body, dict) and part not in body:
            # For a union Pydantic adds the name of the member, which is not a part of the body.
            continue
        pointer += pointer_to(part)
        body = _below(body, part)
    return pointer


def _below(value: object, part: str | int) -> object:
    if isinstance(value, dict):
        return value.get(part)
    if isinstance(value, list) and isinstance(part, int) and part < len(value):
        return value[part]
    return None


async def _on_http_exception(request: Request, error: HTTPException) -> Response:
    known = _FOR_STATUS[error.status_code]()
    known.headers = dict(error.headers or {})
    if "Allow" in known.headers:
        known.headers["Allow"] = ", ".join(sorted(_methods_at(request)))
    return problem_response(request, known)


def _methods_at(request: Request) -> set[str]:
    """Return the methods of all routes of this address; the router only names the first route's."""
    methods = {
        method
        for route in iter_route_contexts(request.app.routes)
        if route.path_regex.fullmatch(request.url.path)
        for method in route.methods or ()
    }
    return methods | {"HEAD"} if "GET" in methods else methods


async def _on_stale(request: Request, _error: StaleDataError) -> Response:
    return problem_response(request, PreconditionFailedError())


async def _on_database_error(request: Request, error: Exception) -> Response:
    known: AppError | None = unavailable(error)
    if known is None and isinstance(error, IntegrityError):
        known = error_for(error)
    if known is None:
        raise error
    if known.status == 503:  # noqa: PLR2004  # the status itself
        log_unavailable(known.code, error)
    return problem_response(request, known)
