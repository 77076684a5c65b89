"""The hooks of a project, called and understood as Supabase Auth does (its 2.196)."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final
from uuid import uuid4

import asyncpg
import httpx
from standardwebhooks import Webhook

from devstack.auth.errors import AuthError, Failure

Event = Mapping[str, object]
Hook = Callable[[Event], Awaitable[dict[str, Any]]]
"""Answers an event; raises `AuthError` for what Supabase tells its client instead."""

_TRIES: Final = 3
_TIMEOUT_SECONDS: Final = 5.0
_MAX_BYTES: Final = 200 * 1024
_AS_SUPABASE: Final = "SET LOCAL ROLE supabase_auth_admin"


@dataclass
class Hooks:
    """None asks nobody. They may be changed while the stand-in serves."""

    before_user_created: Hook | None = None
    custom_access_token: Hook | None = None


@dataclass(frozen=True)
class HttpHook:
    """`secrets` as the dashboard shows them, several separated by `|`."""

    url: str
    secrets: str
    pause_seconds: float = 2.0

    async def __call__(self, event: Event) -> dict[str, Any]:
        try:
            async with (
                asyncio.timeout(_TIMEOUT_SECONDS),
                httpx.AsyncClient(timeout=2 * _TIMEOUT_SECONDS) as http,
            ):
                return _read(await self._send(http, json.dumps(event)))
        except TimeoutError as error:
            raise AuthError(Failure.HOOK_TIMEOUT) from error

    async def _send(self, http: httpx.AsyncClient, body: str) -> httpx.Response:
        for attempt in range(_TRIES):
            try:
                answer = await http.post(self.url, content=body, headers=self._headers(body))
            except httpx.TransportError as error:
                if attempt == _TRIES - 1:
                    raise AuthError(Failure.HOOK_TIMEOUT_AFTER_RETRY) from error
                await asyncio.sleep(self.pause_seconds)
                continue
            if not _asks_to_come_back(answer):
                return answer
        raise AuthError(Failure.UNEXPECTED_FAILURE, "Service currently unavailable due to hook")

    def _headers(self, body: str) -> dict[str, str]:
        message, now = str(uuid4()), datetime.now(UTC)
        signatures = [
            Webhook(secret.removeprefix("v1,")).sign(message, now, body)
            for secret in self.secrets.split("|")
        ]
        return {
            "Content-Type": "application/json",
            "webhook-id": message,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": ", ".join(signatures),
        }


@dataclass(frozen=True)
class SqlHook:
    """A function of the database, as in `pg-functions://postgres/public/name`."""

    pool: asyncpg.Pool
    function: str

    async def __call__(self, event: Event) -> dict[str, Any]:
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute(_AS_SUPABASE)
            call = f"SELECT {self.function}($1)"  # a name that tests give
            return _checked(await connection.fetchval(call, event))


def _asks_to_come_back(answer: httpx.Response) -> bool:
    busy = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
    return answer.status_code in busy and "retry-after" in answer.headers


def _read(answer: httpx.Response) -> dict[str, Any]:
    if answer.status_code == HTTPStatus.NO_CONTENT:
        return {}
    if answer.status_code not in {HTTPStatus.OK, HTTPStatus.ACCEPTED}:
        message = f"Unexpected status code returned from hook: {answer.status_code}"
        raise AuthError(Failure.UNEXPECTED_FAILURE, message)
    content_type = answer.headers.get("content-type", "").partition(";")[0].strip()
    if content_type != "application/json":
        raise AuthError(Failure.HOOK_PAYLOAD_INVALID_CONTENT_TYPE)
    if len(answer.content) > _MAX_BYTES:
        raise AuthError(Failure.HOOK_PAYLOAD_OVER_SIZE_LIMIT)
    try:
        return _checked(answer.json())
    except ValueError as error:
        message = "Error unmarshaling JSON output."
        raise AuthError(Failure.UNEXPECTED_FAILURE, message) from error


def _checked(answer: dict[str, Any]) -> dict[str, Any]:
    """Raise what the hook calls an error: with its status, and a code that says nothing."""
    error = answer.get("error") or {}
    if message := error.get("message"):
        status = HTTPStatus(error.get("http_code") or HTTPStatus.INTERNAL_SERVER_ERROR)
        raise AuthError(Failure.UNKNOWN, message, status=status)
    return answer
