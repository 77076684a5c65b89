import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from app.core.pagination import PageRequest
from app.domain.actor import Permission
from app.repositories.people.job_title import JOB_TITLE_ORDERS
from app.routers.deps import AnyOf, App, Guard, IfMatch, paged
from app.routers.refusals import refusals
from app.routers.respond import json_of, respond
from app.routers.strict_json import StrictRoute
from app.schemas.base import ListOf
from app.schemas.people.word import JobTitleRead, WordCreate, WordMerge, WordUpdate
from app.services.compliance.own_duty import OwnDutyError
from app.services.context import RequestContext
from app.services.people.word import WordInUseError, WordTakenError

router = APIRouter(prefix="/job-titles", tags=["organisation"], route_class=StrictRoute)

Reader = Annotated[RequestContext, Depends(Guard(Permission.ORGANISATION_READ))]
JobTitlePage = Annotated[PageRequest, paged(JOB_TITLE_ORDERS)]
Admin = Annotated[RequestContext, Depends(Guard(Permission.ORGANISATION_WRITE))]


@router.get("", response_model=ListOf[JobTitleRead])
async def list_job_titles(
    context: Reader, app: App, page: JobTitlePage, confirmed: AnyOf[bool]
) -> Response:
    """List the job titles by name, with the other names that each may be entered by."""
    return json_of(await app.job_titles(context).list(page, confirmed=confirmed))


@router.post("", response_model=JobTitleRead, status_code=201, responses=refusals(WordTakenError))
async def create_job_title(payload: WordCreate, context: Admin, app: App) -> Response:
    """List a job title."""
    return await respond(app.job_titles(context).create(payload), "/job-titles/{id}")


@router.get("/{job_title_id}", response_model=JobTitleRead)
async def read_job_title(job_title_id: uuid.UUID, context: Reader, app: App) -> Response:
    """Read a job title, with the ETag to change it by."""
    return await respond(app.job_titles(context).get(job_title_id))


@router.patch(
    "/{job_title_id}",
    response_model=JobTitleRead,
    responses=refusals(OwnDutyError, WordInUseError, WordTakenError),
)
async def update_job_title(
    job_title_id: uuid.UUID, payload: WordUpdate, context: Admin, if_match: IfMatch, app: App
) -> Response:
    """Rename a job title, change its aliases, or confirm one that somebody added by using it."""
    return await respond(app.job_titles(context).update(job_title_id, payload, if_match))


@router.post("/{job_title_id}/merge", response_model=JobTitleRead, responses=refusals(OwnDutyError))
async def merge_job_title(
    job_title_id: uuid.UUID, payload: WordMerge, context: Admin, app: App
) -> Response:
    """Let a job title become an alias of another. People and rules that have it have that one."""
    return await respond(app.job_titles(context).merge(job_title_id, payload))
