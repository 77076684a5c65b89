"""Support for a proxy that serves the API below a path and removes the path from requests."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BelowRootPath:
    """Pure ASGI: sets the scope's root path and prepends the path to Locations on this server."""

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        self._app = app
        self._root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_located(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*map(self._located, message["headers"])]
            await send(message)

        scope["root_path"] = self._root_path
        await self._app(scope, receive, send_located)

    def _located(self, header: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
        name, value = header
        is_ours = name.lower() == b"location" and value.startswith(b"/")
        return (name, self._root_path.encode() + value) if is_ours else header
