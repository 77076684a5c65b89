"""Planning classes, their rosters, attendance and questions, and closing them."""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime

from pydantic import MISSING

from app.core.concurrency import Precondition
from app.core.errors import (
    ConflictError,
    ForbiddenError,
    InvalidPayloadError,
    NotFoundError,
)
from app.core.pagination import PageRequest
from app.domain.actor import Actor
from app.domain.audit import AuditAction
from app.domain.evidence.live_session import (
    ends_at,
    is_before_publication,
    is_too_long_ago,
)
from app.models import LiveSession, SessionQuestion
from app.models.evidence.live_session import AttendanceStatus, SessionStatus
from app.repositories.evidence.live_session import LiveSections, LiveSessionFilter, RosterLine
from app.schemas.base import ListOf
from app.schemas.evidence.live_session import (
    AttendanceMarks,
    LiveSessionClosed,
    LiveSessionCreate,
    LiveSessionDetail,
    LiveSessionRead,
    LiveSessionUpdate,
    Registration,
    RosterEntry,
    SessionQuestionCreate,
    SessionQuestionRead,
)
from app.services.answer import Answer
from app.services.base import Service, apply, found, listed
from app.services.evidence.live_session.closing import complete
from app.services.unit_of_work import UnitOfWork

FIELDS = (
    "starts_at",
    "duration_minutes",
    "mode",
    "place",
    "instructor_name",
    "instructor_qualification",
    "instructor_id",
)


class SessionSettledError(ConflictError):
    code = "session_settled"
    title = "This session is closed or cancelled"


class SessionNotOverError(ConflictError):
    code = "session_not_over"
    title = "This session is not over yet"
    detail = "If it ended early, shorten it first."


class OwnAttendanceError(ForbiddenError):
    code = "own_attendance"
    detail = "Somebody else has to mark your own attendance."


