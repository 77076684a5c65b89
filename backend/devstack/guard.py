import hmac
import re
from collections.abc import Sequence
from typing import Final

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request

_LOOPBACK: Final = ("localhost", "127.0.0.1", "[::1]")


def refuse_production(environment: str, replaced: str) -> None:
    if environment.strip().lower() == "production":
        message = f"the stand-in for {replaced} must not run in production"
        raise RuntimeError(message)


def local_origin(host: str) -> str:
    """Return a pattern of the origins of this machine, which is also called by `host`."""
    hosts = "|".join(re.escape(each) for each in (*_LOOPBACK, host))
    return rf"https?://({hosts})(:\d+)?"


def local_cors(expose_headers: Sequence[str], host: str) -> Middleware:
    """Return the CORS middleware that lets only pages served from this machine read answers."""
    return Middleware(
        CORSMiddleware,
        allow_origin_regex=local_origin(host),
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=expose_headers,
        max_age=600,
    )


def bearer_token(request: Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def presented_key(request: Request) -> str | None:
    """Return the bearer token, or else the `apikey` header."""
    return bearer_token(request) or request.headers.get("apikey")


def same_key(presented: str, expected: str) -> bool:
    return hmac.compare_digest(presented.encode(), expected.encode())
