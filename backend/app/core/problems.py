"""Errors as RFC 9457 problem documents."""

from typing import Any

from app.core.errors import AppError

MEDIA_TYPE = "application/problem+json"


def problem(error: AppError, request_id: str | None) -> dict[str, Any]:
    """Return the document; `type` is a stable URN made of the code."""
    document: dict[str, Any] = {
        "type": f"urn:problem:{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail or error.title,
        "code": error.code,
        "request_id": request_id,
    }
    return document | error.extra
