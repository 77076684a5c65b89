import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from app.core.pagination import PageRequest
from app.domain.actor import Permission
from app.repositories.study.attempt_grant import USED_UP_ORDERS, UsedUpFilter
from app.routers.deps import AnyOf, App, Guard, paged
from app.routers.refusals import refusals
from app.routers.respond import json_of, respond
from app.routers.strict_json import StrictRoute
from app.schemas.base import ListOf
from app.schemas.study.attempt_grant import AttemptGrantCreate, AttemptGrantRead, UsedUpRead
from app.services.context import RequestContext
from app.services.study.attempt_errors import AlreadyPassedError, NotAQuizSectionError
from app.services.study.attempt_grant import AttemptsLeftError, OwnAttemptsError
from app.services.study.enrollment_errors import EnrollmentClosedError

router = APIRouter(tags=["attempts"], route_class=StrictRoute)

UsedUpPage = Annotated[PageRequest, paged(USED_UP_ORDERS)]
Reader = Annotated[RequestContext, Depends(Guard(Permission.ENROLLMENTS_READ))]
Assigner = Annotated[RequestContext, Depends(Guard(Permission.ENROLLMENTS_ASSIGN))]


@router.post(
    "/enrollments/{enrollment_id}/sections/{section_id}/attempt-grants",
    response_model=AttemptGrantRead,
    status_code=201,
    responses=refusals(
        AlreadyPassedError,
        AttemptsLeftError,
        EnrollmentClosedError,
        NotAQuizSectionError,
        OwnAttemptsError,
    ),
)
async def grant_attempt(
    enrollment_id: uuid.UUID,
    section_id: uuid.UUID,
    payload: AttemptGrantCreate,
    context: Assigner,
    app: App,
) -> Response:
    """Give somebody one more attempt at a quiz, once all of theirs are used."""
    granted = app.attempt_grants(context).grant(enrollment_id, section_id, payload)
    return await respond(granted, "/attempt-grants/{id}")


@router.get("/attempt-grants/{grant_id:uuid}", response_model=AttemptGrantRead)
async def read_attempt_grant(grant_id: uuid.UUID, context: Reader, app: App) -> Response:
    """Read who granted an attempt, and why."""
    return await respond(app.attempt_grants(context).get(grant_id))


@router.get("/used-up-attempts", response_model=ListOf[UsedUpRead])
async def list_used_up_attempts(
    context: Assigner,
    app: App,
    page: UsedUpPage,
    user_id: AnyOf[uuid.UUID],
    module_id: AnyOf[uuid.UUID],
) -> Response:
    """List the open quizzes that people I may see cannot try again unless an attempt is granted."""
    filters = UsedUpFilter(tuple(user_id), tuple(module_id))
    return json_of(await app.attempt_grants(context).used_up(filters, page))
