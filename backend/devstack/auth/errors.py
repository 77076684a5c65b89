from collections.abc import Mapping
from enum import Enum
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

import asyncpg
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from devstack.body import InvalidBody

API_VERSION: Final = "2024-01-01"


class Failure(Enum):
    """Status and message of each error code; the code is the name in lower case."""

    BAD_JSON = HTTPStatus.BAD_REQUEST, "Could not parse request body as JSON"
    VALIDATION_FAILED = HTTPStatus.BAD_REQUEST, "The request is not valid"
    INVALID_CREDENTIALS = HTTPStatus.BAD_REQUEST, "Invalid login credentials"
    EMAIL_NOT_CONFIRMED = HTTPStatus.BAD_REQUEST, "Email not confirmed"
    USER_BANNED = HTTPStatus.BAD_REQUEST, "User is banned"
    REFRESH_TOKEN_NOT_FOUND = (
        HTTPStatus.BAD_REQUEST,
        "Invalid Refresh Token: Refresh Token Not Found",
    )
    REFRESH_TOKEN_ALREADY_USED = HTTPStatus.BAD_REQUEST, "Invalid Refresh Token: Already Used"
    NO_AUTHORIZATION = HTTPStatus.UNAUTHORIZED, "This endpoint requires a valid Bearer token"
    BAD_JWT = HTTPStatus.FORBIDDEN, "invalid JWT: unable to parse or verify signature"
    NOT_ADMIN = HTTPStatus.FORBIDDEN, "User not allowed"
    SESSION_NOT_FOUND = (
        HTTPStatus.FORBIDDEN,
        "Session from session_id claim in JWT does not exist",
    )
    OTP_DISABLED = HTTPStatus.UNPROCESSABLE_ENTITY, "Signups not allowed for otp"
    OTP_EXPIRED = HTTPStatus.FORBIDDEN, "Email link is invalid or has expired"
    USER_NOT_FOUND = HTTPStatus.NOT_FOUND, "User not found"
    EMAIL_EXISTS = (
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "A user with this email address has already been registered",
    )
    USER_ALREADY_EXISTS = HTTPStatus.UNPROCESSABLE_ENTITY, "User already registered"
    SAME_PASSWORD = (
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "New password should be different from the old password.",
    )
    WEAK_PASSWORD = HTTPStatus.UNPROCESSABLE_ENTITY, "Password should be at least 6 characters."
    HOOK_TIMEOUT = (
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Failed to reach hook within maximum time of 5 seconds",
    )
    HOOK_TIMEOUT_AFTER_RETRY = (
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Failed to reach hook after maximum retries",
    )
    HOOK_PAYLOAD_INVALID_CONTENT_TYPE = HTTPStatus.BAD_REQUEST, "Invalid JSON response"
    HOOK_PAYLOAD_OVER_SIZE_LIMIT = HTTPStatus.UNPROCESSABLE_ENTITY, "Payload size exceeded"
    USER_SSO_MANAGED = (
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Updating email, phone, password of a SSO account only possible via SSO",
    )
    UNKNOWN = HTTPStatus.INTERNAL_SERVER_ERROR, "A hook refused"
    UNEXPECTED_FAILURE = HTTPStatus.INTERNAL_SERVER_ERROR, "Unexpected failure"

    @property
    def code(self) -> str:
        return self.name.lower()


class AuthError(Exception):
    """An answer in the error format of Supabase Auth; `extra` holds further members of the body."""

    def __init__(
        self,
        failure: Failure,
        message: str | None = None,
        *,
        status: HTTPStatus | None = None,
        **extra: object,
    ) -> None:
        default_status, default_message = failure.value
        self.failure = failure
        self.status = status or default_status
        self.message = message or default_message
        self.extra = extra
        super().__init__(self.message)


def error_response(error: AuthError) -> JSONResponse:
    """Carry both the member names of API version 2024-01-01 and the earlier ones."""
    return _response(error.status, error.failure.code, error.message, error.extra)


def _response(
    status: HTTPStatus, code: str, message: str, extra: Mapping[str, object] = MappingProxyType({})
) -> JSONResponse:
    body = {"code": code, "error_code": code, "message": message, "msg": message, **extra}
    headers = {"x-supabase-api-version": API_VERSION, "x-sb-error-code": code}
    return JSONResponse(body, status_code=status, headers=headers)


async def on_auth_error(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, AuthError):
        raise error
    return error_response(error)


async def on_http_exception(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    status = HTTPStatus(error.status_code)
    return _response(status, status.name.lower(), status.phrase)


async def on_invalid_body(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, InvalidBody):
        raise error
    if error.malformed:
        return error_response(AuthError(Failure.BAD_JSON))
    return error_response(AuthError(Failure.VALIDATION_FAILED, str(error)))


async def on_data_error(_: Request, error: Exception) -> JSONResponse:
    """Text that PostgreSQL cannot hold, such as U+0000."""
    if not isinstance(error, asyncpg.DataError):
        raise error
    return error_response(AuthError(Failure.VALIDATION_FAILED))


async def on_failure(_request: Request, _error: Exception) -> JSONResponse:
    return error_response(AuthError(Failure.UNEXPECTED_FAILURE))
