"""HEAD for every GET (RFC 9110, 9.1), because FastAPI's GET routes do not answer HEAD."""

from starlette.types import ASGIApp, Receive, Scope, Send


class HeadAsGet:
    """Pure ASGI around the router. The server itself sends no body in an answer to HEAD."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        asked = {**scope, "method": "GET"}
        try:
            await self._app(asked, receive, send)
        finally:
            # The router sets the route on the copy of the scope; metrics and logs read this one.
            scope["route"] = asked.get("route")
