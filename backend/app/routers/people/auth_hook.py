"""Routes that Supabase Auth calls, with a signature in place of a token. They are not public."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from starlette.exceptions import HTTPException

from app.core.errors import InvalidPayloadError
from app.integrations.auth_hook import HookSignatureError
from app.routers.deps import App
from app.routers.refusals import refusals
from app.routers.respond import JSON
from app.services.people.auth_hook import HookNotConfiguredError

MAX_BYTES = 64 * 1024
"""Supabase sends one or two kilobytes for an account."""

router = APIRouter(prefix="/hooks/auth", tags=["hooks"], include_in_schema=False)


class Signed:
    """Reads a small body whole. The service verifies its signature before it uses the body.

    A contract test requires every route to have a permission, to be public, or to have this.
    """

    async def __call__(self, request: Request) -> bytes:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BYTES:
                raise HTTPException(413)
        return body


SignedBody = Annotated[bytes, Depends(Signed())]


@router.post(
    "/before-user-created",
    responses=refusals(HookNotConfiguredError, HookSignatureError, InvalidPayloadError),
)
async def before_user_created(request: Request, body: SignedBody, app: App) -> Response:
    """Answer 200 to a refusal as well, because Supabase reads the body only of a 200."""
    answer = app.auth_hooks().before_user_created(body, request.headers)
    return Response(answer.model_dump_json(exclude_none=True), media_type=JSON)
