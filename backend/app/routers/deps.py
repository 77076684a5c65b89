"""What routes ask for by type: the services, the caller with a permission, pages, If-Match."""

import hashlib
import uuid
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final, TypeVar

from fastapi import Depends, Header, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import GetCoreSchemaHandler, StringConstraints, WithJsonSchema
from pydantic_core import core_schema

from app.core.concurrency import Precondition
from app.core.errors import ForbiddenError, NotAuthenticatedError
from app.core.pagination import DEFAULT_LIMIT, MAX_LIMIT, PageRequest
from app.domain.actor import Permission
from app.domain.fields import StorableText
from app.repositories.base import Orders
from app.routers.strict_json import StrictRequest
from app.services.base import MfaRequiredError
from app.services.context import IdempotencyRequest, RequestContext
from app.services.factories import Services

MAX_KEY_LENGTH = 255
MFA_LEVEL = "aal2"
READS = frozenset({"GET", "HEAD"})
PRINTABLE = r"^[\x20-\x7e]+$"
PERSON: Final = "user_id"
ME: Final = "me"
_bearer = HTTPBearer(auto_error=False, description="A Supabase access token")


def services(request: Request) -> Services:
    found: Services = request.app.state.container
    return found


async def _services(request: Request) -> Services:
    # A coroutine although it awaits nothing, because FastAPI runs plain functions on a thread.
    return services(request)


App = Annotated[Services, Depends(_services)]


class Guard:
    """Lets callers with `permission` through, as a RequestContext. Every route has one.

    Raises 401 without a valid token, and 403 for leavers and for missing permissions. Leavers are
    admitted only by routes that read what may be their own.
    """

    def __init__(self, permission: Permission, *, admits_leavers: bool = False) -> None:
        self.permission = permission
        self.admits_leavers = admits_leavers

    async def __call__(
        self,
        request: Request,
        credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
        idempotency_key: Annotated[
            str | None,
            Header(alias="Idempotency-Key", max_length=MAX_KEY_LENGTH, pattern=PRINTABLE),
        ] = None,
    ) -> RequestContext:
        if credentials is None:
            raise NotAuthenticatedError
        app = services(request)
        claims = await app.verifier.verify(credentials.credentials)
        actor = await app.sync.actor(
            claims, request.state.request_id, admit_leavers=self.admits_leavers
        )
        if not actor.may(self.permission):
            raise ForbiddenError
        wanted = app.settings.admin_writes_require_aal2 and request.method not in READS
        lacks_mfa = wanted and actor.sees_everybody and claims.assurance_level != MFA_LEVEL
        if lacks_mfa and actor.administers_by(self.permission):
            raise MfaRequiredError
        if request.path_params.get(PERSON) == ME:
            # FastAPI reads the parameters of the path after it has called the guard.
            request.path_params[PERSON] = str(actor.id)
        if isinstance(request, StrictRequest):
            request.refuse_query()
            await request.refuse_fields()
        return RequestContext(
            actor,
            request.state.request_id,
            await _idempotency(request, idempotency_key),
            lacks_second_factor=lacks_mfa,
        )


async def _idempotency(request: Request, key: str | None) -> IdempotencyRequest | None:
    if key is None or request.method != "POST":
        return None
    seen = hashlib.sha256(f"{request.method} {request.url.path}?{request.url.query}\n".encode())
    seen.update(await request.body())
    return IdempotencyRequest(key, seen.hexdigest())


async def _page(
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query(max_length=1000)] = None,
    include_total: Annotated[bool, Query()] = False,  # noqa: FBT002  # a query parameter
) -> PageRequest:
    return PageRequest(limit, cursor, include_total)


async def _if_match(
    if_match: Annotated[str | None, Header(alias="If-Match")] = None,
) -> Precondition:
    return Precondition.parse(if_match)


def repeated(alias: str | None = None, description: str | None = None) -> Any:  # noqa: ANN401  # as FastAPI's Query
    """Read a filter that may be repeated, and means any of its values; all without one."""
    return Query(default_factory=list, max_length=MAX_LIMIT, alias=alias, description=description)


T = TypeVar("T")
AnyOf = Annotated[list[T], repeated()]

PersonId = Annotated[
    uuid.UUID,
    WithJsonSchema({"anyOf": [{"type": "string", "format": "uuid"}, {"const": ME}]}),
]
"""The `user_id` of a path: `me` is the caller, whom the guard puts in."""


@dataclass(frozen=True, slots=True)
class _OneOf:
    """Accepts these texts alone."""

    texts: tuple[str, ...]

    def __get_pydantic_core_schema__(
        self, _source: object, _handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.literal_schema(list(self.texts))


def paged(orders: Orders) -> Any:  # noqa: ANN401  # as FastAPI's Depends
    """Read which page of a list is asked for, and in which of its orders."""
    usual = orders.names[0]

    # A coroutine, as `_services` is.
    async def page(
        asked: Annotated[PageRequest, Depends(_page)],
        sort: Annotated[str, _OneOf(orders.names)] = usual,
    ) -> PageRequest:
        # Whoever asks for the usual order asks for nothing special.
        return asked if sort == usual else replace(asked, sort=sort)

    return Depends(page)


PageQuery = Annotated[PageRequest, Depends(_page)]
"""The page of a list that has but one order."""

IfMatch = Annotated[Precondition, Depends(_if_match)]
QueryText = Annotated[StorableText, StringConstraints(min_length=1, max_length=200)]


async def _if_none_match(
    if_none_match: Annotated[str | None, Header(alias="If-None-Match")] = None,
) -> frozenset[str]:
    return etags_of(if_none_match or "")


def etags_of(if_none_match: str) -> frozenset[str]:
    """Return the ETags that the client holds, compared weakly (RFC 9110, 13.1.2)."""
    sent = if_none_match.split(",")
    return frozenset(etag.strip().removeprefix("W/") for etag in sent if etag.strip())


IfNoneMatch = Annotated[frozenset[str], Depends(_if_none_match)]
