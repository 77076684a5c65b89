import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from app.core.pagination import PageRequest
from app.domain.actor import Permission
from app.repositories.study.attempt import ATTEMPT_ORDERS
from app.routers.deps import App, Guard, paged
from app.routers.refusals import refusals
from app.routers.respond import json_of, respond
from app.routers.strict_json import StrictRoute
from app.schemas.answers import AnswersPayload
from app.schemas.base import ListOf
from app.schemas.study.attempt import (
    AnswersSaved,
    AttemptByState,
    AttemptOpen,
    AttemptRead,
    AttemptResultRead,
)
from app.services.context import RequestContext
from app.services.study.attempt_errors import (
    AlreadyPassedError,
    AttemptClosedError,
    AttemptStartedError,
    CoolingDownError,
    InvalidAnswersError,
    NoAttemptsLeftError,
    NotAQuizSectionError,
)
from app.services.study.enrollment_errors import EnrollmentClosedError

router = APIRouter(tags=["attempts"], route_class=StrictRoute)

AttemptPage = Annotated[PageRequest, paged(ATTEMPT_ORDERS)]
Learner = Annotated[RequestContext, Depends(Guard(Permission.LEARN))]
Reader = Annotated[RequestContext, Depends(Guard(Permission.ENROLLMENTS_READ))]
QUIZ = "/enrollments/{enrollment_id}/sections/{section_id}/attempts"


@router.post(
    QUIZ,
    response_model=AttemptOpen,
    status_code=201,
    responses={
        200: {"model": AttemptOpen, "description": "The attempt that was open"},
        **refusals(
            AlreadyPassedError,
            CoolingDownError,
            EnrollmentClosedError,
            NoAttemptsLeftError,
            NotAQuizSectionError,
            AttemptStartedError,
        ),
    },
)
async def start_attempt(
    enrollment_id: uuid.UUID, section_id: uuid.UUID, context: Learner, app: App
) -> Response:
    """Start an attempt: 201 for a new one, 200 for one that is already open, perhaps elsewhere."""
    started = app.attempts(context).start(enrollment_id, section_id)
    return await respond(started, "/attempts/{id}")


@router.get(QUIZ, response_model=ListOf[AttemptRead])
async def list_attempts(
    enrollment_id: uuid.UUID, section_id: uuid.UUID, context: Reader, app: App, page: AttemptPage
) -> Response:
    """List the attempts at a quiz, the first one first. Results are null while one is open."""
    return json_of(await app.attempts(context).list(enrollment_id, section_id, page))


@router.get("/attempts/{attempt_id}", response_model=AttemptByState)
async def read_attempt(attempt_id: uuid.UUID, context: Reader, app: App) -> Response:
    """Read my attempt with its questions and answers, or the result of somebody I manage."""
    return await respond(app.attempts(context).get(attempt_id))


@router.put(
    "/attempts/{attempt_id}/answers",
    response_model=AnswersSaved,
    responses=refusals(AttemptClosedError, EnrollmentClosedError, InvalidAnswersError),
)
async def save_answers(
    attempt_id: uuid.UUID, payload: AnswersPayload, context: Learner, app: App
) -> Response:
    """Save any subset of the answers; null clears one. If one is malformed, none is saved."""
    return json_of(await app.attempts(context).save(attempt_id, payload))


@router.post(
    "/attempts/{attempt_id}/submit",
    response_model=AttemptResultRead,
    responses=refusals(EnrollmentClosedError, InvalidAnswersError),
)
async def submit_attempt(
    attempt_id: uuid.UUID, context: Learner, app: App, payload: AnswersPayload | None = None
) -> Response:
    """Submit for grading, with last answers if any; submitting again gives the same result."""
    return await respond(app.attempts(context).submit(attempt_id, payload or AnswersPayload()))
