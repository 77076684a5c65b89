import uuid
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

import orjson
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.actor import Role
from app.models import (
    Attendance,
    AuditEvent,
    LiveSession,
    Location,
    TrainingModule,
    TrainingRecord,
    User,
    VerifiedEvidence,
)
from tests.factories.evidence import live_section, make_live_session
from tests.factories.module import make_module, publish, text_section
from tests.factories.user import make_location, make_user
from tests.routers.problems import assert_problem
from tests.support import Api, RollbackDatabase, etag

BASE = "/live-sessions"


@pytest.fixture
async def module(session: AsyncSession, database: RollbackDatabase) -> TrainingModule:
    module = await make_module(session, live_section())
    await publish(database, module)
    return module


@pytest.fixture
async def live(
    session: AsyncSession, module: TrainingModule, admin: User, learner: User, other_learner: User
) -> LiveSession:
    return await make_live_session(session, module, admin, learner, other_learner)


def planned(module: TrainingModule, **changes: Any) -> dict[str, Any]:
    return {
        "module_id": str(module.id),
        "starts_at": "2030-01-07T17:00:00Z",
        "duration_minutes": 60,
        "instructor_name": "Ivy Instructor",
        "instructor_qualification": "RN",
        **changes,
    }


async def enroll(api: Api, user: User, module: TrainingModule) -> str:
    response = await api.post("/enrollments", user, json={"module_id": str(module.id)})
    return str(response.json()["id"])


async def attend(api: Api, live: LiveSession, marker: User, *attended: User) -> None:
    response = await api.put(
        f"{BASE}/{live.id}/attendance", marker, json={"attended": [str(u.id) for u in attended]}
    )
    assert response.status_code == HTTPStatus.OK, response.text


class TestCreate:
    async def test_anonymous(self, api: Api, module: TrainingModule) -> None:
        response = await api.post(BASE, json=planned(module))
        assert response.status_code == HTTPStatus.UNAUTHORIZED

    async def test_learners_may_not(self, api: Api, learner: User, module: TrainingModule) -> None:
        response = await api.post(BASE, learner, json=planned(module))
        assert response.status_code == HTTPStatus.FORBIDDEN

    async def test_finds_the_live_section(
        self, api: Api, manager: User, module: TrainingModule
    ) -> None:
        response = await api.post(BASE, manager, json=planned(module))
        assert response.status_code == HTTPStatus.CREATED
        assert response.json()["section_id"] == str(module.sections[0].id)

    async def test_module_without_live_section(
        self, api: Api, admin: User, session: AsyncSession, database: RollbackDatabase
    ) -> None:
        module = await make_module(session)
        await publish(database, module)
        response = await api.post(BASE, admin, json=planned(module))
        assert response.json()["errors"][0]["code"] == "not_a_live_section"

    async def test_which_of_two_sections(
        self, api: Api, admin: User, session: AsyncSession, database: RollbackDatabase
    ) -> None:
        module = await make_module(session, live_section(), live_section())
        await publish(database, module)
        unnamed = await api.post(BASE, admin, json=planned(module))
        assert unnamed.json()["errors"][0]["code"] == "not_a_live_section"
        second = str(module.sections[1].id)
        named = await api.post(BASE, admin, json=planned(module, section_id=second))
        assert named.json()["section_id"] == second

    @pytest.mark.parametrize(
        ("ago", "code"),
        [
            (timedelta(days=365 * 126), "too_long_ago"),
            (timedelta(days=15), "too_long_ago"),
            (timedelta(days=2), "before_publication"),
        ],
    )
    async def test_nobody_plans_what_only_they_say_was_held(
        self, api: Api, admin: User, module: TrainingModule, ago: timedelta, code: str
    ) -> None:
        """One manager was once able to plan, mark and close a session dated 1900."""
        starts_at = (datetime.now(UTC) - ago).isoformat()
        made = await api.post(BASE, admin, json=planned(module, starts_at=starts_at))
        assert made.json()["errors"][0]["code"] == code
        planned_ahead = await api.post(BASE, admin, json=planned(module))
        path = f"{BASE}/{planned_ahead.json()['id']}"
        body = {"starts_at": starts_at}
        moved = await api.patch(path, admin, json=body, headers=etag(planned_ahead))
        assert moved.json()["errors"][0]["code"] == code

    async def test_today_may_be_entered(
        self, api: Api, admin: User, module: TrainingModule
    ) -> None:
        starts_at = datetime.now(UTC).replace(hour=0, minute=0, second=0).isoformat()
        made = await api.post(BASE, admin, json=planned(module, starts_at=starts_at))
        assert made.status_code == HTTPStatus.CREATED


