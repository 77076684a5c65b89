import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from app.core.pagination import PageRequest
from app.domain.actor import Permission
from app.repositories.study.correction import CORRECTION_ORDERS
from app.routers.deps import App, Guard, paged
from app.routers.refusals import refusals
from app.routers.respond import json_of, respond
from app.routers.strict_json import StrictRoute
from app.schemas.base import ListOf
from app.schemas.study.correction import CorrectionCreate, CorrectionRead, CorrectionReport
from app.services.context import RequestContext
from app.services.study.correction import SecondPersonRequiredError

router = APIRouter(
    prefix="/modules/{module_id}/versions/{number}/corrections",
    tags=["modules"],
    route_class=StrictRoute,
)

CorrectionPage = Annotated[PageRequest, paged(CORRECTION_ORDERS)]
Author = Annotated[RequestContext, Depends(Guard(Permission.MODULES_WRITE))]
Number = Annotated[int, Path(ge=1, le=2_147_483_647)]


@router.post(
    "",
    response_model=CorrectionReport,
    status_code=201,
    responses={
        200: {"model": CorrectionReport, "description": "What it would change"},
        **refusals(SecondPersonRequiredError),
    },
)
async def correct(
    module_id: uuid.UUID,
    number: Number,
    payload: CorrectionCreate,
    context: Author,
    app: App,
    dry_run: Annotated[bool, Query()] = False,  # noqa: FBT002  # a query parameter
) -> Response:
    """Correct a published key and regrade. With `dry_run` it answers 200 and writes nothing."""
    service = app.corrections(context)
    if dry_run:
        return await respond(service.preview(module_id, number, payload))
    corrections = f"/modules/{module_id}/versions/{number}/corrections"
    return await respond(service.apply(module_id, number, payload), corrections)


@router.get("", response_model=ListOf[CorrectionRead])
async def list_corrections(
    module_id: uuid.UUID, number: Number, context: Author, app: App, page: CorrectionPage
) -> Response:
    """List how the answer key of a version was corrected, the oldest correction first."""
    return json_of(await app.corrections(context).list(module_id, number, page))
