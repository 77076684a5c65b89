import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from app.core.errors import NotFoundError
from app.core.pagination import PageRequest
from app.domain.actor import Permission
from app.models.study.enrollment import EnrollmentStatus
from app.repositories.people.visibility import Scope, Whose
from app.repositories.study.enrollment import ENROLLMENT_ORDERS, EnrollmentFilter
from app.routers.deps import AnyOf, App, Guard, IfMatch, IfNoneMatch, paged
from app.routers.refusals import refusals
from app.routers.respond import content_of, json_of, respond
from app.routers.strict_json import StrictRoute
from app.schemas.base import ListOf
from app.schemas.content.content import Content
from app.schemas.study.assignment import BulkEnroll, BulkResult
from app.schemas.study.enrollment import (
    Acknowledge,
    Acknowledged,
    EnrollmentCreate,
    EnrollmentDetail,
    EnrollmentRead,
    EnrollmentUpdate,
    ProgressRead,
    ProgressReport,
)
from app.schemas.study.signature import SignatureRead
from app.services.base import EntryMergedError
from app.services.context import RequestContext
from app.services.study.enrollment_errors import (
    AssignedError,
    AttendanceRequiredError,
    EnrollmentClosedError,
    NoNewerVersionError,
    NotAnAcknowledgementError,
    OwnEnrollmentError,
    PrerequisiteMissingError,
    QuizDecidesError,
    RuleDecidesError,
    SignatureRequiredError,
)
from app.services.study.signature import NotYourNameError

router = APIRouter(prefix="/enrollments", tags=["enrollments"], route_class=StrictRoute)

EnrollmentPage = Annotated[PageRequest, paged(ENROLLMENT_ORDERS)]
Learner = Annotated[RequestContext, Depends(Guard(Permission.LEARN))]
Reader = Annotated[RequestContext, Depends(Guard(Permission.ENROLLMENTS_READ))]
Assigner = Annotated[RequestContext, Depends(Guard(Permission.ENROLLMENTS_ASSIGN))]


@router.post(
    "",
    response_model=EnrollmentRead,
    status_code=201,
    responses={
        200: {"model": EnrollmentRead, "description": "The enrollment that was open"},
        **refusals(EntryMergedError, NotFoundError("module"), PrerequisiteMissingError),
    },
)
async def enroll(payload: EnrollmentCreate, context: Learner, app: App) -> Response:
    """Enroll myself: 201 the first time, 200 with the same enrollment while it is open."""
    return await respond(app.enrollments(context).enroll(payload), "/enrollments/{id}")


@router.post(
    "/bulk",
    response_model=BulkResult,
    responses=refusals(EntryMergedError, NotFoundError("module")),
)
async def enroll_many(payload: BulkEnroll, context: Assigner, app: App) -> Response:
    """Assign a module to people by id or by filter, with one due day. Nobody is enrolled twice."""
    return await respond(app.assignments(context).assign(payload))


@router.get("", response_model=ListOf[EnrollmentRead])
async def list_enrollments(
    context: Reader,
    app: App,
    page: EnrollmentPage,
    status: AnyOf[EnrollmentStatus],
    module_id: AnyOf[uuid.UUID],
    user_id: AnyOf[uuid.UUID],
    overdue: AnyOf[bool],
    scope: Scope | None = None,
) -> Response:
    """List my enrollments, those of my team, or of all people I may see, newest first."""
    whose = Whose(tuple(user_id), scope)
    filters = EnrollmentFilter(whose, tuple(status), tuple(module_id), tuple(overdue))
    return json_of(await app.enrollments(context).list(filters, page))


@router.get("/{enrollment_id:uuid}", response_model=EnrollmentDetail)
async def read_enrollment(enrollment_id: uuid.UUID, context: Reader, app: App) -> Response:
    """Read an enrollment with the state of each section."""
    return await respond(app.enrollments(context).get(enrollment_id))