class TestRead:
    async def test_others_do_not_see_it(self, api: Api, live: LiveSession, author: User) -> None:
        assert (await api.get(f"{BASE}/{live.id}", author)).status_code == HTTPStatus.NOT_FOUND
        assert (await api.get(BASE, author)).json()["items"] == []

    async def test_attendees_see_their_own_line(
        self, api: Api, live: LiveSession, learner: User
    ) -> None:
        read = (await api.get(f"{BASE}/{live.id}", learner)).json()
        assert [line["user_id"] for line in read["roster"]] == [str(learner.id)]

    async def test_managers_see_their_people(
        self, api: Api, live: LiveSession, learner: User, session: AsyncSession
    ) -> None:
        own = await make_user(session, role=Role.MANAGER)
        learner.manager_id = own.id
        session.add(learner)
        await session.commit()
        read = (await api.get(f"{BASE}/{live.id}", own)).json()
        assert [line["user_id"] for line in read["roster"]] == [str(learner.id)]


class TestScope:
    """Whoever planned a session sees all of it; others see what concerns their own people."""

    @pytest.fixture
    async def office(self, session: AsyncSession) -> Location:
        return await make_location(session)

    @pytest.fixture
    async def organiser(self, session: AsyncSession, office: Location) -> User:
        return await make_user(session, role=Role.MANAGER, location_id=office.id)

    @pytest.fixture
    async def stranger(self, session: AsyncSession) -> User:
        office = await make_location(session)
        return await make_user(session, role=Role.MANAGER, location_id=office.id)

    @pytest.fixture
    async def theirs(
        self, session: AsyncSession, module: TrainingModule, organiser: User, office: Location
    ) -> LiveSession:
        member = await make_user(session, location_id=office.id)
        return await make_live_session(session, module, organiser, member)

    async def test_cannot_see_others(self, api: Api, theirs: LiveSession, stranger: User) -> None:
        path = f"{BASE}/{theirs.id}"
        headers = {"If-Match": theirs.etag}
        body = {"question": "Why?", "answer": "Because."}
        answers = [
            await api.get(path, stranger),
            await api.patch(path, stranger, json={"place": "Mine"}, headers=headers),
            await api.post(f"{path}/cancel", stranger),
            await api.post(f"{path}/roster", stranger, json={"user_ids": [str(stranger.id)]}),
            await api.delete(f"{path}/roster/{stranger.id}", stranger),
            await api.put(f"{path}/attendance", stranger, json={}),
            await api.post(f"{path}/questions", stranger, json=body),
            await api.post(f"{path}/close", stranger),
        ]
        assert {answer.json()["code"] for answer in answers} == {"live_session_not_found"}
        assert (await api.get(BASE, stranger)).json()["items"] == []

    async def test_colleagues_of_the_office_run_it(
        self, api: Api, theirs: LiveSession, office: Location, session: AsyncSession
    ) -> None:
        colleague = await make_user(session, role=Role.MANAGER, location_id=office.id)
        read = await api.get(f"{BASE}/{theirs.id}", colleague)
        assert len(read.json()["roster"]) == 1
        moved = await api.patch(
            f"{BASE}/{theirs.id}", colleague, json={"place": "Room 2"}, headers=etag(read)
        )
        assert moved.status_code == HTTPStatus.OK

    async def test_a_guest_shows_the_session_and_their_own_line(
        self, api: Api, theirs: LiveSession, stranger: User, session: AsyncSession, organiser: User
    ) -> None:
        guest = await make_user(session, location_id=stranger.location_id)
        session.add(Attendance(session_id=theirs.id, user_id=guest.id))
        await session.commit()
        path = f"{BASE}/{theirs.id}"
        question = {"user_id": str(guest.id), "question": "Which?", "answer": "These."}
        unknown = await api.post(f"{path}/questions", organiser, json=question)
        assert unknown.json()["errors"][0]["code"] == "not_on_roster"
        read = (await api.get(path, stranger)).json()
        assert [line["user_id"] for line in read["roster"]] == [str(guest.id)]
        assert read["questions"] == []
        attended = {"attended": [str(guest.id)]}
        marked = await api.put(f"{path}/attendance", stranger, json=attended)
        assert marked.json()["roster"][0]["status"] == "attended"
        for action in ("cancel", "close"):
            refused = await api.post(f"{path}/{action}", stranger)
            assert refused.status_code == HTTPStatus.FORBIDDEN
        closed = (await api.post(f"{path}/close", organiser)).json()
        assert closed["credited"] == []
        attendance = await session.scalars(
            select(VerifiedEvidence.user_id).where(VerifiedEvidence.module_id == theirs.module_id)
        )
        assert attendance.all() == [guest.id]

    async def test_who_asked_is_for_those_who_may_know(
        self, api: Api, theirs: LiveSession, organiser: User, admin: User
    ) -> None:
        path = f"{BASE}/{theirs.id}"
        asker = str(admin.id)
        assert (await api.post(f"{path}/roster", admin, json={"user_ids": [asker]})).is_success
        body = {"user_id": asker, "question": "Which?", "answer": "These."}
        assert (await api.post(f"{path}/questions", admin, json=body)).is_success
        for reader, shown in ((admin, asker), (organiser, None)):
            [question] = (await api.get(path, reader)).json()["questions"]
            assert (question["question"], question["user_id"]) == ("Which?", shown)

    @pytest.mark.parametrize("by", ["planning", "changing"])
    async def test_nobody_sees_more_by_naming_themselves(  # noqa: PLR0913  # who plays a part
        self,
        api: Api,
        module: TrainingModule,
        organiser: User,
        *,
        admin: User,
        other_learner: User,
        office: Location,
        session: AsyncSession,
        by: str,
    ) -> None:
        """One can name oneself the instructor, so the rights of this role end at one's scope."""
        friend = await make_user(session, location_id=office.id)
        for instructor in (organiser, friend):
            named = {"instructor_id": str(instructor.id)}
            body = planned(module, **(named if by == "planning" else {}))
            made = await api.post(BASE, organiser, json=body)
            path = f"{BASE}/{made.json()['id']}"
            people = {"user_ids": [str(other_learner.id), str(friend.id)]}
            added = await api.post(f"{path}/roster", admin, json=people)
            if by == "changing":
                await api.patch(path, organiser, json=named, headers=etag(added))
            read = await api.get(path, instructor)
            assert [line["user_id"] for line in read.json()["roster"]] == [str(friend.id)]
            hidden = [str(other_learner.id)]
            marked = await api.put(f"{path}/attendance", instructor, json={"attended": hidden})
            assert marked.json()["errors"][0]["code"] == "unknown_user"

    async def test_whom_an_admin_names_sees_everybody(
        self, api: Api, module: TrainingModule, stranger: User, admin: User, other_learner: User
    ) -> None:
        body = planned(module, instructor_id=str(stranger.id))
        made = (await api.post(BASE, admin, json=body)).json()
        people = {"user_ids": [str(other_learner.id)]}
        await api.post(f"{BASE}/{made['id']}/roster", admin, json=people)
        read = await api.get(f"{BASE}/{made['id']}", stranger)
        assert [line["user_id"] for line in read.json()["roster"]] == [str(other_learner.id)]

    async def test_what_an_admin_plans_is_for_every_office(
        self, api: Api, live: LiveSession, stranger: User
    ) -> None:
        path = f"{BASE}/{live.id}"
        assert (await api.get(path, stranger)).json()["roster"] == []
        body = {"user_ids": [str(stranger.id)]}
        assert (await api.post(f"{path}/roster", stranger, json=body)).is_success
        refused = await api.post(f"{path}/cancel", stranger)
        assert refused.status_code == HTTPStatus.FORBIDDEN


