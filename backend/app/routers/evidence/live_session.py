import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from app.core.errors import NotFoundError
from app.core.pagination import PageRequest
from app.domain.actor import Permission
from app.models.evidence.live_session import SessionStatus
from app.repositories.evidence.live_session import SESSION_ORDERS, LiveSessionFilter
from app.routers.deps import AnyOf, App, Guard, IfMatch, paged
from app.routers.refusals import refusals
from app.routers.respond import json_of, respond
from app.routers.strict_json import StrictRoute
from app.schemas.base import ListOf
from app.schemas.evidence.live_session import (
    AttendanceMarks,
    LiveSessionClosed,
    LiveSessionCreate,
    LiveSessionDetail,
    LiveSessionRead,
    LiveSessionUpdate,
    Registration,
    SessionQuestionCreate,
    SessionQuestionRead,
)
from app.services.context import RequestContext
from app.services.evidence.live_session.service import (
    OwnAttendanceError,
    SessionNotOverError,
    SessionSettledError,
)

router = APIRouter(prefix="/live-sessions", tags=["live sessions"], route_class=StrictRoute)

SessionPage = Annotated[PageRequest, paged(SESSION_ORDERS)]
Reader = Annotated[RequestContext, Depends(Guard(Permission.CATALOGUE_READ))]
Organiser = Annotated[RequestContext, Depends(Guard(Permission.SESSIONS_WRITE))]
Teacher = Annotated[RequestContext, Depends(Guard(Permission.SESSIONS_TEACH))]


@router.get("", response_model=ListOf[LiveSessionRead])
async def list_live_sessions(
    context: Reader,
    app: App,
    page: SessionPage,
    module_id: AnyOf[uuid.UUID],
    status: AnyOf[SessionStatus],
) -> Response:
    """List sessions that I teach or attend; as a manager also those of my people and of admins."""
    filters = LiveSessionFilter(tuple(module_id), tuple(status))
    return json_of(await app.live_sessions(context).list(filters, page))


@router.post("", response_model=LiveSessionDetail, status_code=201)
async def create_live_session(payload: LiveSessionCreate, context: Organiser, app: App) -> Response:
    """Plan a live session for a live section of a published module."""
    return await respond(app.live_sessions(context).create(payload), "/live-sessions/{id}")


@router.get("/{session_id}", response_model=LiveSessionDetail)
async def read_live_session(session_id: uuid.UUID, context: Reader, app: App) -> Response:
    """Read a session, with as much of its roster as I may see."""
    return await respond(app.live_sessions(context).get(session_id))


@router.patch(
    "/{session_id}", response_model=LiveSessionDetail, responses=refusals(SessionSettledError)
)
async def update_live_session(
    session_id: uuid.UUID,
    payload: LiveSessionUpdate,
    context: Organiser,
    if_match: IfMatch,
    app: App,
) -> Response:
    """Change a session that is not closed."""
    return await respond(app.live_sessions(context).update(session_id, payload, if_match))


@router.post(
    "/{session_id}/cancel",
    response_model=LiveSessionDetail,
    responses=refusals(SessionSettledError),
)
async def cancel_live_session(session_id: uuid.UUID, context: Organiser, app: App) -> Response:
    """Cancel a session that is not closed."""
    return await respond(app.live_sessions(context).cancel(session_id))


@router.post(
    "/{session_id}/roster",
    response_model=LiveSessionDetail,
    responses=refusals(SessionSettledError),
)
async def register_attendees(
    session_id: uuid.UUID, payload: Registration, context: Organiser, app: App
) -> Response:
    """Put people whom I manage on the roster."""
    return await respond(app.live_sessions(context).register(session_id, payload))


@router.delete(
    "/{session_id}/roster/{user_id}",
    status_code=204,
    responses=refusals(NotFoundError("attendance"), SessionSettledError),
)
async def unregister_attendee(
    session_id: uuid.UUID, user_id: uuid.UUID, context: Organiser, app: App
) -> None:
    """Take somebody off the roster before the session is closed."""
    await app.live_sessions(context).unregister(session_id, user_id)


@router.put(
    "/{session_id}/attendance",
    response_model=LiveSessionDetail,
    responses=refusals(OwnAttendanceError, SessionSettledError),
)
async def mark_attendance(
    session_id: uuid.UUID, payload: AttendanceMarks, context: Teacher, app: App
) -> Response:
    """Mark who attended, as instructor, manager or admin. May be repeated until it is closed."""
    return await respond(app.live_sessions(context).mark(session_id, payload))


@router.post(
    "/{session_id}/questions",
    response_model=SessionQuestionRead,
    status_code=201,
    responses=refusals(SessionSettledError),
)
async def record_question(
    session_id: uuid.UUID, payload: SessionQuestionCreate, context: Teacher, app: App
) -> Response:
    """Record a question that was asked and its answer."""
    recorded = app.live_sessions(context).record_question(session_id, payload)
    return await respond(recorded, f"/live-sessions/{session_id}")


@router.post(
    "/{session_id}/close",
    response_model=LiveSessionClosed,
    responses=refusals(SessionNotOverError, SessionSettledError),
)
async def close_live_session(session_id: uuid.UUID, context: Teacher, app: App) -> Response:
    """Freeze the roster and complete the attendees' live section."""
    return await respond(app.live_sessions(context).close(session_id))
