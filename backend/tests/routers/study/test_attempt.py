import uuid
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from app.domain.actor import Role
from app.models import AuditEvent, Enrollment, QuizAttempt, TrainingRecord, User
from tests.factories.attempt import Quiz, expire, make_quiz, question
from tests.factories.module import (
    make_module,
    publish,
    quiz_section,
    single_choice,
    text_section,
)
from tests.factories.user import make_location, make_user
from tests.planting import as_owner
from tests.support import Api, RollbackDatabase, count_statements


@pytest.fixture
async def quiz(session: AsyncSession, database: RollbackDatabase) -> Quiz:
    return await make_quiz(session, database, cooldown_minutes=0)


@pytest.fixture
async def enrollment_id(api: Api, learner: User, quiz: Quiz) -> str:
    return await quiz.enroll(api, learner)


class TestStart:
    async def test_anonymous(self, api: Api) -> None:
        path = f"/enrollments/{uuid.uuid4()}/sections/{uuid.uuid4()}/attempts"
        assert (await api.post(path)).status_code == HTTPStatus.UNAUTHORIZED

    async def test_not_in_others_enrollments(
        self, api: Api, quiz: Quiz, enrollment_id: str, other_learner: User, admin: User
    ) -> None:
        for user in (other_learner, admin):
            response = await api.post(quiz.attempts(enrollment_id), user)
            assert response.status_code == HTTPStatus.NOT_FOUND

    async def test_new_then_the_same_on_another_device(
        self, api: Api, learner: User, quiz: Quiz, enrollment_id: str
    ) -> None:
        first = await api.post(quiz.attempts(enrollment_id), learner)
        again = await api.post(quiz.attempts(enrollment_id), learner)
        assert (first.status_code, again.status_code) == (HTTPStatus.CREATED, HTTPStatus.OK)
        assert first.headers["Location"] == f"/api/v1/attempts/{first.json()['id']}"
        assert again.json() == first.json()

    async def test_shows_questions_without_answers(
        self, api: Api, learner: User, quiz: Quiz, enrollment_id: str
    ) -> None:
        attempt = await quiz.start(api, learner, enrollment_id)
        assert (attempt["number"], attempt["state"], attempt["answers"]) == (1, "open", {})
        assert attempt["started_at"].endswith("Z")
        assert attempt["expires_at"] is None
        assert {each["id"] for each in attempt["questions"]} == set(quiz.right())
        allowed = {"id", "kind", "prompt", "points", "options", "left", "right", "items"}
        assert all(set(each) <= allowed for each in attempt["questions"])

    async def test_section_is_in_progress_and_audited(
        self, api: Api, learner: User, quiz: Quiz, enrollment_id: str, session: AsyncSession
    ) -> None:
        attempt = await quiz.start(api, learner, enrollment_id)
        enrollment = (await api.get(f"/enrollments/{enrollment_id}", learner)).json()
        assert enrollment["sections"][0]["state"] == "in_progress"
        target = AuditEvent.target_id == uuid.UUID(attempt["id"])
        actions = await session.scalars(select(AuditEvent.action).where(target))
        assert list(actions) == ["attempt:started"]

    async def test_draws_from_the_pool(
        self, api: Api, learner: User, session: AsyncSession, database: RollbackDatabase
    ) -> None:
        pool = [single_choice(prompt=f"Question {number}?") for number in range(8)]
        quiz = await make_quiz(session, database, *pool, draw=3)
        attempt = await quiz.begin(api, learner)
        shown = {each["id"] for each in attempt["questions"]}
        assert len(shown) == 3
        assert shown < {str(each.id) for each in pool}

    async def test_deadline_from_the_time_limit(
        self, api: Api, learner: User, session: AsyncSession, database: RollbackDatabase
    ) -> None:
        quiz = await make_quiz(session, database, time_limit_seconds=90)
        attempt = await quiz.begin(api, learner)
        row = (await session.scalars(select(QuizAttempt))).one()
        assert row.expires_at == row.started_at + timedelta(seconds=90)
        assert attempt["expires_at"] is not None

    async def test_unknown_section_and_other_kinds(
        self, api: Api, learner: User, session: AsyncSession, database: RollbackDatabase
    ) -> None:
        reading, quiz = text_section(), quiz_section()
        module = await make_module(session, reading, quiz)
        version = await publish(database, module)
        enrollment_id = await Quiz(module, quiz, version).enroll(api, learner)
        refused = {uuid.uuid4(): "section_not_found", reading.id: "not_a_quiz"}
        for section_id, code in refused.items():
            path = f"/enrollments/{enrollment_id}/sections/{section_id}/attempts"
            assert (await api.post(path, learner)).json()["code"] == code

    async def test_no_attempts_left(
        self, api: Api, learner: User, session: AsyncSession, database: RollbackDatabase
    ) -> None:
        quiz = await make_quiz(session, database, max_attempts=1)
        enrollment_id = await quiz.enroll(api, learner)
        await quiz.take(api, learner, enrollment_id, quiz.wrong())
        response = await api.post(quiz.attempts(enrollment_id), learner)
        assert response.status_code == HTTPStatus.CONFLICT
        assert response.json()["code"] == "no_attempts_left"

    async def test_leaving_and_coming_back_is_no_way_to_more_attempts(
        self, api: Api, learner: User, session: AsyncSession, database: RollbackDatabase
    ) -> None:
        quiz = await make_quiz(session, database, max_attempts=1)
        enrollment_id = await quiz.enroll(api, learner)
        await quiz.take(api, learner, enrollment_id, quiz.wrong())
        await api.post(f"/enrollments/{enrollment_id}/withdraw", learner)
        again = await quiz.enroll(api, learner)
        assert again != enrollment_id
        response = await api.post(quiz.attempts(again), learner)
        assert response.json()["code"] == "no_attempts_left"

    @pytest.mark.parametrize(("material", "number"), [(False, 2), (True, 1)])
    async def test_nor_is_a_newer_version_unless_it_is_another(  # noqa: PLR0913, PLR0917  # fixtures are asked for by parameter
        self,
        api: Api,
        learner: User,
        session: AsyncSession,
        database: RollbackDatabase,
        material: bool,  # noqa: FBT001  # a parameter of the test
        number: int,
    ) -> None:
        quiz = await make_quiz(session, database, max_attempts=2, cooldown_minutes=0)
        enrollment_id = await quiz.enroll(api, learner)
        await quiz.take(api, learner, enrollment_id, quiz.wrong())
        await api.post(f"/enrollments/{enrollment_id}/withdraw", learner)
        quiz.section.title = "Another title"
        await session.commit()
        await publish(database, quiz.module, material_change=material)
        again = await quiz.enroll(api, learner)
        (section,) = (await api.get(f"/enrollments/{again}", learner)).json()["sections"]
        assert section["attempts_left"] == 3 - number
        assert (await quiz.take(api, learner, again, quiz.wrong()))["number"] == number
        last = await api.post(quiz.attempts(again), learner)
        assert last.status_code == (HTTPStatus.CREATED if material else HTTPStatus.CONFLICT)

    async def test_neither_is_being_withdrawn_by_a_manager(
        self, api: Api, manager: User, session: AsyncSession, database: RollbackDatabase
    ) -> None:
        learner = await make_user(session, manager_id=manager.id)
        quiz = await make_quiz(session, database, max_attempts=2, cooldown_minutes=0)
        for withdrawing in (manager, learner):
            body = {"module_id": str(quiz.module.id), "user_ids": [str(learner.id)]}
            if withdrawing is manager:
                await api.post("/enrollments/bulk", manager, json=body)
            enrollment_id = await quiz.enroll(api, learner)
            await quiz.take(api, learner, enrollment_id, quiz.wrong())
            assert (
                await api.post(f"/enrollments/{enrollment_id}/withdraw", withdrawing)
            ).is_success
        await api.post("/enrollments/bulk", manager, json=body)
        again = await quiz.enroll(api, learner)
        response = await api.post(quiz.attempts(again), learner)
        assert response.json()["code"] == "no_attempts_left"

    async def test_the_next_cycle_starts_anew(
        self, api: Api, learner: User, session: AsyncSession, database: RollbackDatabase
    ) -> None:
        quiz = await make_quiz(session, database, max_attempts=2, cooldown_minutes=0)
        enrollment_id = await quiz.enroll(api, learner)
        await quiz.take(api, learner, enrollment_id, quiz.wrong())
        await api.post(f"/enrollments/{enrollment_id}/withdraw", learner)
        completed = await quiz.enroll(api, learner)
        assert (await quiz.take(api, learner, completed, quiz.right()))["number"] == 2
        again = await quiz.enroll(api, learner)
        assert again not in {enrollment_id, completed}
        (section,) = (await api.get(f"/enrollments/{again}", learner)).json()["sections"]
        assert section["attempts_left"] == 2
        assert (await quiz.start(api, learner, again))["number"] == 1

    async def test_an_open_attempt_counts_when_it_was_left(
        self, api: Api, learner: User, session: AsyncSession, database: RollbackDatabase
    ) -> None:
        quiz = await make_quiz(session, database, max_attempts=2, time_limit_seconds=60)
        numbers = []
        for _ in range(2):
            enrollment_id = await quiz.enroll(api, learner)
            numbers.append((await quiz.start(api, learner, enrollment_id))["number"])
            await api.post(f"/enrollments/{enrollment_id}/withdraw", learner)
        response = await api.post(quiz.attempts(await quiz.enroll(api, learner)), learner)
        assert numbers == [1, 2]
        assert response.json()["code"] == "no_attempts_left"

    async def test_the_next_one_waits_since_the_last_was_left(
        self, api: Api, learner: User, session: AsyncSession, database: RollbackDatabase
    ) -> None:
        quiz = await make_quiz(session, database, cooldown_minutes=30)
        enrollment_id = await quiz.enroll(api, learner)
        await quiz.start(api, learner, enrollment_id)
        await api.post(f"/enrollments/{enrollment_id}/withdraw", learner)
        left_at = (await session.scalars(select(Enrollment.withdrawn_at))).one()
        assert left_at is not None
        again = await quiz.enroll(api, learner)
        problem = (await api.post(quiz.attempts(again), learner)).json()
        assert problem["code"] == "cooling_down"
        available_at = datetime.fromisoformat(problem["available_at"])
        assert available_at == left_at + timedelta(minutes=30)

    async def test_another_person_starts_anew(
        self, api: Api, learner: User, session: AsyncSession, database: RollbackDatabase
    ) -> None:
        quiz = await make_quiz(session, database, max_attempts=1)
        enrollment_id = await quiz.enroll(api, learner)
        await quiz.start(api, learner, enrollment_id)
        await api.post(f"/enrollments/{enrollment_id}/withdraw", learner)
        other = await make_user(session)
        assert (await quiz.begin(api, other))["number"] == 1

    async def test_cooling_down(
        self, api: Api, learner: User, session: AsyncSession, database: RollbackDatabase
    ) -> None:
        quiz = await make_quiz(session, database, cooldown_minutes=30)
        enrollment_id = await quiz.enroll(api, learner)
        result = await quiz.take(api, learner, enrollment_id, {})
        problem = (await api.post(quiz.attempts(enrollment_id), learner)).json()
        assert (problem["status"], problem["code"]) == (409, "cooling_down")
        assert problem["available_at"].endswith("Z")
        assert problem["available_at"] > problem["server_time"] > result["submitted_at"]
        assert problem["available_at"] == result["available_at"]
        detail = (await api.get(f"/enrollments/{enrollment_id}", learner)).json()
        [section] = [each for each in detail["sections"] if each["kind"] == "quiz"]
        assert section["available_at"] == problem["available_at"] > detail["server_time"]

    async def test_already_passed(
        self, api: Api, learner: User, quiz: Quiz, enrollment_id: str
    ) -> None:
        await quiz.take(api, learner, enrollment_id, quiz.right())
        response = await api.post(quiz.attempts(enrollment_id), learner)
        assert (response.status_code, response.json()["code"]) == (409, "already_passed")

    @pytest.mark.parametrize("max_attempts", [3, None])
    async def test_none_is_left_once_it_is_passed(
        self,
        api: Api,
        learner: User,
        session: AsyncSession,
        database: RollbackDatabase,
        max_attempts: int | None,
    ) -> None:
        quiz = await make_quiz(session, database, max_attempts=max_attempts)
        enrollment_id = await quiz.enroll(api, learner)
        result = await quiz.take(api, learner, enrollment_id, quiz.right())
        read = (await api.get(f"/attempts/{result['id']}", learner)).json()
        detail = (await api.get(f"/enrollments/{enrollment_id}", learner)).json()
        left = [each["attempts_left"] for each in (result, read, detail["sections"][0])]
        assert left == [0, 0, 0]

    @pytest.mark.parametrize("max_attempts", [3, None])
    async def test_none_is_left_once_the_enrollment_is_withdrawn(
        self,
        api: Api,
        learner: User,
        session: AsyncSession,
        database: RollbackDatabase,
        max_attempts: int | None,
    ) -> None:
        quiz = await make_quiz(
            session,
            database,
            max_attempts=max_attempts,
            cooldown_minutes=30,
            feedback="after_attempt",
        )
        enrollment_id = await quiz.enroll(api, learner)
        result = await quiz.take(api, learner, enrollment_id, quiz.wrong())
        await api.post(f"/enrollments/{enrollment_id}/withdraw", learner)
        read = (await api.get(f"/attempts/{result['id']}", learner)).json()
        detail = (await api.get(f"/enrollments/{enrollment_id}", learner)).json()
        for each in (read, detail["sections"][0]):
            assert (each["attempts_left"], each.get("available_at")) == (0, None)
        shown = [each["correct_answer"] for each in read["feedback"]["questions"]]
        assert set(map(str, shown)) == {"None"}, "the answers could be used by enrolling again"

    async def test_enrollment_closed(
        self, api: Api, learner: User, quiz: Quiz, enrollment_id: str
    ) -> None:
        attempt = await quiz.start(api, learner, enrollment_id)
        await api.post(f"/enrollments/{enrollment_id}/withdraw", learner)
        for response in (
            await api.post(quiz.attempts(enrollment_id), learner),
            await api.put(f"/attempts/{attempt['id']}/answers", learner, json={"answers": {}}),
            await api.post(f"/attempts/{attempt['id']}/submit", learner),
        ):
            assert (response.status_code, response.json()["code"]) == (409, "enrollment_closed")

    async def test_idempotency_key_replays(
        self, api: Api, learner: User, quiz: Quiz, enrollment_id: str
    ) -> None:
        headers = {"Idempotency-Key": "start-once"}
        first = await api.post(quiz.attempts(enrollment_id), learner, headers=headers)
        again = await api.post(quiz.attempts(enrollment_id), learner, headers=headers)
        assert again.status_code == first.status_code == HTTPStatus.CREATED
        assert again.headers["Idempotency-Replayed"] == "true"
        assert again.content == first.content


