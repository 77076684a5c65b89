"""Refuses query parameters and body fields that FastAPI would ignore, and JSON beyond our limits.

A body must be valid UTF-8 and JSON without NaN, so that the database can store it, and neither
nested too deeply nor made of too many values.
"""

import re
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import Any, get_origin

import orjson
from fastapi import Request, Response
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import ParamTypes
from fastapi.routing import APIRoute

from app.core.errors import FieldError, InvalidPayloadError, pointer_to

MAX_DEPTH = 32
MAX_COMMAS = 10_100
"""Largest number of commas between members and items; the longest list has 10,000 items.

Each value may have a fault, and reporting a fault costs more than reading a value.
"""

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_BRACKETS = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
NOT_JSON = "not JSON"
"""The value that takes the place of a body that cannot be read. No schema accepts a text.

FastAPI answers 422 to unreadable JSON before it checks who sent it. With this value the caller is
authenticated first. An object of a class of our own would not do, because Pydantic would read its
attributes.
"""


class StrictRequest(Request):
    takes_body = True
    query_names: Mapping[str, bool]
    """The names of the operation's query parameters; True for those that may be repeated."""

    def refuse_query(self) -> None:
        """Refuse parameters that the operation does not know, and single ones that are repeated.

        If a misspelt filter were ignored, the answer would contain everybody's rows.
        """
        if self.url.query and (faults := list(self._query_faults())):
            raise InvalidPayloadError(faults)

    def _query_faults(self) -> Iterator[FieldError]:
        sent = Counter(name for name, _ in self.query_params.multi_items())
        for name, times in sent.items():
            if name not in self.query_names:
                yield _unexpected(f"query:{name}")
            elif times > 1 and not self.query_names[name]:
                yield FieldError(f"query:{name}", "repeated", "This parameter is sent once")

    async def refuse_fields(self) -> None:
        """Refuse a body that is sent to an operation without one; an empty object may be sent."""
        if self.takes_body or not await self.body():
            return
        if sent := await self.json():
            names = sent if isinstance(sent, dict) else [""]
            pointers = [pointer_to(name) if name else "" for name in names]
            raise InvalidPayloadError([_unexpected(pointer) for pointer in pointers])

    async def json(self) -> Any:  # noqa: ANN401  # as in Starlette
        if not hasattr(self, "_json"):
            self._json = read_json(await self.body())
        return self._json


def read_json(body: bytes) -> Any:  # noqa: ANN401  # JSON
    """Return the value, or NOT_JSON.

    Runs on the event loop, so each step takes time in proportion to the size of the body.
    """
    if _is_crowded(body):
        return NOT_JSON
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return NOT_JSON
    return NOT_JSON if _is_excessive(body) else value


def _is_crowded(body: bytes) -> bool:
    """Tell whether the counts of quotes and commas alone show that the limits are exceeded.

    The limits on these counts are generous, because texts may contain commas too.
    """
    strings = body.count(b'"') - body.count(b'\\"')
    return strings > 4 * MAX_COMMAS or body.count(b",") > 10 * MAX_COMMAS


def _is_excessive(body: bytes) -> bool:
    """Tell whether valid JSON is too deep or too broad, without walking through its values."""
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH and body.count(b",") <= MAX_COMMAS:
        return False
    bare = _STRING.sub(b"", body)
    if bare.count(b",") > MAX_COMMAS:
        return True
    brackets = bare.translate(_BRACKETS, delete=_NO_BRACKETS)
    for _ in range(MAX_DEPTH):
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)


def _unexpected(pointer: str) -> FieldError:
    return FieldError(pointer, "extra_forbidden", "Extra inputs are not permitted")


class StrictRoute(APIRoute):
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()
        query_names = dict(self._query_names())
        described = self.openapi_extra or {}
        takes_body = self.body_field is not None or "requestBody" in described

        async def strict(request: Request) -> Response:
            strict_request = StrictRequest(request.scope, request.receive)
            strict_request.takes_body = request.method != "POST" or takes_body
            strict_request.query_names = query_names
            return await handler(strict_request)

        return strict

    def _query_names(self) -> Iterator[tuple[str, bool]]:
        for field in get_flat_params(self.dependant):
            if getattr(field.field_info, "in_", None) is ParamTypes.query:
                yield field.alias, get_origin(field.field_info.annotation) is list


async def refuse_query(request: Request) -> None:
    """Refuse unknown parameters where no guard does, on routes that strangers may use."""
    if isinstance(request, StrictRequest):
        request.refuse_query()
