import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from app.core.errors import PreconditionFailedError, PreconditionRequiredError
from app.core.pagination import PageRequest
from app.domain.actor import Permission, Role
from app.domain.people.worker_kind import WorkerKind
from app.integrations.auth_admin import (
    AccountBannedError,
    AddressRefusedError,
    AuthHookUnavailableError,
    AuthRefusedError,
    PasswordRefusedError,
)
from app.repositories.people.user import USER_ORDERS, UserFilter
from app.routers.deps import AnyOf, App, Guard, IfMatch, PersonId, QueryText, paged, repeated
from app.routers.refusals import refusals
from app.routers.respond import json_of, respond
from app.routers.strict_json import StrictRoute
from app.schemas.base import ListOf
from app.schemas.people.user import (
    AccountCreate,
    EmailCorrection,
    MyselfRead,
    ProfileUpdate,
    UserCreate,
    UserInvite,
    UserRead,
    UserUpdate,
)
from app.services.base import EntryMergedError
from app.services.compliance.own_duty import OwnDutyError
from app.services.context import RequestContext
from app.services.people.invitation.account import HasAddressError
from app.services.people.invitation.address import OwnAddressError
from app.services.people.invitation.claim import InvitationUnderWayError
from app.services.people.invitation.service import (
    BeyondOfficesError,
    InvitationAcceptedError,
    NoAddressError,
    UserClosedError,
)
from app.services.people.name import OwnNameError
from app.services.people.user import (
    AccountMissingError,
    EmployeeNumberTakenError,
    LastAdminError,
    OwnAccessError,
)

router = APIRouter(prefix="/users", tags=["users"], route_class=StrictRoute)

UserPage = Annotated[PageRequest, paged(USER_ORDERS)]
Myself = Annotated[RequestContext, Depends(Guard(Permission.PROFILE))]
DirectoryReader = Annotated[RequestContext, Depends(Guard(Permission.USERS_READ))]
NameConfirmer = Annotated[RequestContext, Depends(Guard(Permission.NAMES_CONFIRM))]
Inviter = Annotated[RequestContext, Depends(Guard(Permission.USERS_INVITE))]
DirectoryAdmin = Annotated[RequestContext, Depends(Guard(Permission.USERS_WRITE))]


@router.post("/sync", response_model=UserRead)
async def sync(context: Myself, app: App) -> Response:
    """Create or refresh my row from the verified token, as the first call of any route does."""
    return await respond(app.users(context).sync())


@router.get("/me", response_model=MyselfRead)
async def read_me(context: Myself, app: App) -> Response:
    """Read my own row of the directory, and what I may ask for."""
    return await respond(app.users(context).me())


@router.patch("/me", response_model=MyselfRead)
async def update_me(
    payload: ProfileUpdate, context: Myself, if_match: IfMatch, app: App
) -> Response:
    """Change my name and profile. Admins change the other fields by `PATCH /users/{user_id}`."""
    return await respond(app.users(context).update_me(payload, if_match))


@router.get("", response_model=ListOf[UserRead])
async def list_users(
    context: DirectoryReader,
    app: App,
    page: UserPage,
    ids: Annotated[list[uuid.UUID], repeated(alias="id")],
    department: AnyOf[QueryText],
    job_title: AnyOf[QueryText],
    location: AnyOf[QueryText],
    manager_id: AnyOf[uuid.UUID],
    role: AnyOf[Role],
    worker_kind: AnyOf[WorkerKind],
    employee_number: AnyOf[QueryText],
    is_active: AnyOf[bool],
    q: QueryText | None = None,
) -> Response:
    """List the people I may see: managers those of their locations, admins everybody."""
    filters = UserFilter(
        q=q,
        ids=tuple(ids),
        departments=tuple(department),
        job_titles=tuple(job_title),
        locations=tuple(location),
        manager_ids=tuple(manager_id),
        roles=tuple(role),
        worker_kinds=tuple(worker_kind),
        employee_numbers=tuple(employee_number),
        is_active=tuple(is_active),
    )
    return json_of(await app.users(context).list(filters, page))


@router.post(
    "", response_model=UserRead, status_code=201, responses=refusals(EmployeeNumberTakenError)
)
async def create_user(payload: UserCreate, context: DirectoryAdmin, app: App) -> Response:
    """Enter a person without inviting anybody, such as one who has no e-mail address."""
    return await respond(app.invitations(context).enter(payload), "/users/{id}")


