"""Turns the answers of use cases into HTTP responses."""

from collections.abc import Awaitable, Mapping
from typing import Any

import orjson
from fastapi import Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from app.core.files.download import Download
from app.services.answer import Answer, Rendered, ReplayedAnswer, WrittenAnswer, as_json
from app.services.study.learner_content import LearnerContent

BASE_PATH = "/api/v1"
JSON = "application/json"


async def respond(asked: Awaitable[Answer[Any]], location: str | None = None) -> Response:
    """Answer 201 with a Location for something new, else 200; repeat the answer to a repeated key.

    `location` is below the API's base path; `{id}` in it is replaced by that field of the body.
    """
    try:
        return response_of(await asked, location)
    except ReplayedAnswer as replay:
        response = _response(replay.written, location, orjson.loads(replay.written.body or b"{}"))
        response.headers["Idempotency-Replayed"] = "true"
        return response


def response_of(answer: Answer[Any], location: str | None = None) -> Response:
    return _response(WrittenAnswer.of(answer), location, vars(answer.value))


def _response(written: WrittenAnswer, location: str | None, fields: Mapping[str, Any]) -> Response:
    headers = {}
    if written.etag is not None:
        headers["ETag"] = written.etag
    if written.created and location is not None:
        headers["Location"] = BASE_PATH + location.format_map(fields)
    return Response(written.body, 201 if written.created else 200, headers, JSON)


def json_of(value: BaseModel | Rendered[Any] | dict[str, Any] | bytes | str) -> Response:
    """Answer with a value; bytes and text are JSON already."""
    if isinstance(value, (bytes, str)):
        return Response(value, media_type=JSON)
    if isinstance(value, dict):
        return Response(orjson.dumps(value), media_type=JSON)
    return Response(as_json(value), media_type=JSON)


def attachment(download: Download, media_type: str, name: str) -> Response:
    """Send a file under a name, and forbid caches to store it."""
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Length": str(download.size),
        "Cache-Control": "no-store",
    }
    return StreamingResponse(download.blocks(), headers=headers, media_type=media_type)


def content_of(content: LearnerContent) -> Response:
    """Answer with published content, or with 304 if the client has it already."""
    if content.body is None:
        response = not_modified(content.etag)
    else:
        headers = {"ETag": content.etag, "Cache-Control": "private"}
        response = Response(content.body, headers=headers, media_type=JSON)
    if content.superseded_by is not None:
        response.headers["X-Superseded-By"] = str(content.superseded_by)
    return response


def not_modified(etag: str) -> Response:
    return Response(status_code=304, headers={"ETag": etag, "Cache-Control": "private"})
