import uuid
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Date,
    Select,
    String,
    Uuid,
    bindparam,
    exists,
    func,
    literal,
    select,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert
from sqlalchemy.orm import InstrumentedAttribute, raiseload

from app.core.pagination import Page, PageRequest
from app.domain.actor import Actor, Role
from app.domain.audit import AuditAction
from app.models import (
    AuditEvent,
    Department,
    Enrollment,
    Location,
    ModuleVersion,
    SectionProgress,
    Signature,
    TrainingModule,
    User,
    VersionSection,
)
from app.models.content.module import ModuleStatus
from app.models.study.enrollment import EnrollmentSource, EnrollmentStatus
from app.repositories.base import Keyset, Repository
from app.repositories.people.user import managed_by, owner_visible_to


@dataclass(frozen=True, slots=True)
class EnrollmentFilter:
    user_id: uuid.UUID | None = None
    status: EnrollmentStatus | None = None
    module_id: uuid.UUID | None = None
    overdue: bool | None = None


@dataclass(frozen=True, slots=True)
class PeopleFilter:
    """Which people a bulk assignment is for. None matches everybody."""

    user_ids: list[uuid.UUID] | None = None
    department: str | None = None
    location: str | None = None
    location_id: uuid.UUID | None = None
    role: Role | None = None
    job_title: str | None = None


@dataclass(frozen=True, slots=True)
class EnrollmentRow:
    """An enrollment with what its version is called."""

    enrollment: Enrollment
    module_title: str
    module_category: str | None
    version: int


@dataclass(frozen=True, slots=True)
class SectionRow:
    rule: VersionSection
    progress: SectionProgress | None


@dataclass(frozen=True, slots=True)
class AssignmentCount:
    """How many people may be assigned to, and how many of them were not enrolled yet."""

    module_exists: bool
    allowed: int
    created: int


@dataclass(frozen=True, slots=True)
class Assignment:
    module_id: uuid.UUID
    people: PeopleFilter
    due_on: date | None


class EnrollmentRepository(Repository[Enrollment]):
    model = Enrollment

    async def assign(
        self, assignment: Assignment, actor: Actor, request_id: str | None
    ) -> AssignmentCount:
        """Enroll everybody of the filter whom the actor may assign to, in one statement."""
        statement = _assignment(assignment, actor, request_id)
        return AssignmentCount(*(await self.session.execute(statement)).one())

    async def open_id(self, user_id: uuid.UUID, module_id: uuid.UUID) -> uuid.UUID | None:
        statement = select(Enrollment.id).where(
            Enrollment.user_id == user_id,
            Enrollment.module_id == module_id,
            Enrollment.status == EnrollmentStatus.ACTIVE,
        )
        return await self.session.scalar(statement)

    async def get_visible(
        self, enrollment_id: uuid.UUID, actor: Actor, *, own: bool = False
    ) -> EnrollmentRow | None:
        scope = (
            Enrollment.user_id == actor.id if own else owner_visible_to(actor, Enrollment.user_id)
        )
        statement = _rows().where(Enrollment.id == enrollment_id, scope)
        row = (await self.session.execute(statement)).one_or_none()
        return None if row is None else EnrollmentRow(*row)

    async def lock_visible(self, enrollment_id: uuid.UUID, actor: Actor) -> Enrollment | None:
        statement = (
            select(Enrollment)
            .where(Enrollment.id == enrollment_id, owner_visible_to(actor, Enrollment.user_id))
            .options(raiseload(Enrollment.progress))
            .with_for_update(key_share=True)
        )
        return (await self.session.scalars(statement)).one_or_none()

    async def list_visible(
        self, actor: Actor, filters: EnrollmentFilter, request: PageRequest
    ) -> Page[EnrollmentRow]:
        """List one person's enrollments, newest first; the actor's own without `user_id`."""
        statement = _rows().where(
            Enrollment.user_id == (filters.user_id or actor.id),
            owner_visible_to(actor, Enrollment.user_id),
            *_criteria(filters),
        )
        keyset = Keyset(Enrollment.enrolled_at, Enrollment.id, datetime, descending=True)
        return await self.page_of(EnrollmentRow, statement, request, keyset)

    async def sections(self, enrollment: Enrollment) -> list[SectionRow]:
        statement = (
            select(VersionSection, SectionProgress)
            .outerjoin(
                SectionProgress,
                (SectionProgress.section_id == VersionSection.section_id)
                & (SectionProgress.enrollment_id == enrollment.id),
            )
            .where(VersionSection.version_id == enrollment.version_id)
            .order_by(VersionSection.position)
        )
        return [SectionRow(*row) for row in await self.session.execute(statement)]

    async def complete_section(
        self,
        enrollment_id: uuid.UUID,
        section_id: uuid.UUID,
        *,
        actor_id: uuid.UUID | None,
        request_id: str | None,
    ) -> None:
        """Complete a section and, with the last required one, the enrollment and its record.

        The caller holds the lock on the enrollment.
        """
        await self.session.execute(
            select(func.complete_section(enrollment_id, section_id, actor_id, request_id))
        )

    async def section_state(
        self, enrollment_id: uuid.UUID, section_id: uuid.UUID
    ) -> dict[str, Any]:
        statement = select(func.section_state(enrollment_id, section_id, type_=JSONB))
        return dict((await self.session.execute(statement)).scalar_one())

    async def signature(self, enrollment_id: uuid.UUID, section_id: uuid.UUID) -> Signature | None:
        statement = select(Signature).where(
            Signature.enrollment_id == enrollment_id, Signature.section_id == section_id
        )
        return (await self.session.scalars(statement)).one_or_none()

    async def sign(self, signature: Signature) -> Signature:
        self.session.add(signature)
        await self.session.flush()
        return signature