class LiveSessionService(Service):
    async def list(
        self, filters: LiveSessionFilter, request: PageRequest
    ) -> ListOf[LiveSessionRead]:
        async with self.reading() as uow:
            page = await uow.live_sessions.list_visible(self.actor, filters, request)
            return listed(page, LiveSessionRead.model_validate)

    async def get(self, session_id: uuid.UUID) -> Answer[LiveSessionDetail]:
        async with self.reading() as uow:
            live = found(
                await uow.live_sessions.get_visible(session_id, self.actor), "live_session"
            )
            return await self._detail(uow, live)

    async def create(self, payload: LiveSessionCreate) -> Answer[LiveSessionDetail]:
        async with self.work() as uow:
            sections = await uow.live_sessions.live_sections(payload.module_id)
            live = LiveSession(
                module_id=payload.module_id,
                section_id=_section_id(sections, payload.section_id),
                created_by_id=self.actor.id,
                instructor_named_by_id=self.actor.id,
                **{name: getattr(payload, name) for name in FIELDS},
            )
            await self._check_instructor(uow, payload.instructor_id)
            await _check_date(uow, payload.starts_at, sections)
            await uow.live_sessions.add(live)
            after = {name: getattr(live, name) for name in ("module_id", "section_id", *FIELDS)}
            await uow.audit(AuditAction.LIVE_SESSION_CREATED, live, after=after)
            return await uow.answer(await self._detail(uow, live, created=True))

    async def update(
        self, session_id: uuid.UUID, payload: LiveSessionUpdate, precondition: Precondition
    ) -> Answer[LiveSessionDetail]:
        async with self.work() as uow:
            live = await self._run_by_me(uow, session_id, precondition)
            if payload.instructor_id is not MISSING and payload.instructor_id != live.instructor_id:
                await self._check_instructor(uow, payload.instructor_id)
                live.instructor_named_by_id = self.actor.id
            if payload.starts_at is not MISSING and payload.starts_at != live.starts_at:
                sections = await uow.live_sessions.live_sections(live.module_id)
                await _check_date(uow, payload.starts_at, sections)
            before, after = apply(live, payload, FIELDS)
            if after:
                await uow.live_sessions.save(live)
                await uow.audit(AuditAction.LIVE_SESSION_UPDATED, live, before=before, after=after)
            return await self._detail(uow, live)

    async def cancel(self, session_id: uuid.UUID) -> Answer[LiveSessionDetail]:
        async with self.work() as uow:
            live = await self._run_by_me(uow, session_id)
            live.status = SessionStatus.CANCELLED
            await uow.live_sessions.save(live)
            await uow.audit(AuditAction.LIVE_SESSION_CANCELLED, live)
            return await uow.answer(await self._detail(uow, live))

    async def register(
        self, session_id: uuid.UUID, payload: Registration
    ) -> Answer[LiveSessionDetail]:
        """Put people on the roster. Managers may add the people whom they may see."""
        async with self.work() as uow:
            live = await self._locked(uow, session_id)
            await self._require_visible(uow, payload.user_ids, "/user_ids", [self.actor])
            if await uow.users.closed_ids(payload.user_ids):
                raise InvalidPayloadError.at("/user_ids", "person_left", "Some have left")
            added = await uow.live_sessions.register(live.id, payload.user_ids)
            if added:
                after = {"user_ids": sorted(map(str, added))}
                await uow.audit(AuditAction.LIVE_SESSION_REGISTERED, live, after=after)
            return await uow.answer(await self._detail(uow, live))

    async def unregister(self, session_id: uuid.UUID, user_id: uuid.UUID) -> None:
        async with self.work() as uow:
            live = await self._locked(uow, session_id)
            await self.visible_user(uow, user_id)
            if not await uow.live_sessions.unregister(live.id, user_id):
                raise NotFoundError("attendance")
            after = {"user_id": user_id}
            await uow.audit(AuditAction.LIVE_SESSION_UNREGISTERED, live, after=after)

    async def mark(
        self, session_id: uuid.UUID, payload: AttendanceMarks
    ) -> Answer[LiveSessionDetail]:
        """Mark who attended.

        Instructors and admins may mark anybody, managers the people whom they may see.
        """
        async with self.work() as uow:
            live = await self._locked(uow, session_id)
            if not self._teaches(live) and not self.actor.is_manager:
                raise ForbiddenError
            marked = {*payload.attended, *payload.absent}
            if self.actor.is_one_of(marked):
                raise OwnAttendanceError
            await self._require_visible(uow, marked, "/attended", await self._readers(uow, live))
            for status, user_ids in (
                (AttendanceStatus.ATTENDED, payload.attended),
                (AttendanceStatus.ABSENT, payload.absent),
            ):
                await self._mark(uow, live, user_ids, status)
            return await self._detail(uow, live)

    async def record_question(
        self, session_id: uuid.UUID, payload: SessionQuestionCreate
    ) -> Answer[SessionQuestionRead]:
        async with self.work() as uow:
            live = await self._run_by_me(uow, session_id)
            if payload.user_id and not await uow.live_sessions.expects(
                live.id, payload.user_id, await self._readers(uow, live)
            ):
                raise _not_on_roster("user_id")
            question = await uow.live_sessions.add_question(
                SessionQuestion(
                    session_id=live.id,
                    user_id=payload.user_id,
                    question=payload.question,
                    answer=payload.answer,
                    recorded_by_id=self.actor.id,
                )
            )
            after = {"question_id": question.id}
            await uow.audit(AuditAction.LIVE_SESSION_QUESTION_RECORDED, live, after=after)
            body = SessionQuestionRead.model_validate(question)
            return await uow.answer(Answer(body, created=True))

    async def close(self, session_id: uuid.UUID) -> Answer[LiveSessionClosed]:
        """Freeze the roster and complete the live section of the attendees' open enrollments."""
        async with self.work() as uow:
            live = await self._run_by_me(uow, session_id)
            await uow.live_sessions.close_in_turn()
            now = await uow.now()
            if ends_at(live.starts_at, live.duration_minutes) > now:
                raise SessionNotOverError
            await uow.live_sessions.lock_enrollments(live)
            await uow.live_sessions.settle_roster(live.id)
            live.status = SessionStatus.CLOSED
            live.closed_at = now
            live.closed_by_id = self.actor.id
            await uow.live_sessions.save(live)
            body = await complete(uow, live)
            after = {"attended": len(body.completed + body.credited + body.not_enrolled)}
            await uow.audit(AuditAction.LIVE_SESSION_CLOSED, live, after=after)
            shown = await self._shown(uow, live, body)
            return await uow.answer(Answer(shown))

    async def _shown(
        self, uow: UnitOfWork, live: LiveSession, body: LiveSessionClosed
    ) -> LiveSessionClosed:
        """Return the lines about people whom the actor may see."""
        lists = ("completed", "credited", "not_enrolled")
        named = [user_id for name in lists for user_id in getattr(body, name)]
        seen = await uow.users.visible_ids(named, *await self._readers(uow, live))
        return body.model_copy(
            update={name: [each for each in getattr(body, name) if each in seen] for name in lists}
        )

    async def _mark(
        self,
        uow: UnitOfWork,
        live: LiveSession,
        user_ids: Collection[uuid.UUID],
        status: AttendanceStatus,
    ) -> None:
        if not user_ids:
            return
        marked = await uow.live_sessions.mark(live.id, [*user_ids], status, self.actor.id)
        if len(marked) < len({*user_ids}):
            raise _not_on_roster(status)
        after = {"status": status, "user_ids": sorted(map(str, marked))}
        await uow.audit(AuditAction.LIVE_SESSION_ATTENDANCE_MARKED, live, after=after)

    def _teaches(self, live: LiveSession) -> bool:
        return self.actor.is_admin or self.actor.is_one_of([live.instructor_id])

    async def _readers(self, uow: UnitOfWork, live: LiveSession) -> Sequence[Actor]:
        """Return the people whose permissions limit which lines of the roster the actor sees.

        They are the actor and, for the instructor, the person who named them instructor. Otherwise
        somebody could see more people by naming themselves or a friend as the instructor.
        """
        namer_id = live.instructor_named_by_id or live.created_by_id
        is_instructor = self.actor.is_one_of([live.instructor_id])
        if not is_instructor or self.actor.is_one_of([namer_id]):
            return [self.actor]
        namer = found(await uow.users.by_id(namer_id), "user")
        return [self.actor, Actor(namer.id, namer.role, namer.location_id)]

    async def _runs(self, uow: UnitOfWork, live: LiveSession) -> bool:
        """Whether the actor may run the session: as instructor, organiser, or their manager."""
        if self._teaches(live) or not self.actor.is_manager:
            return self._teaches(live)
        return bool(await uow.users.visible_ids([live.created_by_id], self.actor))

    async def _locked(
        self, uow: UnitOfWork, session_id: uuid.UUID, precondition: Precondition | None = None
    ) -> LiveSession:
        """Lock a scheduled session that the actor may see."""
        if await uow.live_sessions.get_visible(session_id, self.actor) is None:
            raise NotFoundError("live_session")
        live = found(await uow.live_sessions.by_id(session_id, lock=True), "live_session")
        if precondition is not None:
            precondition.require(live.etag)
        if live.status is not SessionStatus.SCHEDULED:
            raise SessionSettledError
        return live

    async def _run_by_me(
        self, uow: UnitOfWork, session_id: uuid.UUID, precondition: Precondition | None = None
    ) -> LiveSession:
        live = await self._locked(uow, session_id, precondition)
        if not await self._runs(uow, live):
            raise ForbiddenError
        return live

    async def _check_instructor(self, uow: UnitOfWork, instructor_id: uuid.UUID | None) -> None:
        if instructor_id and not await uow.users.visible_ids([instructor_id], self.actor):
            raise InvalidPayloadError.at(
                "/instructor_id", "unknown_user", "No such person, or not yours"
            )

    async def _require_visible(
        self,
        uow: UnitOfWork,
        user_ids: Collection[uuid.UUID],
        pointer: str,
        readers: Collection[Actor],
    ) -> None:
        if len(await uow.users.visible_ids([*user_ids], *readers)) < len({*user_ids}):
            raise InvalidPayloadError.at(
                pointer, "unknown_user", "Some do not exist or are not yours"
            )

    async def _detail(
        self, uow: UnitOfWork, live: LiveSession, *, created: bool = False
    ) -> Answer[LiveSessionDetail]:
        roster = await uow.live_sessions.roster(live.id, await self._readers(uow, live))
        runs = await self._runs(uow, live)
        questions = await uow.live_sessions.questions(live.id) if runs else []
        shown = {line.user.id for line in roster}
        body = LiveSessionDetail(
            **dict(LiveSessionRead.model_validate(live)),
            roster=[_entry(line) for line in roster],
            questions=[_question(question, shown) for question in questions],
        )
        return Answer(body, created)