class TestSave:
    @pytest.fixture
    async def attempt(
        self, api: Api, learner: User, quiz: Quiz, enrollment_id: str
    ) -> dict[str, Any]:
        return await quiz.start(api, learner, enrollment_id)

    async def save(self, api: Api, user: User, attempt: dict[str, Any], answers: Any) -> Any:
        path = f"/attempts/{attempt['id']}/answers"
        return await api.put(path, user, json={"answers": answers})

    async def test_others_do_not_see_it(
        self, api: Api, other_learner: User, admin: User, attempt: dict[str, Any]
    ) -> None:
        for user in (other_learner, admin):
            response = await self.save(api, user, attempt, {})
            assert response.status_code == HTTPStatus.NOT_FOUND

    async def test_merges_and_clears(
        self, api: Api, learner: User, quiz: Quiz, attempt: dict[str, Any]
    ) -> None:
        (first, one), (second, two), *_ = quiz.right().items()
        await self.save(api, learner, attempt, {first: one})
        both = await self.save(api, learner, attempt, {second: two})
        assert both.json()["answers"] == {first: one, second: two}
        cleared = await self.save(api, learner, attempt, {first: None})
        assert cleared.json()["answers"] == {second: two}
        resumed = await api.get(f"/attempts/{attempt['id']}", learner)
        assert resumed.json()["answers"] == {second: two}

    async def test_one_malformed_answer_saves_none(
        self, api: Api, learner: User, quiz: Quiz, attempt: dict[str, Any]
    ) -> None:
        (first, right), (second, _), *_ = quiz.right().items()
        unknown = str(uuid.uuid4())
        await self.save(api, learner, attempt, {first: right})
        response = await self.save(
            api, learner, attempt, {first: None, second: "canary", unknown: "x", "a/~b": 1}
        )
        assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        errors = {each["pointer"]: each["code"] for each in response.json()["errors"]}
        assert errors == {
            f"/answers/{second}": "invalid_answer",
            f"/answers/{unknown}": "unknown_question",
            "/answers/a~1~0b": "unknown_question",
        }
        assert "canary" not in response.text
        kept = await api.get(f"/attempts/{attempt['id']}", learner)
        assert kept.json()["answers"] == {first: right}

    async def test_closed(self, api: Api, learner: User, quiz: Quiz, enrollment_id: str) -> None:
        result = await quiz.take(api, learner, enrollment_id, {})
        response = await self.save(api, learner, result, quiz.right())
        assert (response.status_code, response.json()["code"]) == (409, "attempt_closed")

    async def test_keeps_how_long_each_first_answer_took(
        self,
        api: Api,
        learner: User,
        quiz: Quiz,
        attempt: dict[str, Any],
        session: AsyncSession,
    ) -> None:
        (first, right), *rest = quiz.right().items()
        await self.save(api, learner, attempt, {first: right})
        once = (await session.scalars(select(QuizAttempt.answer_seconds))).one()
        await self.save(api, learner, attempt, {first: right})
        again = (await session.scalars(select(QuizAttempt.answer_seconds))).one()
        assert set(once) == {first}
        assert once[first] > 0
        assert again == once
        await self.save(api, learner, attempt, dict(rest))
        row = (await session.scalars(select(QuizAttempt))).one()
        now = (await session.execute(select(func.clock_timestamp()))).scalar_one()
        elapsed = (now - row.started_at).total_seconds()
        assert len(row.answer_seconds) == len(quiz.questions)
        assert sum(row.answer_seconds.values()) == pytest.approx(elapsed, abs=0.5)