@router.post(
    "/invite",
    response_model=UserRead,
    status_code=201,
    responses=refusals(
        AddressRefusedError,
        AuthHookUnavailableError,
        AuthRefusedError,
        BeyondOfficesError,
        EmployeeNumberTakenError,
        InvitationUnderWayError,
    ),
)
async def invite(payload: UserInvite, context: Inviter, app: App) -> Response:
    """Invite somebody by e-mail: make the account in Supabase Auth and the person here.

    Managers invite learners to their own offices.
    """
    return await respond(app.invitations(context).invite(payload), "/users/{id}")


@router.get("/{user_id:uuid}", response_model=UserRead)
async def read_user(user_id: uuid.UUID, context: Myself, app: App) -> Response:
    """Read a person: oneself, somebody I manage, or as an admin anybody."""
    return await respond(app.users(context).get(user_id))


@router.patch(
    "/{user_id:uuid}",
    response_model=UserRead,
    responses=refusals(
        OwnAccessError,
        OwnDutyError,
        OwnNameError,
        LastAdminError,
        EmployeeNumberTakenError,
        EntryMergedError,
    ),
)
async def update_user(
    user_id: uuid.UUID, payload: UserUpdate, context: DirectoryAdmin, if_match: IfMatch, app: App
) -> Response:
    """Change a person. Deactivating somebody refuses their requests from then on."""
    return await respond(app.users(context).update(user_id, payload, if_match))


@router.put(
    "/{user_id}/email",
    response_model=UserRead,
    responses=refusals(
        EntryMergedError,
        AddressRefusedError,
        AuthHookUnavailableError,
        AuthRefusedError,
        InvitationUnderWayError,
        OwnAddressError,
        UserClosedError,
    ),
)
async def correct_email(
    user_id: PersonId,
    payload: EmailCorrection,
    context: DirectoryAdmin,
    if_match: IfMatch,
    app: App,
) -> Response:
    """Give somebody an e-mail address, or another one. Their account follows.

    Sessions end. Whoever had not accepted the invitation is invited anew.
    """
    return await respond(app.addresses(context).correct(user_id, payload, if_match))


@router.post(
    "/{user_id}/invite",
    response_model=UserRead,
    responses=refusals(
        AddressRefusedError,
        AuthHookUnavailableError,
        AuthRefusedError,
        BeyondOfficesError,
        InvitationAcceptedError,
        InvitationUnderWayError,
        NoAddressError,
        PreconditionFailedError,
        UserClosedError,
    ),
)
async def invite_again(user_id: PersonId, context: Inviter, app: App) -> Response:
    """Send the invitation once more, to somebody who has not signed in yet."""
    return await respond(app.invitations(context).invite_again(user_id))


@router.post(
    "/{user_id}/confirm-name",
    response_model=UserRead,
    responses=refusals(EntryMergedError, OwnNameError, PreconditionRequiredError),
)
async def confirm_name(
    user_id: PersonId, context: NameConfirmer, if_match: IfMatch, app: App
) -> Response:
    """Confirm the name that a person gave themselves. Signatures and records use it afterwards."""
    return await respond(app.users(context).confirm_name(user_id, if_match))


@router.post(
    "/{user_id}/account",
    response_model=UserRead,
    responses=refusals(
        EntryMergedError,
        AddressRefusedError,
        AuthHookUnavailableError,
        AuthRefusedError,
        HasAddressError,
        InvitationUnderWayError,
        PasswordRefusedError,
        PreconditionFailedError,
        UserClosedError,
    ),
)
async def open_account(
    user_id: PersonId, payload: AccountCreate, context: DirectoryAdmin, app: App
) -> Response:
    """Give somebody without an e-mail address a user name and a first password.

    They sign in with the address of the answer, which receives nothing, and change the password.
    """
    return await respond(app.accounts(context).open(user_id, payload))


@router.post(
    "/{user_id}/sign-out",
    response_model=UserRead,
    responses=refusals(AccountMissingError, AccountBannedError, AuthRefusedError),
)
async def sign_out(user_id: PersonId, context: DirectoryAdmin, app: App) -> Response:
    """End all sessions of a person. Access tokens already issued are valid until they expire.

    To refuse a person's requests at once, deactivate the person.
    """
    return await respond(app.users(context).sign_out(user_id))
