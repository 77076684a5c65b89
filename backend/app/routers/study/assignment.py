import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from app.core.pagination import PageRequest
from app.domain.actor import Permission
from app.domain.study.enrollment import AssignmentState
from app.repositories.study.assignment_report import AssignmentFilter
from app.repositories.study.enrollment import ENROLLMENT_ORDERS
from app.routers.deps import AnyOf, App, Guard, QueryText, paged
from app.routers.respond import json_of, respond
from app.routers.strict_json import StrictRoute
from app.schemas.base import ListOf
from app.schemas.study.assignment import AssignmentCountsRead, AssignmentRead, Reverted
from app.services.context import RequestContext

router = APIRouter(prefix="/assignments", tags=["enrollments"], route_class=StrictRoute)
reports = APIRouter(prefix="/reports/assignments", tags=["reports"], route_class=StrictRoute)

Assigner = Annotated[RequestContext, Depends(Guard(Permission.ENROLLMENTS_ASSIGN))]
Reader = Annotated[RequestContext, Depends(Guard(Permission.REPORTS_READ))]
AssignmentPage = Annotated[PageRequest, paged(ENROLLMENT_ORDERS)]


async def _filters(
    module_id: AnyOf[uuid.UUID],
    assigned_by: AnyOf[uuid.UUID],
    location_id: AnyOf[uuid.UUID],
    department: AnyOf[QueryText],
    status: AnyOf[AssignmentState],
) -> AssignmentFilter:
    return AssignmentFilter(
        tuple(module_id), tuple(assigned_by), tuple(location_id), tuple(department), tuple(status)
    )


Filters = Annotated[AssignmentFilter, Depends(_filters)]


@reports.get("", response_model=ListOf[AssignmentCountsRead])
async def report_assignments(filters: Filters, context: Reader, app: App) -> Response:
    """Count how far my people are with what was assigned by hand, module by module.

    What a requirement asks for is in `GET /reports/compliance`.
    """
    return json_of(await app.assignments(context).counts(filters))


@reports.get("/people", response_model=ListOf[AssignmentRead])
async def list_assignments(
    filters: Filters, context: Reader, app: App, page: AssignmentPage
) -> Response:
    """List who was assigned what by whom, until when, and whether it is done. Latest first."""
    return json_of(await app.assignments(context).people(filters, page))


@router.post("/{assignment_id}/revert", response_model=Reverted)
async def revert_assignment(assignment_id: uuid.UUID, context: Assigner, app: App) -> Response:
    """Take back a bulk assignment of mine, as far as it is still as it was left.

    What was not begun is withdrawn, what was begun stays without a date, and what was there before
    has its earlier date again. Repeated, it finds nothing more to do.
    """
    return await respond(app.assignments(context).revert(assignment_id))