class TestSubmit:
    async def test_full_marks_complete_everything(
        self, api: Api, learner: User, quiz: Quiz, enrollment_id: str, session: AsyncSession
    ) -> None:
        result = await quiz.take(api, learner, enrollment_id, quiz.right())
        assert (result["state"], result["passed"]) == ("graded", True)
        assert (result["score_percent"], result["points"], result["max_points"]) == (100, 7, 7)
        enrollment = (await api.get(f"/enrollments/{enrollment_id}", learner)).json()
        assert (enrollment["status"], enrollment["progress_percent"]) == ("completed", 100)
        record = (await session.scalars(select(TrainingRecord))).one()
        assert record.score_percent == 100

    async def test_empty_submission_scores_nothing(
        self, api: Api, learner: User, quiz: Quiz, enrollment_id: str
    ) -> None:
        result = await quiz.take(api, learner, enrollment_id, {})
        assert (result["score_percent"], result["passed"], result["points"]) == (0, False, 0)

    async def test_partial_credit(
        self, api: Api, learner: User, session: AsyncSession, database: RollbackDatabase
    ) -> None:
        quiz = await make_quiz(session, database, question("matching", points=3), pass_mark=50)
        answers = {str(quiz.questions[0].id): {"l1": "r2"}}
        result = await quiz.take(api, learner, await quiz.enroll(api, learner), answers)
        assert (result["points"], result["score_percent"], result["passed"]) == (1.5, 50, True)

    async def test_again_is_the_same_result(
        self, api: Api, learner: User, quiz: Quiz, enrollment_id: str
    ) -> None:
        attempt = await quiz.start(api, learner, enrollment_id)
        path = f"/attempts/{attempt['id']}/submit"
        first = await api.post(path, learner, json={"answers": quiz.wrong()})
        again = await api.post(path, learner, json={"answers": quiz.right()})
        bare = await api.post(path, learner)
        assert first.content == again.content == bare.content
        assert first.json()["passed"] is False

    async def test_answers_what_is_read_later(
        self, api: Api, learner: User, session: AsyncSession, database: RollbackDatabase
    ) -> None:
        quiz = await make_quiz(session, database, max_attempts=3, cooldown_minutes=0)
        result = await quiz.take(api, learner, await quiz.enroll(api, learner), quiz.wrong())
        read = await api.get(f"/attempts/{result['id']}", learner)
        assert read.json() == result
        assert result["attempts_left"] == 2
        assert {each["id"] for each in result["questions"]} == quiz.wrong().keys()

    async def test_total_and_shares_are_rounded_alike(
        self, api: Api, learner: User, session: AsyncSession, database: RollbackDatabase
    ) -> None:
        thirds = question("ordering", points=1)
        thirds.answer_metadata = {
            "items": [{"id": each, "text": each} for each in "abc"],
            "correct": ["a", "b", "c"],
        }
        quiz = await make_quiz(
            session, database, thirds, feedback="after_attempt", cooldown_minutes=0
        )
        answers = {str(thirds.id): ["a", "c", "b"]}
        result = await quiz.take(api, learner, await quiz.enroll(api, learner), answers)
        [share] = result["feedback"]["questions"]
        assert result["points"] == share["points"] == 0.33
        assert result["score_percent"] == 33.33

    async def test_server_time_stands_beside_deadlines(
        self, api: Api, learner: User, session: AsyncSession, database: RollbackDatabase
    ) -> None:
        quiz = await make_quiz(session, database, time_limit_seconds=600)
        attempt = await quiz.start(api, learner, await quiz.enroll(api, learner))
        assert attempt["started_at"] <= attempt["server_time"] < attempt["expires_at"]
        path = f"/attempts/{attempt['id']}/answers"
        saved = (await api.put(path, learner, json={"answers": {}})).json()
        assert attempt["server_time"] < saved["server_time"] < saved["expires_at"]

    async def test_takes_three_statements(
        self, api: Api, learner: User, quiz: Quiz, enrollment_id: str, engine: AsyncEngine
    ) -> None:
        attempt = await quiz.start(api, learner, enrollment_id)
        body = {"answers": quiz.wrong()}
        with count_statements(engine) as statements:
            await api.post(f"/attempts/{attempt['id']}/submit", learner, json=body)
        seen = [each for each in statements.seen if "SAVEPOINT" not in each]
        assert len(seen) <= 3, seen

    async def test_saved_answers_count(
        self, api: Api, learner: User, quiz: Quiz, enrollment_id: str
    ) -> None:
        attempt = await quiz.start(api, learner, enrollment_id)
        body = {"answers": quiz.right()}
        await api.put(f"/attempts/{attempt['id']}/answers", learner, json=body)
        result = await api.post(f"/attempts/{attempt['id']}/submit", learner)
        assert result.json()["score_percent"] == 100

    async def test_last_answers_may_clear(
        self, api: Api, learner: User, quiz: Quiz, enrollment_id: str
    ) -> None:
        attempt = await quiz.start(api, learner, enrollment_id)
        body = {"answers": quiz.right()}
        await api.put(f"/attempts/{attempt['id']}/answers", learner, json=body)
        nothing = {"answers": dict.fromkeys(quiz.right())}
        result = await api.post(f"/attempts/{attempt['id']}/submit", learner, json=nothing)
        assert result.json()["score_percent"] == 0

    async def test_malformed_answers_leave_it_open(
        self, api: Api, learner: User, quiz: Quiz, enrollment_id: str
    ) -> None:
        attempt = await quiz.start(api, learner, enrollment_id)
        body = {"answers": {next(iter(quiz.right())): 12}}
        response = await api.post(f"/attempts/{attempt['id']}/submit", learner, json=body)
        assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert (await api.get(f"/attempts/{attempt['id']}", learner)).json()["state"] == "open"

    async def test_idempotency_key_replays(
        self, api: Api, learner: User, quiz: Quiz, enrollment_id: str
    ) -> None:
        attempt = await quiz.start(api, learner, enrollment_id)
        path, headers = f"/attempts/{attempt['id']}/submit", {"Idempotency-Key": "submit-once"}
        first = await api.post(path, learner, headers=headers)
        again = await api.post(path, learner, headers=headers)
        assert again.headers["Idempotency-Replayed"] == "true"
        assert again.content == first.content

    async def test_audit_holds_no_answers(
        self, api: Api, learner: User, quiz: Quiz, enrollment_id: str, session: AsyncSession
    ) -> None:
        await quiz.take(api, learner, enrollment_id, quiz.right())
        graded = AuditEvent.action == "attempt:graded"
        event = (await session.scalars(select(AuditEvent).where(graded))).one()
        assert event.actor_id == learner.id
        assert set(event.after or {}) == {
            "enrollment_id",
            "number",
            "score_percent",
            "passed",
            "timed_out",
        }