def _assignment(assignment: Assignment, actor: Actor, request_id: str | None) -> Select[Any]:
    module = (
        select(TrainingModule.id, TrainingModule.current_version_id)
        .where(
            TrainingModule.id == assignment.module_id,
            TrainingModule.status == ModuleStatus.PUBLISHED,
            TrainingModule.deleted_at.is_(None),
        )
        .cte("module")
    )
    scope = [] if actor.is_admin else [managed_by(actor)]
    people = select(User.id).where(User.is_active, *_people(assignment.people), *scope)
    allowed = people.cte("allowed")
    created = _assigned(module, allowed, assignment)
    audited = _assignment_audit(created, assignment, actor, request_id)
    return select(
        select(func.count() > 0).select_from(module).scalar_subquery(),
        select(func.count()).select_from(allowed).scalar_subquery(),
        select(func.count()).select_from(created).scalar_subquery(),
    ).add_cte(audited)


def _assigned(module: CTE, allowed: CTE, assignment: Assignment) -> CTE:
    # Who is enrolled already costs a look here and a failed insert there, where races are decided.
    enrolled = exists().where(
        Enrollment.user_id == allowed.c.id,
        # Not the CTE's, whose value no plan could use an index for.
        Enrollment.module_id == assignment.module_id,
        Enrollment.status == EnrollmentStatus.ACTIVE,
    )
    rows = (
        select(
            allowed.c.id,
            module.c.id,
            module.c.current_version_id,
            literal(EnrollmentSource.ASSIGNED.value, String()),
            literal(assignment.due_on, Date),
        )
        .select_from(allowed.join(module, true()))
        .where(~enrolled)
    )
    columns = ["user_id", "module_id", "version_id", "source", "due_on"]
    # Without the mapper's defaults: one id made here would go into every row.
    statement = insert(Enrollment).from_select(columns, rows, include_defaults=False)
    open_rows = text("status = 'active'")
    return (
        statement.on_conflict_do_nothing(
            index_elements=["user_id", "module_id"], index_where=open_rows
        )
        .returning(Enrollment.id, Enrollment.user_id)
        .cte("created")
    )


def _assignment_audit(
    created: CTE, assignment: Assignment, actor: Actor, request_id: str | None
) -> CTE:
    shared = {
        "module_id": str(assignment.module_id),
        "source": EnrollmentSource.ASSIGNED.value,
        "due_on": assignment.due_on.isoformat() if assignment.due_on else None,
    }
    own = func.jsonb_build_object("user_id", created.c.user_id, type_=JSONB)
    after = literal(shared, JSONB).concat(own)
    events = select(
        literal(actor.id, Uuid()),
        literal(AuditAction.ENROLLMENT_CREATED.value),
        literal("enrollment"),
        created.c.id,
        after,
        literal(request_id, String()),
    )
    columns = ["actor_id", "action", "target_type", "target_id", "after", "request_id"]
    statement = insert(AuditEvent).from_select(columns, events, include_defaults=False)
    return statement.cte("audited")


def _rows() -> Select[Enrollment, str, str | None, int]:
    return (
        select(Enrollment, ModuleVersion.title, ModuleVersion.category, ModuleVersion.number)
        .join(ModuleVersion, ModuleVersion.id == Enrollment.version_id)
        .options(raiseload(Enrollment.progress))
    )


def _today(owner: InstrumentedAttribute[uuid.UUID]) -> ColumnElement[date]:
    """Return the calendar day it is now where the person works."""
    zone = (
        select(Location.time_zone)
        .join(User, User.location_id == Location.id)
        .where(User.id == owner)
        .scalar_subquery()
    )
    return func.timezone(func.coalesce(zone, "UTC"), func.now()).cast(Date)


def _criteria(filters: EnrollmentFilter) -> list[ColumnElement[bool]]:
    criteria: list[ColumnElement[bool]] = []
    if filters.status is not None:
        criteria.append(Enrollment.status == filters.status)
    if filters.module_id is not None:
        criteria.append(Enrollment.module_id == filters.module_id)
    if filters.overdue is not None:
        overdue = (Enrollment.status == EnrollmentStatus.ACTIVE) & func.coalesce(
            Enrollment.due_on < _today(Enrollment.user_id), False
        )
        criteria.append(overdue if filters.overdue else ~overdue)
    return criteria


def _people(people: PeopleFilter) -> list[ColumnElement[bool]]:
    criteria: list[ColumnElement[bool]] = []
    if people.user_ids is not None:
        criteria.append(User.id == func.any(bindparam(None, people.user_ids, ARRAY(Uuid()))))
    if people.department is not None:
        named = func.lower(Department.name) == people.department.lower()
        criteria.append(User.department.has(named))
    if people.location is not None:
        named = func.lower(Location.name) == people.location.lower()
        criteria.append(User.location.has(named))
    if people.location_id is not None:
        criteria.append(User.location_id == people.location_id)
    if people.role is not None:
        criteria.append(User.role == people.role)
    if people.job_title is not None:
        criteria.append(func.lower(User.job_title) == people.job_title.lower())
    return criteria
