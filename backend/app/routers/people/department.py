import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from app.core.pagination import PageRequest
from app.domain.actor import Permission
from app.repositories.people.department import DEPARTMENT_ORDERS
from app.routers.deps import AnyOf, App, Guard, IfMatch, paged
from app.routers.refusals import refusals
from app.routers.respond import json_of, respond
from app.routers.strict_json import StrictRoute
from app.schemas.base import ListOf
from app.schemas.people.word import DepartmentRead, WordCreate, WordMerge, WordUpdate
from app.services.compliance.own_duty import OwnDutyError
from app.services.context import RequestContext
from app.services.people.word import WordInUseError, WordTakenError

router = APIRouter(prefix="/departments", tags=["organisation"], route_class=StrictRoute)

Reader = Annotated[RequestContext, Depends(Guard(Permission.ORGANISATION_READ))]
DepartmentPage = Annotated[PageRequest, paged(DEPARTMENT_ORDERS)]
Admin = Annotated[RequestContext, Depends(Guard(Permission.ORGANISATION_WRITE))]


@router.get("", response_model=ListOf[DepartmentRead])
async def list_departments(
    context: Reader, app: App, page: DepartmentPage, confirmed: AnyOf[bool]
) -> Response:
    """List the departments by name, with the other names that each may be entered by."""
    return json_of(await app.departments(context).list(page, confirmed=confirmed))


@router.post("", response_model=DepartmentRead, status_code=201, responses=refusals(WordTakenError))
async def create_department(payload: WordCreate, context: Admin, app: App) -> Response:
    """List a department."""
    return await respond(app.departments(context).create(payload), "/departments/{id}")


@router.get("/{department_id}", response_model=DepartmentRead)
async def read_department(department_id: uuid.UUID, context: Reader, app: App) -> Response:
    """Read a department, with the ETag to change it by."""
    return await respond(app.departments(context).get(department_id))


@router.patch(
    "/{department_id}",
    response_model=DepartmentRead,
    responses=refusals(OwnDutyError, WordInUseError, WordTakenError),
)
async def update_department(
    department_id: uuid.UUID, payload: WordUpdate, context: Admin, if_match: IfMatch, app: App
) -> Response:
    """Rename a department, change its aliases, or confirm one that somebody added by using it."""
    return await respond(app.departments(context).update(department_id, payload, if_match))


@router.post(
    "/{department_id}/merge", response_model=DepartmentRead, responses=refusals(OwnDutyError)
)
async def merge_department(
    department_id: uuid.UUID, payload: WordMerge, context: Admin, app: App
) -> Response:
    """Let a department become an alias of another. People and rules that have it have that one."""
    return await respond(app.departments(context).merge(department_id, payload))