class TestTimeOut:
    @pytest.fixture
    async def quiz(self, session: AsyncSession, database: RollbackDatabase) -> Quiz:
        return await make_quiz(session, database, time_limit_seconds=60)

    @pytest.fixture
    async def attempt(
        self, api: Api, learner: User, quiz: Quiz, enrollment_id: str
    ) -> dict[str, Any]:
        attempt = await quiz.start(api, learner, enrollment_id)
        path = f"/attempts/{attempt['id']}/answers"
        await api.put(path, learner, json={"answers": quiz.right()})
        return attempt

    async def test_grace_for_the_network(
        self, api: Api, learner: User, attempt: dict[str, Any], session: AsyncSession
    ) -> None:
        await expire(session, timedelta(seconds=2))
        result = await api.post(f"/attempts/{attempt['id']}/submit", learner)
        assert (result.json()["timed_out"], result.json()["passed"]) == (False, True)

    async def test_reading_closes_and_grades_what_was_saved(
        self, api: Api, learner: User, attempt: dict[str, Any], session: AsyncSession
    ) -> None:
        await expire(session, timedelta(seconds=6))
        result = (await api.get(f"/attempts/{attempt['id']}", learner)).json()
        assert (result["timed_out"], result["passed"]) == (True, True)
        assert result["submitted_at"] == result["expires_at"]
        assert (await session.scalars(select(TrainingRecord))).one().user_id == learner.id

    async def test_saving_comes_too_late(
        self, api: Api, learner: User, attempt: dict[str, Any], session: AsyncSession
    ) -> None:
        await expire(session, timedelta(seconds=6))
        body = {"answers": dict.fromkeys(attempt["answers"])}
        response = await api.put(f"/attempts/{attempt['id']}/answers", learner, json=body)
        assert (response.status_code, response.json()["code"]) == (409, "attempt_closed")
        assert (await api.get(f"/attempts/{attempt['id']}", learner)).json()["passed"] is True

    async def test_submitting_late_tells_the_result(
        self, api: Api, learner: User, quiz: Quiz, attempt: dict[str, Any], session: AsyncSession
    ) -> None:
        await expire(session, timedelta(seconds=6))
        body = {"answers": quiz.wrong()}
        response = await api.post(f"/attempts/{attempt['id']}/submit", learner, json=body)
        assert (response.status_code, response.json()["score_percent"]) == (200, 100)

    async def test_starting_and_listing_close_it(
        self, api: Api, learner: User, quiz: Quiz, attempt: dict[str, Any], session: AsyncSession
    ) -> None:
        enrollment_id = attempt["enrollment_id"]
        await expire(session, timedelta(seconds=6))
        listed = (await api.get(quiz.attempts(enrollment_id), learner)).json()
        assert [each["state"] for each in listed["items"]] == ["graded"]
        started = await api.post(quiz.attempts(enrollment_id), learner)
        assert started.json()["code"] == "already_passed"

    async def test_starting_closes_a_failed_one_and_starts_the_next(
        self, api: Api, learner: User, quiz: Quiz, enrollment_id: str, session: AsyncSession
    ) -> None:
        await quiz.start(api, learner, enrollment_id)
        await expire(session)
        second = await quiz.start(api, learner, enrollment_id)
        assert second["number"] == 2