@router.patch(
    "/{enrollment_id:uuid}",
    response_model=EnrollmentDetail,
    responses=refusals(EnrollmentClosedError, OwnEnrollmentError, RuleDecidesError),
)
async def update_enrollment(
    enrollment_id: uuid.UUID,
    payload: EnrollmentUpdate,
    context: Assigner,
    if_match: IfMatch,
    app: App,
) -> Response:
    """Set or take away the due date of an open enrollment of somebody I manage.

    One that somebody chose becomes an assigned one. The dates of requirements cannot be changed
    here: 409 `rule_decides`.
    """
    return await respond(app.enrollments(context).update(enrollment_id, payload, if_match))


_SUPERSEDED: dict[str, object] = {
    "X-Superseded-By": {
        "description": "The module's current version, where it has changed materially since",
        "schema": {"type": "integer"},
    }
}


@router.get(
    "/{enrollment_id:uuid}/content",
    response_model=Content,
    responses={200: {"headers": _SUPERSEDED}},
)
async def read_content(
    enrollment_id: uuid.UUID, context: Learner, app: App, known: IfNoneMatch
) -> Response:
    """Read the content of the enrollment's version. It never changes, and it has no answers.

    `X-Superseded-By` names the current version, if the module has changed materially since.
    """
    return content_of(await app.enrollments(context).content(enrollment_id, known))


@router.put(
    "/{enrollment_id:uuid}/sections/{section_id:uuid}/progress",
    response_model=ProgressRead,
    responses=refusals(
        EnrollmentClosedError, QuizDecidesError, SignatureRequiredError, AttendanceRequiredError
    ),
)
async def report_progress(
    enrollment_id: uuid.UUID,
    section_id: uuid.UUID,
    payload: ProgressReport,
    context: Learner,
    app: App,
) -> Response:
    """Report progress. It never moves backward, so a report may be repeated."""
    service = app.enrollments(context)
    return json_of(await service.report_progress(enrollment_id, section_id, payload))


@router.post(
    "/{enrollment_id:uuid}/sections/{section_id:uuid}/acknowledge",
    response_model=Acknowledged,
    responses=refusals(EnrollmentClosedError, NotAnAcknowledgementError, NotYourNameError),
)
async def acknowledge(
    enrollment_id: uuid.UUID,
    section_id: uuid.UUID,
    payload: Acknowledge,
    context: Learner,
    app: App,
) -> Response:
    """Sign an acknowledgement section: a printed name over the hash of what was shown."""
    service = app.enrollments(context)
    return await respond(service.acknowledge(enrollment_id, section_id, payload))


@router.get("/{enrollment_id:uuid}/signatures", response_model=ListOf[SignatureRead])
async def list_signatures(enrollment_id: uuid.UUID, context: Reader, app: App) -> Response:
    """List all signatures of the enrollment, with the printed names and the signers."""
    return json_of(await app.enrollments(context).signatures(enrollment_id))


@router.post(
    "/{enrollment_id:uuid}/withdraw",
    response_model=EnrollmentRead,
    responses=refusals(AssignedError, EnrollmentClosedError),
)
async def withdraw(enrollment_id: uuid.UUID, context: Reader, app: App) -> Response:
    """Withdraw an open enrollment: one's own if it was chosen, or that of somebody I manage."""
    return await respond(app.enrollments(context).withdraw(enrollment_id))


@router.post(
    "/{enrollment_id:uuid}/move",
    response_model=EnrollmentDetail,
    status_code=201,
    responses=refusals(EnrollmentClosedError, NoNewerVersionError),
)
async def move_enrollment(enrollment_id: uuid.UUID, context: Learner, app: App) -> Response:
    """Go on in the version that `superseded_by` names, in a new enrollment with the same due day.

    Sections that are unchanged, and that reports or classes complete, keep their progress. Quizzes
    and signatures are asked for again, and attempts are counted anew. This enrollment is withdrawn.
    Where nothing has changed materially there is nothing to move to: 409 `no_newer_version`.
    """
    return await respond(app.enrollments(context).move(enrollment_id), "/enrollments/{id}")
