import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, or_, select, true, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased, raiseload

from app.core.pagination import Page, PageRequest
from app.domain.actor import Actor, Role
from app.domain.content.section_kind import CompletedBy
from app.domain.evidence.live_session import LEAST_SECONDS
from app.models import (
    Attendance,
    Enrollment,
    JobTitle,
    LiveSession,
    ModuleVersion,
    SectionProgress,
    SessionQuestion,
    TrainingModule,
    User,
    VersionSection,
)
from app.models.evidence.live_session import AttendanceStatus, SessionStatus
from app.models.study.enrollment import EnrollmentStatus, ProgressState
from app.repositories.base import Orders, Repository, any_of
from app.repositories.people.user import DIRECTORY_NAME
from app.repositories.people.visibility import owner_visible_to, visible_to_any


@dataclass(frozen=True, slots=True)
class LiveSessionFilter:
    module_ids: tuple[uuid.UUID, ...] = ()
    statuses: tuple[SessionStatus, ...] = ()


SESSION_ORDERS = Orders("-starts_at", LiveSession.id, starts_at=LiveSession.starts_at)


@dataclass(frozen=True, slots=True)
class RosterLine:
    attendance: Attendance
    user: User


@dataclass(frozen=True, slots=True)
class LiveSections:
    """The live sections of a module's current version, and the sections that it requires."""

    version: int
    live: list[uuid.UUID]
    required: list[uuid.UUID]
    taught_since: datetime
    """When the module's first version was published."""


