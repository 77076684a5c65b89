"""The answer to deleting a part of a draft: the ETags of what it was a part of."""

from typing import Any, Final

from fastapi import Response

from app.schemas.content.question import ChangedDraft

_HEADERS: Final = {"module_etag": "X-Module-ETag", "section_etag": "X-Section-ETag"}


def deletes_part_of(changed: type[ChangedDraft]) -> dict[int | str, dict[str, Any]]:
    """Describe the answer."""
    headers = {
        _HEADERS[name]: {
            "description": "What If-Match takes after that",
            "required": True,
            "schema": {"type": "string"},
        }
        for name in changed.model_fields
    }
    return {204: {"description": "It is deleted", "headers": headers}}


def part_deleted(changed: ChangedDraft) -> Response:
    headers = {_HEADERS[name]: etag for name, etag in changed.model_dump().items()}
    return Response(status_code=204, headers=headers)