def _section_id(sections: LiveSections | None, wanted: uuid.UUID | None) -> uuid.UUID:
    if sections is None:
        raise InvalidPayloadError.at("/module_id", "unknown_module", "No such published module")
    if wanted is None and len(sections.live) == 1:
        return sections.live[0]
    if wanted is None or wanted not in sections.live:
        detail = "Name one of the module's live sections"
        raise InvalidPayloadError.at("/section_id", "not_a_live_section", detail)
    return wanted


async def _check_date(uow: UnitOfWork, starts_at: datetime, sections: LiveSections | None) -> None:
    """Refuse a class that was held too long ago, or before the module was published.

    The only evidence of such a class would be that somebody says here that it was held.
    """
    if is_too_long_ago(starts_at, await uow.now()):
        detail = "Enter it as external evidence, which somebody else verifies"
        raise InvalidPayloadError.at("/starts_at", "too_long_ago", detail)
    if sections is not None and is_before_publication(starts_at, sections.taught_since):
        detail = "The module was not published then"
        raise InvalidPayloadError.at("/starts_at", "before_publication", detail)


def _not_on_roster(field: str) -> InvalidPayloadError:
    return InvalidPayloadError.at(f"/{field}", "not_on_roster", "Not everybody is on the roster")


def _question(question: SessionQuestion, shown: Collection[uuid.UUID]) -> SessionQuestionRead:
    """Return a question. Who asked it is left out if the reader may not see that person."""
    read = SessionQuestionRead.model_validate(question)
    return read if read.user_id in shown else read.model_copy(update={"user_id": None})


def _entry(line: RosterLine) -> RosterEntry:
    attendance, user = line.attendance, line.user
    settled = attendance.full_name is not None
    title = user.job_title.name if user.job_title else None
    return RosterEntry(
        user_id=user.id,
        full_name=attendance.full_name if settled else user.full_name,
        job_title=attendance.job_title if settled else title,
        status=attendance.status,
        marked_by_id=attendance.marked_by_id,
        marked_at=attendance.marked_at,
    )
