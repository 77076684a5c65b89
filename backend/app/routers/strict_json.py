"""Requests at their word: nothing in a query or a body is ignored in silence.

A body is JSON that the database can keep: no NaN, neither too deep nor too broad, valid UTF-8.
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
"""Between members and items, of which the longest list takes 10,000.

Each may be a fault of its own, and faults cost more than values.
"""

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_BRACKETS = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
NOT_JSON = "not JSON"
"""Itself stands for a body that cannot be read: no schema takes it, once it is known who sent it.

FastAPI would refuse such a body before it asks. Instances of classes of our own would not do: from
those, Pydantic reads attributes.
"""


class StrictRequest(Request):
    takes_body = True
    query_names: Mapping[str, bool]
    """What the operation takes in its query, and whether it may be repeated there."""

    def refuse_query(self) -> None:
        """Refuse parameters that the operation does not know, and single ones that are repeated.

        To take a misspelt filter for none would answer with everybody's rows.
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
        """Refuse what is sent to an operation that takes nothing; `{}` is nothing."""
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
    """Return the value, or NOT_JSON. Runs on the loop: each step reads the bytes once."""
    if _is_crowded(body):
        return NOT_JSON
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return NOT_JSON
    return NOT_JSON if _is_excessive(body) else value


def _is_crowded(body: bytes) -> bool:
    """Tell what cannot be within the limits from counts alone; long texts may have some commas."""
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