class TestUpdate:
    async def test_moves_it(self, api: Api, live: LiveSession, admin: User) -> None:
        read = await api.get(f"{BASE}/{live.id}", admin)
        body = {"starts_at": "2030-02-01T17:00:00Z", "place": None}
        moved = await api.patch(f"{BASE}/{live.id}", admin, json=body, headers=etag(read))
        assert moved.json()["starts_at"] == "2030-02-01T17:00:00Z"
        stale = await api.patch(f"{BASE}/{live.id}", admin, json=body, headers=etag(read))
        assert stale.status_code == HTTPStatus.PRECONDITION_FAILED

    async def test_cancelled_is_settled(self, api: Api, live: LiveSession, admin: User) -> None:
        cancelled = await api.post(f"{BASE}/{live.id}/cancel", admin)
        assert cancelled.json()["status"] == "cancelled"
        closed = await api.post(f"{BASE}/{live.id}/close", admin)
        assert closed.json()["code"] == "session_settled"


class TestLeavers:
    async def test_are_not_registered(
        self, api: Api, live: LiveSession, admin: User, session: AsyncSession
    ) -> None:
        leaver = await make_user(session, is_active=False)
        body = {"user_ids": [str(leaver.id)]}
        response = await api.post(f"{BASE}/{live.id}/roster", admin, json=body)
        assert response.json()["errors"][0]["code"] == "person_left"

    @pytest.mark.parametrize("enrolled", [True, False])
    async def test_get_no_record_after_they_left(  # noqa: PLR0913  # who plays a part
        self,
        api: Api,
        live: LiveSession,
        module: TrainingModule,
        admin: User,
        *,
        learner: User,
        session: AsyncSession,
        enrolled: bool,
    ) -> None:
        if enrolled:
            await enroll(api, learner, module)
        await attend(api, live, admin, learner)
        learner.is_active = False
        session.add(learner)
        await session.commit()
        closed = (await api.post(f"{BASE}/{live.id}/close", admin)).json()
        assert (closed["completed"], closed["credited"]) == ([], [])
        assert closed["not_enrolled"] == [str(learner.id)]
        for table in (TrainingRecord, VerifiedEvidence):
            assert await session.scalar(select(table.id).where(table.user_id == learner.id)) is None


