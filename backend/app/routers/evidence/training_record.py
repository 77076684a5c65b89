import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from app.core.pagination import PageRequest
from app.domain.actor import Permission
from app.repositories.evidence.training_record import RECORD_ORDERS
from app.repositories.people.visibility import Scope, Whose
from app.routers.deps import AnyOf, App, Guard, paged
from app.routers.respond import json_of, respond
from app.routers.strict_json import StrictRoute
from app.schemas.base import ListOf
from app.schemas.evidence.training_record import TrainingRecordDetail, TrainingRecordRead
from app.services.context import RequestContext

router = APIRouter(prefix="/training-records", tags=["training records"], route_class=StrictRoute)

Reader = Annotated[RequestContext, Depends(Guard(Permission.RECORDS_READ, admits_leavers=True))]
"""People who left are admitted too, but see only their own records."""

RecordPage = Annotated[PageRequest, paged(RECORD_ORDERS)]


@router.get("", response_model=ListOf[TrainingRecordRead])
async def list_training_records(
    context: Reader,
    app: App,
    page: RecordPage,
    module_id: AnyOf[uuid.UUID],
    user_id: AnyOf[uuid.UUID],
    scope: Scope | None = None,
) -> Response:
    """List my training records, those of my team, or of all people I may see, newest first."""
    service = app.training_records(context)
    whose = Whose(tuple(user_id), scope)
    return json_of(await service.list(page, whose=whose, module_ids=module_id))


@router.get("/{record_id:uuid}", response_model=TrainingRecordDetail)
async def read_training_record(record_id: uuid.UUID, context: Reader, app: App) -> Response:
    """Read a training record with all that its hash covers."""
    return await respond(app.training_records(context).get(record_id))