class TestRead:
    async def test_own_result_with_questions_and_answers(
        self, api: Api, learner: User, quiz: Quiz, enrollment_id: str
    ) -> None:
        result = await quiz.take(api, learner, enrollment_id, quiz.wrong())
        read = (await api.get(f"/attempts/{result['id']}", learner)).json()
        assert read["answers"] == quiz.wrong()
        assert {each["id"] for each in read["questions"]} == set(quiz.wrong())
        assert "feedback" not in read

    async def test_others_do_not_see_it(
        self, api: Api, learner: User, other_learner: User, quiz: Quiz, enrollment_id: str
    ) -> None:
        result = await quiz.take(api, learner, enrollment_id, {})
        for path in (f"/attempts/{result['id']}", quiz.attempts(enrollment_id)):
            assert (await api.get(path, other_learner)).status_code == HTTPStatus.NOT_FOUND

    async def test_managers_see_results_of_their_people_only(
        self, api: Api, quiz: Quiz, session: AsyncSession, admin: User
    ) -> None:
        location = await make_location(session)
        learner = await make_user(session, location_id=location.id)
        manager = await make_user(session, location_id=location.id, role=Role.MANAGER)
        stranger = await make_user(session, role=Role.MANAGER)
        enrollment_id = await quiz.enroll(api, learner)
        attempt = await quiz.start(api, learner, enrollment_id)
        for state in ("open", "graded"):
            for user in (manager, admin):
                seen = (await api.get(f"/attempts/{attempt['id']}", user)).json()
                assert seen["state"] == state
                assert (seen["questions"], seen["answers"]) == ([], {})
                assert not {"feedback", "attempts_left", "available_at"} & set(seen)
                listed = (await api.get(quiz.attempts(enrollment_id), user)).json()
                assert [each["state"] for each in listed["items"]] == [state]
            hidden = await api.get(f"/attempts/{attempt['id']}", stranger)
            assert hidden.status_code == HTTPStatus.NOT_FOUND
            body = {"answers": quiz.right()}
            await api.post(f"/attempts/{attempt['id']}/submit", learner, json=body)

    async def test_list_is_paged(
        self, api: Api, learner: User, quiz: Quiz, enrollment_id: str
    ) -> None:
        for _ in range(3):
            await quiz.take(api, learner, enrollment_id, {})
        path = quiz.attempts(enrollment_id)
        first = (await api.get(f"{path}?limit=2&include_total=true", learner)).json()
        rest = (await api.get(f"{path}?limit=2&cursor={first['next_cursor']}", learner)).json()
        assert [each["number"] for each in first["items"] + rest["items"]] == [1, 2, 3]
        assert (first["total"], rest["next_cursor"]) == (3, None)


