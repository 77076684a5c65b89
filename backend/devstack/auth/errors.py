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
    SIGNUP_DISABLED = (
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Signups not allowed for this instance",
    )
    ANONYMOUS_PROVIDER_DISABLED = (
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Anonymous sign-ins are disabled",
    )
    OVER_EMAIL_SEND_RATE_LIMIT = (
        HTTPStatus.TOO_MANY_REQUESTS,
        "For security purposes, you can only request this later",
    )
    REAUTHENTICATION_NEEDED = (
        HTTPStatus.BAD_REQUEST,
        "Password update requires reauthentication",
    )
    REAUTHENTICATION_NOT_VALID = (
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Nonce has expired or is invalid",
    )
    MFA_FACTOR_NOT_FOUND = HTTPStatus.NOT_FOUND, "Factor not found"
    MFA_FACTOR_NAME_CONFLICT = HTTPStatus.UNPROCESSABLE_ENTITY, "A factor has this name already"
    MFA_CHALLENGE_EXPIRED = (
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "MFA challenge has expired, verify against another challenge or create a new challenge.",
    )
    MFA_VERIFICATION_FAILED = HTTPStatus.UNPROCESSABLE_ENTITY, "Invalid TOTP code entered"
    MFA_PHONE_ENROLL_NOT_ENABLED = (
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "MFA enroll is disabled for Phone",
    )
    TOO_MANY_ENROLLED_MFA_FACTORS = (
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Maximum number of verified factors reached, unenroll to continue",
    )
    INSUFFICIENT_AAL = HTTPStatus.FORBIDDEN, "AAL2 required to enroll a new factor"
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
    WEAK_PASSWORD = HTTPStatus.UNPROCESSABLE_ENTITY, "Password should be longer."
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


def error_response(request: Request, error: AuthError) -> JSONResponse:
    return _response(request, error.status, error.failure.code, error.message, error.extra)


def _response(
    request: Request,
    status: HTTPStatus,
    code: str,
    message: str,
    extra: Mapping[str, object] = MappingProxyType({}),
) -> JSONResponse:
    """Answer in the form of the API version that the request names, else in the first one."""
    headers = {"x-sb-error-code": code}
    if request.headers.get("x-supabase-api-version", "") >= API_VERSION:
        headers["x-supabase-api-version"] = API_VERSION
        body: dict[str, object] = {"code": code, "message": message}
    else:
        body = {"code": int(status), "error_code": code, "msg": message}
    return JSONResponse({**body, **extra}, status_code=status, headers=headers)


async def on_auth_error(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, AuthError):
        raise error
    return error_response(request, error)


async def on_http_exception(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    status = HTTPStatus(error.status_code)
    return _response(request, status, status.name.lower(), status.phrase)


async def on_invalid_body(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, InvalidBody):
        raise error
    if error.malformed:
        return error_response(request, AuthError(Failure.BAD_JSON))
    return error_response(request, AuthError(Failure.VALIDATION_FAILED, str(error)))


async def on_data_error(request: Request, error: Exception) -> JSONResponse:
    """Text that PostgreSQL cannot hold, such as U+0000."""
    if not isinstance(error, asyncpg.DataError):
        raise error
    return error_response(request, AuthError(Failure.VALIDATION_FAILED))


async def on_failure(request: Request, _error: Exception) -> JSONResponse:
    return error_response(request, AuthError(Failure.UNEXPECTED_FAILURE))
