"""Below a path that a proxy takes away before it passes requests on."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BelowRootPath:
    """Pure ASGI: tells the routes the path, and puts it before a Location of this server's own."""

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