class LiveSessionRepository(Repository[LiveSession]):
    model = LiveSession

    async def by_id(self, session_id: uuid.UUID, *, lock: bool = False) -> LiveSession | None:
        return await self.session.get(LiveSession, session_id, with_for_update=lock or None)

    async def get_visible(self, session_id: uuid.UUID, actor: Actor) -> LiveSession | None:
        statement = select(LiveSession).where(LiveSession.id == session_id, _visible_to(actor))
        return (await self.session.scalars(statement)).one_or_none()

    async def list_visible(
        self, actor: Actor, filters: LiveSessionFilter, request: PageRequest
    ) -> Page[LiveSession]:
        statement = select(LiveSession).where(
            _visible_to(actor),
            *any_of(LiveSession.module_id, filters.module_ids),
            *any_of(LiveSession.status, filters.statuses),
        )
        return await self.page(statement, request, SESSION_ORDERS)

    async def live_sections(self, module_id: uuid.UUID) -> LiveSections | None:
        """Return the live sections of the current version; None when nothing is published."""
        first = (
            select(func.min(ModuleVersion.created_at))
            .where(ModuleVersion.module_id == module_id)
            .scalar_subquery()
        )
        statement = (
            select(
                ModuleVersion.number,
                VersionSection.section_id,
                VersionSection.completed_by,
                VersionSection.required,
                first.label("taught_since"),
            )
            .join(TrainingModule, TrainingModule.current_version_id == ModuleVersion.id)
            .join(VersionSection, VersionSection.version_id == ModuleVersion.id)
            .where(TrainingModule.id == module_id, TrainingModule.deleted_at.is_(None))
        )
        rows = (await self.session.execute(statement)).all()
        if not rows:
            return None
        return LiveSections(
            version=rows[0].number,
            live=[row.section_id for row in rows if row.completed_by is CompletedBy.ATTENDANCE],
            required=[row.section_id for row in rows if row.required],
            taught_since=rows[0].taught_since,
        )

    async def roster(self, session_id: uuid.UUID, readers: Collection[Actor]) -> list[RosterLine]:
        """Return by name the lines of people whom one of the readers may see."""
        statement = (
            select(Attendance, User)
            .join(User, User.id == Attendance.user_id)
            .where(Attendance.session_id == session_id, visible_to_any(readers))
            .order_by(func.lower(User.full_name), User.id)
        )
        return [RosterLine(*row) for row in await self.session.execute(statement)]

    async def expects(
        self, session_id: uuid.UUID, user_id: uuid.UUID, readers: Collection[Actor]
    ) -> bool:
        """Tell whether the roster has anybody whom one of the readers may see."""
        statement = (
            select(Attendance.id)
            .join(User, User.id == Attendance.user_id)
            .where(
                Attendance.session_id == session_id,
                Attendance.user_id == user_id,
                visible_to_any(readers),
            )
        )
        return await self.session.scalar(statement) is not None

    async def register(self, session_id: uuid.UUID, user_ids: list[uuid.UUID]) -> list[uuid.UUID]:
        """Put people on the roster; return those who were not there yet."""
        rows = [{"session_id": session_id, "user_id": user_id} for user_id in user_ids]
        statement = (
            insert(Attendance)
            .values(rows)
            .on_conflict_do_nothing(index_elements=["session_id", "user_id"])
            .returning(Attendance.user_id)
        )
        return list(await self.session.scalars(statement))

    async def unregister(self, session_id: uuid.UUID, user_id: uuid.UUID) -> bool:
        statement = (
            delete(Attendance)
            .where(Attendance.session_id == session_id, Attendance.user_id == user_id)
            .returning(Attendance.user_id)
        )
        return await self.session.scalar(statement) is not None

    async def mark(
        self,
        session_id: uuid.UUID,
        user_ids: list[uuid.UUID],
        status: AttendanceStatus,
        marked_by_id: uuid.UUID,
    ) -> list[uuid.UUID]:
        """Mark people on the roster; return those who are on it."""
        statement = (
            update(Attendance)
            .where(Attendance.session_id == session_id, Attendance.user_id.in_(user_ids))
            .values(status=status, marked_by_id=marked_by_id, marked_at=func.clock_timestamp())
            .returning(Attendance.user_id)
            .execution_options(synchronize_session=False)
        )
        return list(await self.session.scalars(statement))

    async def close_in_turn(self) -> None:
        """Wait until no other class is being closed, before anything else is locked.

        Closing waits for its turn anyway (count_attendance.sql), by then with locks on people.
        """
        turn = func.pg_advisory_xact_lock(func.hashtextextended("live session closing", 0))
        await self.session.execute(select(turn))

    async def settle_roster(self, session_id: uuid.UUID) -> None:
        """Store the present names and titles on the roster; mark everybody else as absent."""
        of_session = (Attendance.session_id == session_id, Attendance.user_id == User.id)
        title = select(JobTitle.name).where(JobTitle.id == User.job_title_id).scalar_subquery()
        names = {"full_name": DIRECTORY_NAME, "job_title": title}
        options = {"synchronize_session": False}
        await self.session.execute(
            update(Attendance).where(*of_session).values(names), execution_options=options
        )
        await self.session.execute(
            update(Attendance)
            .where(
                Attendance.session_id == session_id,
                Attendance.status == AttendanceStatus.REGISTERED,
            )
            .values(status=AttendanceStatus.ABSENT),
            execution_options=options,
        )

    async def attendees(self, session_id: uuid.UUID) -> list[RosterLine]:
        statement = (
            select(Attendance, User)
            .join(User, User.id == Attendance.user_id)
            .where(
                Attendance.session_id == session_id,
                Attendance.status == AttendanceStatus.ATTENDED,
            )
            .order_by(User.id)
        )
        return [RosterLine(*row) for row in await self.session.execute(statement)]

    async def lock_enrollments(self, live: LiveSession) -> None:
        """Lock all enrollments of the attendees in the module.

        Before the class is closed, which locks their clocks: reports of study time lock an
        enrollment first as well.
        """
        await self._lock_attended(live)

    async def lock_open_enrollments(self, live: LiveSession) -> list[Enrollment]:
        """Lock the attendees' open enrollments whose version has the section."""
        return await self._lock_attended(
            live,
            Enrollment.status == EnrollmentStatus.ACTIVE,
            Enrollment.user_id.in_(select(User.id).where(User.is_active)),
            _has_section(live),
            _counts(live),
        )

    async def lock_completed_without(self, live: LiveSession) -> list[Enrollment]:
        """Lock the attendees' completed enrollments whose section for this class is still open.

        For each attendee, that is the newest completion of the module. People who are enrolled
        again are passed over.
        """
        other = aliased(Enrollment)
        newer = select(other.id).where(
            other.user_id == Enrollment.user_id,
            other.module_id == live.module_id,
            or_(
                other.status == EnrollmentStatus.ACTIVE,
                other.completed_at > Enrollment.completed_at,
            ),
        )
        attended = select(SectionProgress.section_id).where(
            SectionProgress.enrollment_id == Enrollment.id,
            SectionProgress.section_id == live.section_id,
            SectionProgress.state == ProgressState.COMPLETED,
        )
        return await self._lock_attended(
            live,
            Enrollment.status == EnrollmentStatus.COMPLETED,
            _has_section(live),
            _counts(live),
            ~newer.exists(),
            ~attended.exists(),
        )

    async def _lock_attended(
        self, live: LiveSession, *criteria: ColumnElement[bool]
    ) -> list[Enrollment]:
        """Lock enrollments of attendees in the module, in the order in which all code does."""
        attended = select(Attendance.user_id).where(
            Attendance.session_id == live.id, Attendance.status == AttendanceStatus.ATTENDED
        )
        statement = (
            select(Enrollment)
            .where(
                Enrollment.module_id == live.module_id, Enrollment.user_id.in_(attended), *criteria
            )
            .options(raiseload(Enrollment.progress))
            .order_by(Enrollment.user_id, Enrollment.id)
            .with_for_update(key_share=True)
        )
        return list(await self.session.scalars(statement))

    async def add_to_record(
        self,
        live: LiveSession,
        enrollment_id: uuid.UUID,
        *,
        actor_id: uuid.UUID | None,
        request_id: str | None,
    ) -> bool:
        """Complete the class in a completed enrollment, and name the trainer in the record.

        Return False where that cannot be, because it was completed too long ago for example.
        """
        adding = func.add_class_to_record(live.id, enrollment_id, actor_id, request_id)
        return await self.session.scalar(select(adding)) is not None

    async def complete(
        self,
        live: LiveSession,
        enrollment_id: uuid.UUID,
        *,
        actor_id: uuid.UUID | None,
        request_id: str | None,
    ) -> None:
        """Complete the section of somebody who attended, and with it perhaps the enrollment."""
        completing = func.complete_attended(live.id, enrollment_id, actor_id, request_id)
        await self.session.execute(select(completing))

    async def add_question(self, question: SessionQuestion) -> SessionQuestion:
        self.session.add(question)
        await self.session.flush()
        return question

    async def questions(self, session_id: uuid.UUID) -> list[SessionQuestion]:
        statement = (
            select(SessionQuestion)
            .where(SessionQuestion.session_id == session_id)
            .order_by(SessionQuestion.created_at, SessionQuestion.id)
        )
        return list(await self.session.scalars(statement))


