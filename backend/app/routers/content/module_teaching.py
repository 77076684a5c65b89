import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from app.domain.actor import Permission
from app.routers.deps import App, Guard, IfMatch
from app.routers.respond import respond
from app.routers.strict_json import StrictRoute
from app.schemas.content.module_teaching import ModuleTeachingRead, ModuleTeachingReplace
from app.services.context import RequestContext

router = APIRouter(
    prefix="/modules/{module_id}/teaching", tags=["authoring"], route_class=StrictRoute
)

Author = Annotated[RequestContext, Depends(Guard(Permission.MODULES_WRITE))]


@router.get("", response_model=ModuleTeachingRead)
async def read_module_teaching(module_id: uuid.UUID, context: Author, app: App) -> Response:
    """Read the contact for questions and the CE hours; there is an ETag before either is set."""
    return await respond(app.module_teachings(context).get(module_id))


@router.put("", response_model=ModuleTeachingRead)
async def set_module_teaching(
    module_id: uuid.UUID,
    payload: ModuleTeachingReplace,
    context: Author,
    if_match: IfMatch,
    app: App,
) -> Response:
    """Set who answers questions about a module, its CE hours and its retention class."""
    return await respond(app.module_teachings(context).put(module_id, payload, if_match))
