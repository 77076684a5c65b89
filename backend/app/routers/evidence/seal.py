from typing import Annotated

from fastapi import APIRouter, Depends, Response

from app.core.pagination import PageRequest
from app.domain.actor import Permission
from app.repositories.evidence.seal import SEAL_ORDERS
from app.routers.deps import App, Guard, paged
from app.routers.respond import json_of
from app.routers.strict_json import StrictRoute
from app.schemas.base import ListOf
from app.schemas.evidence.seal import SealRead
from app.services.context import RequestContext

router = APIRouter(prefix="/seals", tags=["audit"], route_class=StrictRoute)

SealPage = Annotated[PageRequest, paged(SEAL_ORDERS)]
Auditor = Annotated[RequestContext, Depends(Guard(Permission.AUDIT_READ))]


@router.get("", response_model=ListOf[SealRead])
async def list_seals(context: Auditor, app: App, page: SealPage) -> Response:
    """List the seals of the training records, the newest first."""
    return json_of(await app.seals(context).list(page))