def _has_section(live: LiveSession) -> ColumnElement[bool]:
    """Match the enrollments whose version has the section of the class."""
    return (
        select(VersionSection.section_id)
        .where(
            VersionSection.version_id == Enrollment.version_id,
            VersionSection.section_id == live.section_id,
        )
        .exists()
    )


def _counts(live: LiveSession) -> ColumnElement[bool]:
    """Match the enrollments of people for whom enough of the closed class counts."""
    return func.attended_seconds(live.id, Enrollment.user_id) >= LEAST_SECONDS


def _visible_to(actor: Actor) -> ColumnElement[bool]:
    """Match the sessions that the actor may see, as docs/evidence.md describes.

    Sessions that an admin planned are open to the people of every manager.
    """
    if actor.sees_everybody:
        return true()
    attended = select(Attendance.session_id).where(owner_visible_to(actor, Attendance.user_id))
    mine: list[ColumnElement[bool]] = [
        LiveSession.instructor_id.in_(actor.entry_ids),
        LiveSession.id.in_(attended),
    ]
    if actor.is_manager:
        admins = select(User.id).where(User.role == Role.ADMIN)
        mine += [
            owner_visible_to(actor, LiveSession.created_by_id),
            LiveSession.created_by_id.in_(admins),
        ]
    return or_(*mine)
