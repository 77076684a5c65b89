"""Request bodies as JSON that the database can keep: no NaN, no depth bombs, valid UTF-8."""

from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from fastapi import Request, Response
from fastapi.routing import APIRoute

from app.core.errors import FieldError, InvalidPayloadError, pointer_to

MAX_DEPTH = 32
NOT_JSON = "not JSON"
"""Itself stands for a body that cannot be read: no schema takes it, once it is known who sent it.

FastAPI would refuse such a body before it asks. Instances of classes of our own would not do: from
those, Pydantic reads attributes.
"""


class StrictRequest(Request):
    takes_body = True

    async def refuse_fields(self) -> None:
        """Refuse what is sent to an operation that takes nothing; `{}` is nothing."""
        if self.takes_body or not await self.body():
            return
        if sent := await self.json():
            names = sent if isinstance(sent, dict) else [""]
            raise InvalidPayloadError([_unexpected(name) for name in names])

    async def json(self) -> Any:  # noqa: ANN401  # as in Starlette
        if not hasattr(self, "_json"):
            self._json = _read(await self.body())
        return self._json


def _read(body: bytes) -> Any:  # noqa: ANN401  # JSON
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return NOT_JSON
    too_deep = body.count(b"[") + body.count(b"{") > MAX_DEPTH and _depth(value) > MAX_DEPTH
    return NOT_JSON if too_deep else value


def _depth(value: object) -> int:
    deepest, stack = 0, [(value, 1)]
    while stack:
        item, depth = stack.pop()
        if isinstance(item, (dict, list)):
            deepest = max(deepest, depth)
            children = item.values() if isinstance(item, dict) else item
            stack.extend((child, depth + 1) for child in children)
    return deepest


def _unexpected(name: str) -> FieldError:
    pointer = pointer_to(name) if name else ""
    return FieldError(pointer, "extra_forbidden", "Extra inputs are not permitted")


class StrictRoute(APIRoute):
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def strict(request: Request) -> Response:
            strict_request = StrictRequest(request.scope, request.receive)
            strict_request.takes_body = request.method != "POST" or self.body_field is not None
            return await handler(strict_request)

        return strict
