import uuid
from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.database import RevisionedModel
from app.core.postgres.table_security import KEPT
from app.domain.actor import Role
from app.domain.people.display_name import display_name
from app.domain.people.name import Naming
from app.domain.people.worker_kind import WorkerKind
from app.models.people.department import Department
from app.models.people.job_title import JobTitle
from app.models.people.location import Location
from app.models.types import Json, JsonObject, text_enum


class User(RevisionedModel):
    """A member of staff. May exist before the first sign-in (invited, imported)."""

    __tablename__ = "users"
    __rights__ = KEPT
    __table_args__ = (
        # Without an address a person has no account, and is known by name.
        CheckConstraint(
            "email IS NOT NULL OR supabase_id IS NULL AND full_name IS NOT NULL", name="email"
        ),
        CheckConstraint(
            "merged_into_id IS NULL"
            " OR merged_into_id <> id AND NOT is_active AND supabase_id IS NULL",
            name="merged",
        ),
    )

    supabase_id: Mapped[uuid.UUID | None] = mapped_column(unique=True)
    """The `sub` of the person's tokens; null until the row is claimed. No foreign key to
    auth.users: a cascade from there would erase evidence."""

    email: Mapped[str | None] = mapped_column(String(320))
    """Lower case. Unique among active people only: an address may be used again. Null for people
    who have no mailbox of their own."""

    email_as_of: Mapped[datetime | None]
    """The time of the token or list from which the address was taken. Older tokens may name an
    older address."""

    email_confirmed: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    full_name: Mapped[str | None] = mapped_column(String(200))
    """The name by which the person is addressed. Evidence uses `directory_name`."""

    name_confirmed: Mapped[bool] = mapped_column(server_default=text("true"), default=True)
    previous_name: Mapped[str | None] = mapped_column(String(200))
    """Counts while the person's own change of name is not confirmed (domain/people/name.py)."""

    name_aliases: Mapped[list[str]] = mapped_column(Json, server_default=text("'[]'"), default=list)
    """Names under which the person may sign as well, entered by others."""

    role: Mapped[Role] = mapped_column(
        text_enum(Role, "role"), server_default=Role.LEARNER.value, default=Role.LEARNER
    )
    worker_kind: Mapped[WorkerKind] = mapped_column(
        text_enum(WorkerKind, "worker_kind"),
        server_default=WorkerKind.EMPLOYEE.value,
        default=WorkerKind.EMPLOYEE,
    )
    employee_number: Mapped[str | None] = mapped_column(String(40))
    """Without spaces. Unique among active people, in any case."""

    is_active: Mapped[bool] = mapped_column(server_default=text("true"), default=True)
    hired_on: Mapped[date | None]
    last_sign_in: Mapped[datetime | None]
    profile_metadata: Mapped[JsonObject] = mapped_column(
        Json, server_default=text("'{}'"), default=dict
    )

    department_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("departments.id"))
    job_title_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("job_titles.id"))
    location_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("locations.id"))
    manager_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))

    merged_into_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    """The entry of the same person that continues; it is never merged itself. What is recorded
    under either is that person's."""

    department: Mapped[Department | None] = relationship(lazy="joined")
    job_title: Mapped[JobTitle | None] = relationship(lazy="joined")
    location: Mapped[Location | None] = relationship(lazy="joined")

    @property
    def naming(self) -> Naming:
        return Naming(self.full_name, self.name_confirmed, self.previous_name)

    @naming.setter
    def naming(self, naming: Naming) -> None:
        self.full_name = naming.full_name
        self.name_confirmed = naming.confirmed
        self.previous_name = naming.previous

    @property
    def directory_name(self) -> str | None:
        return self.naming.directory_name

    @property
    def display_name(self) -> str:
        return display_name(self.full_name, self.email)


Index(
    "uq_users_email_active",
    func.lower(User.email),
    unique=True,
    postgresql_where=text("is_active"),
    sqlite_where=text("is_active"),
)
Index(
    "uq_users_employee_number_active",
    func.lower(User.employee_number),
    unique=True,
    postgresql_where=text("is_active"),
    sqlite_where=text("is_active"),
)
Index("ix_users_location_id", User.location_id, User.id)
Index("ix_users_manager_id", User.manager_id, User.id)
Index(
    "ix_users_merged_into_id",
    User.merged_into_id,
    postgresql_where=text("merged_into_id IS NOT NULL"),
    sqlite_where=text("merged_into_id IS NOT NULL"),
)
Index("ix_users_department_id", User.department_id)
Index("ix_users_job_title_id", User.job_title_id)
# The orders of the directory (repositories/people/user.py).
Index("ix_users_sort_email", func.coalesce(User.email, func.lower(User.full_name)), User.id)
Index("ix_users_sort_name", func.lower(func.coalesce(User.full_name, User.email)), User.id)
Index(
    "ix_users_sort_last_sign_in",
    text("coalesce(last_sign_in, '-infinity'::timestamp with time zone)"),
    User.id,
).ddl_if(dialect="postgresql")
Index("ix_users_sort_hired_on", text("coalesce(hired_on, 'infinity'::date)"), User.id).ddl_if(
    dialect="postgresql"
)
