import uuid
from datetime import date, datetime
from typing import Annotated, Any, Final, Self

from pydantic import MISSING, Field, SecretStr, StringConstraints

from app.core.email_domain import shown_email
from app.domain.actor import PERMISSIONS, Permission, Role
from app.domain.fields import Email, Flag, JsonMap, Line, RecentDay
from app.domain.people.employee_number import EmployeeNumber
from app.domain.people.worker_kind import WorkerKind
from app.domain.word import Word
from app.models import User
from app.schemas.base import Changes, Payload, Versioned

USERNAME: Final = r"^[a-z0-9]+([._-][a-z0-9]+)*$"


class UserRead(Versioned):
    id: uuid.UUID
    supabase_id: uuid.UUID | None
    email: str | None
    """Null for people who have no mailbox of their own."""

    full_name: str | None
    display_name: str
    name_confirmed: bool
    directory_name: str | None
    """The name that evidence uses: the earlier one until the person's own change is confirmed.

    Null where no name is known.
    """

    name_aliases: list[str]
    employee_number: str | None
    worker_kind: WorkerKind
    department: str | None
    location: str | None
    location_id: uuid.UUID | None
    job_title: str | None
    hired_on: date | None
    manager_id: uuid.UUID | None
    role: Role
    is_active: bool
    merged_into_id: uuid.UUID | None
    email_confirmed: bool
    last_sign_in: datetime | None
    profile_metadata: dict[str, Any]
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, user: User) -> Self:
        fields = {
            name: getattr(user, name)
            for name in UserRead.model_fields
            if name not in {"email", "department", "job_title", "location"}
        }
        return cls(
            **fields,
            email=shown_email(user.email) if user.email else None,
            department=user.department.name if user.department else None,
            job_title=user.job_title.name if user.job_title else None,
            location=user.location.name if user.location else None,
            **cls.besides(user),
        )

    @classmethod
    def besides(cls, _user: User) -> dict[str, Any]:
        """Return the fields that only this kind of answer has."""
        return {}


class MyselfRead(UserRead):
    permissions: list[Permission]
    """What I may ask for. Whose rows I see is decided row by row."""

    @classmethod
    def besides(cls, user: User) -> dict[str, Any]:
        return {"permissions": sorted(PERMISSIONS[user.role])}


class ProfileUpdate(Changes):
    full_name: Line | MISSING | None = MISSING
    profile_metadata: JsonMap | MISSING = MISSING


class UserUpdate(Changes):
    full_name: Line | MISSING | None = MISSING
    name_aliases: Annotated[list[Line], Field(max_length=10)] | MISSING = MISSING
    employee_number: EmployeeNumber | MISSING | None = MISSING
    worker_kind: WorkerKind | MISSING = MISSING
    department: Word | MISSING | None = MISSING
    location_id: uuid.UUID | MISSING | None = MISSING
    job_title: Word | MISSING | None = MISSING
    hired_on: RecentDay | MISSING | None = MISSING
    manager_id: uuid.UUID | MISSING | None = MISSING
    role: Role | MISSING = MISSING
    is_active: Flag | MISSING = MISSING


class EmailCorrection(Payload):
    email: Email


class AccountCreate(Payload):
    """A first password is told to the person, who changes it."""

    username: Annotated[
        str, StringConstraints(pattern=r"^[a-z0-9]+([._-][a-z0-9]+)*$", max_length=60)
    ]
    """Lower-case letters, digits, and single dots, dashes or underscores between them."""

    password: Annotated[SecretStr, Field(min_length=12, max_length=72)]
    """It is kept nowhere here, and sent to the sign-in service alone."""


class _Newcomer(Payload):
    role: Role = Role.LEARNER
    employee_number: EmployeeNumber | None = None
    worker_kind: WorkerKind = WorkerKind.EMPLOYEE
    department: Word | None = None
    location_id: uuid.UUID | None = None
    job_title: Word | None = None
    hired_on: RecentDay | None = None
    manager_id: uuid.UUID | None = None


class UserCreate(_Newcomer):
    email: Email | None = None
    full_name: Line


class UserInvite(_Newcomer):
    email: Email
    full_name: Line | None = None
