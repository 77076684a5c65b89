from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

import asyncpg
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from app.core.clock import Clock, utc_now
from devstack.auth.admin import AdminEndpoints
from devstack.auth.errors import (
    AuthError,
    on_auth_error,
    on_data_error,
    on_failure,
    on_http_exception,
    on_invalid_body,
)
from devstack.auth.gateway import Gateway
from devstack.auth.hooks import Hooks
from devstack.auth.keys import SigningKeys
from devstack.auth.mfa import MfaEndpoints
from devstack.auth.project import Project
from devstack.auth.public import PublicEndpoints
from devstack.auth.service import AuthService, Message, log_message
from devstack.auth.store import AuthStore
from devstack.body import InvalidBody
from devstack.guard import local_cors, refuse_production

_EXPOSED_HEADERS: Final = ("Link", "X-Total-Count", "X-Supabase-Api-Version", "X-Sb-Error-Code")


def create_auth_app(  # noqa: PLR0913 - what differs between development and tests
    store: AuthStore,
    keys: SigningKeys,
    *,
    issuer: str,
    service_key: str,
    environment: str,
    access_token_seconds: int = 3600,
    now: Clock = utc_now,
    deliver: Callable[[Message], None] = log_message,
    hooks: Hooks | None = None,
    site_url: str | None = None,
    project: Project | None = None,
) -> Starlette:
    """Supabase Auth for development, to be mounted at `/auth/v1`; `issuer` ends in that path.

    Links lead to `site_url` (else to `/mailbox`) unless the client names a page of this machine.
    `deliver` takes what Supabase would mail. Raises `RuntimeError` in production.
    """
    refuse_production(environment, "Supabase Auth")
    auth = AuthService(
        store,
        keys,
        issuer,
        service_key,
        access_token_seconds,
        now,
        deliver,
        hooks or Hooks(),
        site_url or issuer.removesuffix("/auth/v1") + "/mailbox",
        project or Project(),
    )
    middleware = [local_cors(_EXPOSED_HEADERS, urlsplit(issuer).hostname or "")]
    if auth.project.asks_for_key:
        middleware.append(Middleware(Gateway, service_key=service_key))
    endpoints = (PublicEndpoints(auth), MfaEndpoints(auth), AdminEndpoints(auth))
    return Starlette(
        routes=[route for each in endpoints for route in each.routes()],
        middleware=middleware,
        exception_handlers={
            AuthError: on_auth_error,
            HTTPException: on_http_exception,
            InvalidBody: on_invalid_body,
            asyncpg.DataError: on_data_error,
            Exception: on_failure,
        },
    )
