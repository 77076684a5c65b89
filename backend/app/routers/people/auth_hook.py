"""Called by Supabase Auth, which signs instead of signing in. Not a part of the public contract."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from starlette.exceptions import HTTPException

from app.routers.deps import App
from app.routers.respond import JSON

MAX_BYTES = 64 * 1024
"""An account that is about to be made takes one or two kilobytes."""

router = APIRouter(prefix="/hooks/auth", tags=["hooks"], include_in_schema=False)


class Signed:
    """Reads a small body, whole, for a service that verifies its signature first of all.

    The contract tests know it: a route has a permission, is public, or is signed.
    """

    async def __call__(self, request: Request) -> bytes:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BYTES:
                raise HTTPException(413)
        return body


SignedBody = Annotated[bytes, Depends(Signed())]


@router.post("/before-user-created")
async def before_user_created(request: Request, body: SignedBody, app: App) -> Response:
    """200 in both cases: Supabase reads the body of no other answer."""
    answer = app.auth_hooks().before_user_created(body, request.headers)
    return Response(answer.model_dump_json(exclude_none=True), media_type=JSON)
