from enum import Enum
from http import HTTPStatus

import asyncpg
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from devstack.body import InvalidBody


class Failure(Enum):
    """Status, `error` and message of each error; the value of `code` is the first member."""

    INVALID_REQUEST = "InvalidRequest", HTTPStatus.BAD_REQUEST, "InvalidRequest", "Invalid request"
    INVALID_JWT = "InvalidJWT", HTTPStatus.BAD_REQUEST, "InvalidJWT", "Invalid JWT"
    INVALID_KEY = "InvalidKey", HTTPStatus.BAD_REQUEST, "InvalidKey", "Invalid key"
    INVALID_BUCKET_NAME = (
        "InvalidBucketName",
        HTTPStatus.BAD_REQUEST,
        "Invalid Input",
        "Bucket name invalid",
    )
    INVALID_MIME_TYPE = (
        "InvalidMimeType",
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "invalid_mime_type",
        "mime type is not supported",
    )
    ACCESS_DENIED = "AccessDenied", HTTPStatus.FORBIDDEN, "Unauthorized", "Access denied"
    NO_SUCH_BUCKET = (
        "NoSuchBucket",
        HTTPStatus.NOT_FOUND,
        "Bucket not found",
        "Bucket not found",
    )
    NO_SUCH_KEY = "NoSuchKey", HTTPStatus.NOT_FOUND, "not_found", "Object not found"
    ALREADY_EXISTS = (
        "ResourceAlreadyExists",
        HTTPStatus.CONFLICT,
        "Duplicate",
        "The resource already exists",
    )
    ENTITY_TOO_LARGE = (
        "EntityTooLarge",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "Payload too large",
        "The object exceeded the maximum allowed size",
    )
    INTERNAL_ERROR = (
        "InternalError",
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "Internal",
        "Internal Server Error",
    )


class StorageError(Exception):
    def __init__(self, failure: Failure, message: str | None = None) -> None:
        self.failure = failure
        self.message = message or failure.value[3]
        super().__init__(self.message)


def error_response(error: StorageError) -> JSONResponse:
    """Answer as Supabase Storage does: the status proper is in the body, on the wire 400 or 500."""
    code, status, label, _ = error.failure.value
    return _response(status, label, error.message, code)


def _response(status: HTTPStatus, label: str, message: str, code: str) -> JSONResponse:
    body = {"statusCode": str(status.value), "error": label, "message": message, "code": code}
    wire = status if status is HTTPStatus.INTERNAL_SERVER_ERROR else HTTPStatus.BAD_REQUEST
    return JSONResponse(body, status_code=wire)


async def on_storage_error(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, StorageError):
        raise error
    return error_response(error)


async def on_invalid_body(_: Request, error: Exception) -> JSONResponse:
    return error_response(StorageError(Failure.INVALID_REQUEST, str(error)))


async def on_http_exception(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    status = HTTPStatus(error.status_code)
    code = Failure.INVALID_REQUEST.value[0]
    return _response(status, status.phrase, error.detail, code)


async def on_data_error(_: Request, _error: Exception) -> JSONResponse:
    return error_response(StorageError(Failure.INVALID_REQUEST))


async def on_failure(_: Request, _error: Exception) -> JSONResponse:
    return error_response(StorageError(Failure.INTERNAL_ERROR))


HANDLERS = {
    StorageError: on_storage_error,
    InvalidBody: on_invalid_body,
    HTTPException: on_http_exception,
    asyncpg.DataError: on_data_error,
    Exception: on_failure,
}
