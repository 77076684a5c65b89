"""Compresses answers for clients that accept it (RFC 9110, 12.5.3)."""

from starlette.types import ASGIApp, Receive, Scope, Send
from starlette_compress import CompressMiddleware, add_compress_type

from app.core.problems import MEDIA_TYPE
from app.routers.respond import BASE_PATH

MINIMUM_BYTES = 1024
"""Below this compressing saves no packet."""

_SIGNED = f"{BASE_PATH}/media"

add_compress_type("text/csv")
add_compress_type(MEDIA_TYPE)


class Compress:
    """Compresses what is text, except answers that hold a secret.

    Where a secret and text of an attacker are compressed together, the length of the answer gives
    the secret away to whoever can have it requested many times (BREACH). Nobody else can have
    answers of this API requested in somebody's name, because it reads the token from a header that
    no browser adds by itself. The only secrets in its answers are the signed addresses of files,
    and these answers are not compressed all the same.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._plain = app
        self._compressed = CompressMiddleware(app, minimum_size=MINIMUM_BYTES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if _accepts_encodings(scope) and not scope["path"].startswith(_SIGNED):
            await self._compressed(scope, receive, send)
        else:
            await self._plain(scope, receive, send)


def _accepts_encodings(scope: Scope) -> bool:
    return scope["type"] == "http" and any(
        name == b"accept-encoding" for name, _ in scope["headers"]
    )
