import uuid
from datetime import date

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import AppendOnlyModel
from app.domain.actor import Role
from app.domain.compliance import EmploymentState
from app.domain.people.worker_kind import WorkerKind
from app.models.types import text_enum


class EmploymentChange(AppendOnlyModel):
    """A person's employment from `effective_on` until a later change takes effect.

    The database writes a row with every change of `users`; services add those that take effect on
    another day. Of two rows for one day the later one holds.
    """

    __tablename__ = "employment_changes"
    __kept_by__ = "refuse_unless_erased('user_id')"

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    effective_on: Mapped[date]
    recorded_on: Mapped[date]
    """The day at the person's location then, stored so that a later move does not shift it."""

    state: Mapped[EmploymentState] = mapped_column(text_enum(EmploymentState, "state"))
    role: Mapped[Role] = mapped_column(text_enum(Role, "role"))
    worker_kind: Mapped[WorkerKind] = mapped_column(
        text_enum(WorkerKind, "worker_kind"),
        server_default=WorkerKind.EMPLOYEE.value,
        default=WorkerKind.EMPLOYEE,
    )
    location_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("locations.id"))
    department: Mapped[str | None] = mapped_column(String(200))
    job_title: Mapped[str | None] = mapped_column(String(200))
    hired_on: Mapped[date | None]
    recorded_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    note: Mapped[str | None] = mapped_column(String(500))
    voids_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("employment_changes.id"))
    """The termination that was a mistake: from its day on this holds instead."""


Index(
    "ix_employment_changes_user_id",
    EmploymentChange.user_id,
    EmploymentChange.effective_on,
    EmploymentChange.created_at,
)