class TestRoster:
    async def test_managers_register_their_own_people_only(
        self, api: Api, live: LiveSession, manager: User, author: User
    ) -> None:
        body = {"user_ids": [str(author.id)]}
        response = await api.post(f"{BASE}/{live.id}/roster", manager, json=body)
        assert response.json()["errors"][0]["code"] == "unknown_user"

    async def test_registering_twice_is_once(
        self, api: Api, live: LiveSession, admin: User, author: User, session: AsyncSession
    ) -> None:
        body = {"user_ids": [str(author.id)]}
        for _ in range(2):
            listed = await api.post(f"{BASE}/{live.id}/roster", admin, json=body)
            assert len(listed.json()["roster"]) == 3
        events = await session.scalars(
            select(AuditEvent).where(AuditEvent.action == "live_session:registered")
        )
        assert len(events.all()) == 1

    async def test_unregister(
        self, api: Api, live: LiveSession, admin: User, learner: User
    ) -> None:
        path = f"{BASE}/{live.id}/roster/{learner.id}"
        assert (await api.delete(path, admin)).status_code == HTTPStatus.NO_CONTENT
        assert (await api.delete(path, admin)).status_code == HTTPStatus.NOT_FOUND


class TestAttendance:
    async def test_attendees_do_not_mark(self, api: Api, live: LiveSession, learner: User) -> None:
        body = {"attended": [str(learner.id)]}
        response = await api.put(f"{BASE}/{live.id}/attendance", learner, json=body)
        assert response.status_code == HTTPStatus.FORBIDDEN

    async def test_strangers_do_not_mark(
        self, api: Api, live: LiveSession, manager: User, learner: User
    ) -> None:
        body = {"attended": [str(learner.id)]}
        response = await api.put(f"{BASE}/{live.id}/attendance", manager, json=body)
        assert response.json()["errors"][0]["code"] == "unknown_user"

    async def test_the_instructor_marks(
        self, api: Api, session: AsyncSession, module: TrainingModule, admin: User, learner: User
    ) -> None:
        instructor = await make_user(session)
        live = await make_live_session(
            session, module, admin, learner, instructor, instructor_id=instructor.id
        )
        await attend(api, live, instructor, learner)
        body = {"attended": [str(instructor.id)]}
        own = await api.put(f"{BASE}/{live.id}/attendance", instructor, json=body)
        assert own.json()["code"] == "own_attendance"

    async def test_only_people_of_the_roster(
        self, api: Api, live: LiveSession, admin: User, author: User
    ) -> None:
        body = {"attended": [str(author.id)]}
        response = await api.put(f"{BASE}/{live.id}/attendance", admin, json=body)
        assert response.json()["errors"][0]["code"] == "not_on_roster"


