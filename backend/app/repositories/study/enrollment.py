import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    Select,
    String,
    Uuid,
    bindparam,
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import InstrumentedAttribute, raiseload

from app.core.pagination import Page, PageRequest
from app.domain.actor import Actor
from app.domain.audit import AuditAction
from app.domain.study.enrollment import EnrollmentSource
from app.models import (
    AuditEvent,
    Enrollment,
    Location,
    ModuleVersion,
    SectionProgress,
    Signature,
    User,
    VersionSection,
)
from app.models.study.enrollment import EnrollmentStatus
from app.repositories.base import Orders, Repository, any_of, any_truth, filled
from app.repositories.people.visibility import ONES_OWN, Whose, owned_by, owner_visible_to
from app.repositories.study.assignment import Assignment, AssignmentCount, assigning
from app.repositories.study.assignment_revert import Revert, reverting
from app.repositories.study.enrollment_item import (
    ITEM_COLUMNS,
    EnrollmentItem,
    enrollment_item,
)

_SIGN = text(
    "SELECT * FROM sign_section(:enrollment_id, :section_id, :printed_name, :meaning, :request_id)"
).bindparams(
    bindparam("enrollment_id", type_=Uuid()),
    bindparam("section_id", type_=Uuid()),
    *(bindparam(name, type_=String()) for name in ("printed_name", "meaning", "request_id")),
)


@dataclass(frozen=True, slots=True)
class EnrollmentFilter:
    whose: Whose = ONES_OWN
    statuses: tuple[EnrollmentStatus, ...] = ()
    module_ids: tuple[uuid.UUID, ...] = ()
    overdue: tuple[bool, ...] = ()


ENROLLMENT_ORDERS = Orders(
    "-enrolled_at",
    Enrollment.id,
    enrolled_at=Enrollment.enrolled_at,
    due_on=filled(Enrollment.due_on, "infinity"),
)


@dataclass(frozen=True, slots=True)
class EnrollmentRow:
    item: EnrollmentItem
    version_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class SectionRow:
    rule: VersionSection
    progress: SectionProgress | None


class EnrollmentRepository(Repository[Enrollment]):
    model = Enrollment

    async def assign(
        self, assignment: Assignment, actor: Actor, request_id: str | None
    ) -> AssignmentCount:
        """Enroll everybody of the filter whom the actor may assign to.

        An enrollment that is open already becomes an assignment too, with the date of this one.
        """
        statement = assigning(assignment, actor, request_id)
        return AssignmentCount(*(await self.session.execute(statement)).one())

    async def assignment(self, assignment_id: uuid.UUID, actor: Actor) -> AuditEvent | None:
        """Return the event of a bulk assignment; one's own, unless one sees everybody."""
        statement = select(AuditEvent).where(
            AuditEvent.target_id == assignment_id,
            AuditEvent.action == AuditAction.ASSIGNMENT_CREATED.value,
        )
        if not actor.sees_everybody:
            statement = statement.where(AuditEvent.actor_id == actor.id)
        return (await self.session.scalars(statement)).one_or_none()

    async def revert(self, event: AuditEvent, actor: Actor, request_id: str | None) -> Revert:
        statement = reverting(event, actor, request_id)
        return Revert(*(await self.session.execute(statement)).one())

    async def get_visible(self, enrollment_id: uuid.UUID, actor: Actor) -> EnrollmentRow | None:
        statement = (
            _items()
            .add_columns(Enrollment.version_id)
            .where(Enrollment.id == enrollment_id, owner_visible_to(actor, Enrollment.user_id))
        )
        for *item, version_id in await self.session.execute(statement):
            return EnrollmentRow(enrollment_item(item), version_id)
        return None

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
    ) -> Page[EnrollmentItem]:
        """List enrollments, newest first."""
        statement = _items().where(
            *owned_by(filters.whose, actor, Enrollment.user_id),
            *any_of(Enrollment.status, filters.statuses),
            *any_of(Enrollment.module_id, filters.module_ids),
            *any_truth(_is_overdue(), filters.overdue),
        )
        return await self.page_of(
            lambda *row: enrollment_item(row), statement, request, ENROLLMENT_ORDERS
        )

    async def sections(self, enrollment_id: uuid.UUID, version_id: uuid.UUID) -> list[SectionRow]:
        statement = (
            select(VersionSection, SectionProgress)
            .outerjoin(
                SectionProgress,
                (SectionProgress.section_id == VersionSection.section_id)
                & (SectionProgress.enrollment_id == enrollment_id),
            )
            .join(Enrollment, Enrollment.id == enrollment_id)
            .where(
                VersionSection.version_id == version_id,
                func.concerns(VersionSection.states, Enrollment.states),
            )
            .order_by(VersionSection.position)
        )
        return [SectionRow(*row) for row in await self.session.execute(statement)]

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

    async def signatures(self, enrollment_id: uuid.UUID) -> list[Signature]:
        statement = select(Signature).where(Signature.enrollment_id == enrollment_id)
        return list(await self.session.scalars(statement.order_by(Signature.created_at)))

    async def assign_for(self, enrollment: Enrollment, due_on: date | None) -> None:
        enrollment.source, enrollment.due_on = EnrollmentSource.ASSIGNED, due_on
        await self.session.flush()

    async def follow_offices(
        self, user_ids: Sequence[uuid.UUID], actor_id: uuid.UUID | None, request_id: str | None
    ) -> int:
        """Make open enrollments ask for what concerns the people at their offices of today."""
        following = func.follow_offices(list(user_ids), actor_id, request_id)
        return await self.session.scalar(select(following)) or 0

    async def withdraw(self, enrollment: Enrollment) -> None:
        enrollment.status = EnrollmentStatus.WITHDRAWN
        enrollment.withdrawn_at = func.clock_timestamp()
        await self.session.flush()

    async def move(
        self,
        enrollment: Enrollment,
        moved_id: uuid.UUID,
        request_id: str | None,
    ) -> str | None:
        """Go on in the current version, in a new enrollment; return the code of a refusal."""
        moving = func.move_enrollment(enrollment.id, enrollment.user_id, moved_id, request_id)
        return await self.session.scalar(select(moving))

    async def sign(
        self,
        enrollment_id: uuid.UUID,
        section_id: uuid.UUID,
        *,
        printed_name: str,
        meaning: str,
        request_id: str | None,
    ) -> Signature:
        """Sign as the person of the enrollment, with the audit event and what it completes."""
        await self.session.flush()
        statement = select(Signature).from_statement(_SIGN)
        parameters = {
            "enrollment_id": enrollment_id,
            "section_id": section_id,
            "printed_name": printed_name,
            "meaning": meaning,
            "request_id": request_id,
        }
        signature: Signature = (await self.session.scalars(statement, parameters)).one()
        return signature


def _items() -> Select[*tuple[Any, ...]]:
    return (
        select(*ITEM_COLUMNS)
        .join(ModuleVersion, ModuleVersion.id == Enrollment.version_id)
        .join(User, User.id == Enrollment.user_id)
    )


def _today(owner: InstrumentedAttribute[uuid.UUID]) -> ColumnElement[date]:
    """Return today's date where the person works."""
    zone = (
        select(Location.time_zone)
        .join(User, User.location_id == Location.id)
        .where(User.id == owner)
        .scalar_subquery()
    )
    return func.timezone(func.coalesce(zone, func.home_zone()), func.now()).cast(Date)


def _is_overdue() -> ColumnElement[bool]:
    late = func.coalesce(Enrollment.due_on < _today(Enrollment.user_id), False)
    return (Enrollment.status == EnrollmentStatus.ACTIVE) & late
