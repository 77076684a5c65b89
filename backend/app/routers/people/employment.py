import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from app.core.pagination import PageRequest
from app.domain.actor import Permission
from app.repositories.people.employment import EMPLOYMENT_ORDERS
from app.routers.deps import App, Guard, PersonId, paged
from app.routers.refusals import refusals
from app.routers.respond import json_of, respond
from app.routers.strict_json import StrictRoute
from app.schemas.base import ListOf
from app.schemas.people.employment import (
    EmploymentRead,
    LeaveCreate,
    MoveRead,
    RehireCreate,
    ReturnCreate,
    TerminationCreate,
    TerminationVoid,
    TransferCreate,
)
from app.services.base import EntryMergedError
from app.services.compliance.own_duty import OwnDutyError
from app.services.context import RequestContext
from app.services.people.employment.errors import (
    LocationDeletedError,
    LongAgoError,
    NotATerminationError,
    NotAtWorkError,
    NotEmployedError,
    NotInForceError,
    NotOnLeaveError,
    OwnLeaveError,
    PersonErasedError,
    StillEmployedError,
)
from app.services.people.user import (
    EmployeeNumberTakenError,
    LastAdminError,
    OwnAccessError,
)

HISTORY = "/users/{user_id}/employment"

router = APIRouter(prefix="/users/{user_id}", tags=["employment"], route_class=StrictRoute)

ChangePage = Annotated[PageRequest, paged(EMPLOYMENT_ORDERS)]
Admin = Annotated[RequestContext, Depends(Guard(Permission.USERS_WRITE))]
Reader = Annotated[RequestContext, Depends(Guard(Permission.EMPLOYMENT_READ))]
Manager = Annotated[RequestContext, Depends(Guard(Permission.LEAVE_RECORD))]


@router.get("/employment", response_model=ListOf[EmploymentRead])
async def list_employment(
    user_id: PersonId, context: Reader, app: App, page: ChangePage
) -> Response:
    """List every change of the employment, as recorded, newest first.

    Notes are for admins and for whoever wrote them.
    """
    return json_of(await app.employment(context).list(user_id, page))


@router.post(
    "/leave",
    response_model=EmploymentRead,
    status_code=201,
    responses=refusals(
        EntryMergedError,
        LongAgoError,
        NotAtWorkError,
        NotEmployedError,
        OwnAccessError,
        OwnLeaveError,
    ),
)
async def leave(user_id: PersonId, payload: LeaveCreate, context: Manager, app: App) -> Response:
    """Record that somebody else goes on leave. Days on leave count for no deadline.

    Leave that began more than 14 days ago is recorded by admins.
    """
    return await respond(
        app.employment(context).leave(user_id, payload), "/users/{user_id}/employment"
    )


@router.post(
    "/return",
    response_model=EmploymentRead,
    status_code=201,
    responses=refusals(
        EntryMergedError, LongAgoError, NotEmployedError, NotOnLeaveError, OwnAccessError
    ),
)
async def come_back(
    user_id: PersonId, payload: ReturnCreate, context: Manager, app: App
) -> Response:
    """Record that somebody comes back from leave."""
    return await respond(
        app.employment(context).come_back(user_id, payload), "/users/{user_id}/employment"
    )


@router.post(
    "/terminate",
    response_model=EmploymentRead,
    status_code=201,
    responses=refusals(EntryMergedError, NotEmployedError, OwnAccessError, LastAdminError),
)
async def terminate(
    user_id: PersonId, payload: TerminationCreate, context: Admin, app: App
) -> Response:
    """Record that somebody leaves, now or on a day to come. Their evidence stays."""
    return await respond(
        app.employment(context).terminate(user_id, payload), "/users/{user_id}/employment"
    )


@router.post(
    "/employment/{change_id}/void",
    response_model=EmploymentRead,
    status_code=201,
    responses=refusals(
        EmployeeNumberTakenError,
        EntryMergedError,
        LocationDeletedError,
        NotATerminationError,
        NotEmployedError,
        NotInForceError,
        OwnAccessError,
        PersonErasedError,
    ),
)
async def void_termination(
    user_id: PersonId, change_id: uuid.UUID, payload: TerminationVoid, context: Admin, app: App
) -> Response:
    """Undo a termination that was a mistake. Compliance is as if it had not been."""
    return await respond(
        app.employment(context).void(user_id, change_id, payload), "/users/{user_id}/employment"
    )


@router.post(
    "/rehire",
    response_model=MoveRead,
    status_code=201,
    responses=refusals(
        EmployeeNumberTakenError,
        EntryMergedError,
        NotEmployedError,
        OwnAccessError,
        StillEmployedError,
    ),
)
async def rehire(user_id: PersonId, payload: RehireCreate, context: Admin, app: App) -> Response:
    """Record that somebody who left is employed again."""
    return await respond(
        app.employment(context).rehire(user_id, payload), "/users/{user_id}/employment"
    )


@router.post(
    "/transfer",
    response_model=MoveRead,
    status_code=201,
    responses=refusals(
        EntryMergedError, NotEmployedError, OwnAccessError, OwnDutyError, LastAdminError
    ),
)
async def transfer(
    user_id: PersonId, payload: TransferCreate, context: Admin, app: App
) -> Response:
    """Record that somebody changes location, department, job title or role from a day on.

    Whoever leaves an office has no manager afterwards, unless `manager_id` names one. The answer
    says which managers see the person from then on, and which no longer do.
    """
    return await respond(
        app.employment(context).transfer(user_id, payload), "/users/{user_id}/employment"
    )
