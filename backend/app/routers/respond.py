"""From what a use case answers to HTTP."""

from typing import Any

import orjson
from fastapi import Response
from pydantic import BaseModel

from app.services.outcome import Outcome
from app.services.study.study import LearnerContent

BASE_PATH = "/api/v1"
JSON = "application/json"


def respond(outcome: Outcome, *, replayed: bool = False) -> Response:
    """201 with Location for something new, else 200; both with the ETag if there is one."""
    headers = {}
    if outcome.etag is not None:
        headers["ETag"] = outcome.etag
    if outcome.created and outcome.location is not None:
        headers["Location"] = BASE_PATH + outcome.location
    if replayed:
        headers["Idempotency-Replayed"] = "true"
    return Response(outcome.body, 201 if outcome.created else 200, headers, JSON)


def json_of(value: BaseModel | dict[str, Any] | bytes | str) -> Response:
    """Answer with a value; bytes and text are JSON already."""
    if isinstance(value, (bytes, str)):
        return Response(value, media_type=JSON)
    if isinstance(value, BaseModel):
        return Response(value.model_dump_json(), media_type=JSON)
    return Response(orjson.dumps(value), media_type=JSON)


def content_of(content: LearnerContent) -> Response:
    """Answer with published content, or with 304 where the client has it."""
    if content.body is None:
        return not_modified(content.etag)
    headers = {"ETag": content.etag, "Cache-Control": "private"}
    return Response(content.body, headers=headers, media_type=JSON)


def not_modified(etag: str) -> Response:
    return Response(status_code=304, headers={"ETag": etag, "Cache-Control": "private"})