class TestFeedback:
    async def policy(
        self,
        api: Api,
        learner: User,
        session: AsyncSession,
        database: RollbackDatabase,
        **settings: Any,
    ) -> tuple[Quiz, str]:
        quiz = await make_quiz(session, database, **settings)
        return quiz, await quiz.enroll(api, learner)

    async def test_never(
        self, api: Api, learner: User, session: AsyncSession, database: RollbackDatabase
    ) -> None:
        quiz, enrollment_id = await self.policy(api, learner, session, database, feedback="never")
        assert "feedback" not in await quiz.take(api, learner, enrollment_id, quiz.right())

    async def test_after_pass(
        self, api: Api, learner: User, session: AsyncSession, database: RollbackDatabase
    ) -> None:
        quiz, enrollment_id = await self.policy(api, learner, session, database)
        failed = await quiz.take(api, learner, enrollment_id, {})
        assert "feedback" not in failed
        passed = await quiz.take(api, learner, enrollment_id, quiz.right())
        told = {each["question_id"]: each for each in passed["feedback"]["questions"]}
        assert {key: each["correct_answer"] for key, each in told.items()} | {
            str(quiz.questions[3].id): "gloves"
        } == quiz.right() | {str(quiz.questions[4].id): 12.5}
        assert all(each["explanation"] for each in told.values())

    async def test_after_attempt_keeps_the_answers_while_they_could_be_used(
        self, api: Api, learner: User, session: AsyncSession, database: RollbackDatabase
    ) -> None:
        quiz, enrollment_id = await self.policy(
            api, learner, session, database, feedback="after_attempt", max_attempts=2
        )
        first = await quiz.take(api, learner, enrollment_id, {})
        assert all(each["correct"] is False for each in first["feedback"]["questions"])
        assert all(each["correct_answer"] is None for each in first["feedback"]["questions"])
        second = await quiz.start(api, learner, enrollment_id)
        meanwhile = (await api.get(f"/attempts/{first['id']}", learner)).json()
        assert all(each["correct_answer"] is None for each in meanwhile["feedback"]["questions"])
        last = (await api.post(f"/attempts/{second['id']}/submit", learner)).json()
        assert all(each["correct_answer"] is not None for each in last["feedback"]["questions"])


async def test_graded_attempts_are_evidence(
    api: Api, learner: User, quiz: Quiz, enrollment_id: str, session: AsyncSession
) -> None:
    result = await quiz.take(api, learner, enrollment_id, {})
    changed = update(QuizAttempt).where(QuizAttempt.id == result["id"]).values(answers={"a": 1})
    with pytest.raises(Exception, match="append-only"):
        await session.execute(changed)


async def test_an_open_attempt_may_be_finished_after_the_enrollment_is_completed(
    api: Api, learner: User, quiz: Quiz, enrollment_id: str, session: AsyncSession
) -> None:
    attempt = await quiz.start(api, learner, enrollment_id)
    await as_owner(
        session, "UPDATE enrollments SET status = 'completed', completed_at = clock_timestamp()"
    )
    await session.commit()
    body = {"answers": quiz.right()}
    result = await api.post(f"/attempts/{attempt['id']}/submit", learner, json=body)
    assert (result.status_code, result.json()["passed"]) == (200, True)
    assert list(await session.scalars(select(TrainingRecord))) == []
