"""What stands before Supabase Auth: it wants the project's key with each request."""

from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from devstack.guard import same_key

_OPEN: Final = ("/verify", "/.well-known/jwks.json", "/callback", "/authorize")
_PUBLISHABLE: Final = "sb_publishable_"
_MISSING: Final = {
    "message": "No API key found in request",
    "hint": "No `apikey` request header or url param was found.",
}
_INVALID: Final = {
    "message": "Invalid API key",
    "hint": "Double check your Supabase `anon` or `service_role` API key.",
}


class Gateway:
    """Lets any publishable key pass, since the stand-in knows of no other project."""

    def __init__(self, app: ASGIApp, service_key: str) -> None:
        self._app = app
        self._service_key = service_key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await JSONResponse(refusal, HTTPStatus.UNAUTHORIZED)(scope, receive, send)

    def _refusal(self, scope: Scope) -> dict[str, str] | None:
        if scope["path"].removeprefix(scope.get("root_path", "")) in _OPEN:
            return None
        key = key_of(scope)
        if not key:
            return _MISSING
        return None if self.takes(key) else _INVALID

    def takes(self, key: str) -> bool:
        return key.startswith(_PUBLISHABLE) or same_key(key, self._service_key)


def key_of(scope: Scope) -> str:
    """Return what the header or the query names."""
    [in_query] = parse_qs(scope["query_string"].decode("latin-1")).get("apikey", [""])[:1]
    return Headers(scope=scope).get("apikey") or in_query