class TestQuestions:
    async def test_are_kept(self, api: Api, live: LiveSession, admin: User, learner: User) -> None:
        body = {"user_id": str(learner.id), "question": "Which gloves?", "answer": "Nitrile."}
        created = await api.post(f"{BASE}/{live.id}/questions", admin, json=body)
        assert created.status_code == HTTPStatus.CREATED
        read = (await api.get(f"{BASE}/{live.id}", admin)).json()
        assert [question["answer"] for question in read["questions"]] == ["Nitrile."]
        assert (await api.get(f"{BASE}/{live.id}", learner)).json()["questions"] == []


class TestClose:
    async def test_learners_may_not(self, api: Api, live: LiveSession, learner: User) -> None:
        response = await api.post(f"{BASE}/{live.id}/close", learner)
        assert response.status_code == HTTPStatus.FORBIDDEN

    @pytest.mark.parametrize("begun", [-60, 1, 89])
    async def test_not_before_its_end(
        self, api: Api, session: AsyncSession, module: TrainingModule, admin: User, begun: int
    ) -> None:
        starts_at = datetime.now(UTC) - timedelta(minutes=begun)
        live = await make_live_session(session, module, admin, starts_at=starts_at)
        closing = f"{BASE}/{live.id}/close"
        assert_problem(await api.post(closing, admin), 409, "session_not_over")
        if begun > 0:
            shorter = {"duration_minutes": begun}
            headers = {"If-Match": live.etag}
            await api.patch(f"{BASE}/{live.id}", admin, json=shorter, headers=headers)
            assert (await api.post(closing, admin)).status_code == HTTPStatus.OK

    async def test_record_names_the_instructor(  # noqa: PLR0913, PLR0917  # fixtures are asked for by parameter
        self,
        api: Api,
        live: LiveSession,
        module: TrainingModule,
        admin: User,
        learner: User,
        other_learner: User,
        session: AsyncSession,
    ) -> None:
        enrollment_id = await enroll(api, learner, module)
        absent_id = await enroll(api, other_learner, module)
        await attend(api, live, admin, learner)
        closed = (await api.post(f"{BASE}/{live.id}/close", admin)).json()
        assert closed["completed"] == [str(learner.id)]
        assert closed["credited"] == closed["not_enrolled"] == []
        enrollment = (await api.get(f"/enrollments/{enrollment_id}", learner)).json()
        assert enrollment["status"] == "completed"
        absent = (await api.get(f"/enrollments/{absent_id}", other_learner)).json()
        assert absent["status"] == "active"
        record = (await session.scalars(select(TrainingRecord))).one()
        payload = orjson.loads(record.payload)
        assert payload["delivery_method"] == "live"
        assert payload["minutes"] == 90
        [instructor] = payload["instructors"]
        assert instructor["name"] == "Ivy Instructor"
        assert instructor["qualification"] == "RN, infection control"
        assert instructor["session_id"] == str(live.id)
        assert instructor["starts_at"] == "2026-01-15T17:00:00.000000Z"

    async def test_blended(
        self,
        api: Api,
        session: AsyncSession,
        database: RollbackDatabase,
        admin: User,
        learner: User,
    ) -> None:
        module = await make_module(session, text_section(), live_section())
        await publish(database, module)
        enrollment_id = await enroll(api, learner, module)
        live = await make_live_session(session, module, admin, learner)
        await attend(api, live, admin, learner)
        await api.post(f"{BASE}/{live.id}/close", admin)
        assert (await session.scalars(select(TrainingRecord))).all() == []
        later = await make_live_session(
            session, module, admin, learner, instructor_name="Came Too Late"
        )
        await attend(api, later, admin, learner)
        await api.post(f"{BASE}/{later.id}/close", admin)
        report = {"seconds_spent": 1, "position": 0, "completed": True}
        path = f"/enrollments/{enrollment_id}/sections/{module.sections[0].id}/progress"
        await api.put(path, learner, json=report)
        record = (await session.scalars(select(TrainingRecord))).one()
        payload = orjson.loads(record.payload)
        assert payload["delivery_method"] == "blended"
        assert [who["name"] for who in payload["instructors"]] == ["Ivy Instructor"]

    async def test_credits_who_is_not_enrolled(  # noqa: PLR0913, PLR0917  # fixtures are asked for by parameter
        self,
        api: Api,
        live: LiveSession,
        module: TrainingModule,
        admin: User,
        learner: User,
        session: AsyncSession,
    ) -> None:
        await attend(api, live, admin, learner)
        closed = (await api.post(f"{BASE}/{live.id}/close", admin)).json()
        assert closed["credited"] == [str(learner.id)]
        attendance = (
            await session.scalars(select(Attendance).where(Attendance.user_id == learner.id))
        ).one()
        evidence = await session.get_one(VerifiedEvidence, attendance.id)
        assert str(evidence.day) == "2026-01-15"
        assert (evidence.module_id, evidence.version) == (module.id, 1)

    async def test_attendance_is_not_all_where_the_module_asks_for_more(
        self,
        api: Api,
        session: AsyncSession,
        database: RollbackDatabase,
        admin: User,
        learner: User,
    ) -> None:
        module = await make_module(session, text_section(), live_section())
        await publish(database, module)
        live = await make_live_session(session, module, admin, learner)
        await attend(api, live, admin, learner)
        closed = (await api.post(f"{BASE}/{live.id}/close", admin)).json()
        assert closed["not_enrolled"] == [str(learner.id)]
        assert (await session.scalars(select(VerifiedEvidence))).all() == []

    async def test_keeps_names_as_they_were(
        self, api: Api, live: LiveSession, admin: User, learner: User, session: AsyncSession
    ) -> None:
        await attend(api, live, admin, learner)
        await api.post(f"{BASE}/{live.id}/close", admin)
        before = learner.full_name
        learner.full_name = "Renamed Later"
        session.add(learner)
        await session.commit()
        read = (await api.get(f"{BASE}/{live.id}", admin)).json()
        lines = {line["user_id"]: line for line in read["roster"]}
        assert lines[str(learner.id)]["full_name"] == before
        assert {line["status"] for line in lines.values()} == {"attended", "absent"}

    async def test_only_the_session_of_this_cycle_is_named(
        self,
        api: Api,
        session: AsyncSession,
        module: TrainingModule,
        admin: User,
        learner: User,
    ) -> None:
        for day, name in enumerate(("First Teacher", "Second Teacher"), 15):
            await enroll(api, learner, module)
            held = {"starts_at": datetime(2026, 1, day, tzinfo=UTC), "instructor_name": name}
            live = await make_live_session(session, module, admin, learner, **held)
            await attend(api, live, admin, learner)
            await api.post(f"{BASE}/{live.id}/close", admin)
        records = await session.scalars(select(TrainingRecord).order_by(TrainingRecord.sequence))
        named = [orjson.loads(record.payload)["instructors"] for record in records]
        assert [[who["name"] for who in one] for one in named] == [
            ["First Teacher"],
            ["Second Teacher"],
        ]

    async def test_unknown(self, api: Api, admin: User) -> None:
        response = await api.post(f"{BASE}/{uuid.uuid4()}/close", admin)
        assert response.status_code == HTTPStatus.NOT_FOUND
