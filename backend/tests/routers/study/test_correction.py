import uuid
from dataclasses import dataclass
from decimal import Decimal
from http import HTTPStatus
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import AttemptResult, AuditEvent, QuizAttempt, TrainingRecord, User
from app.services.context import SYSTEM
from app.services.evidence.training_record import TrainingRecordService
from tests.factories.attempt import ENTRIES, Quiz, make_quiz, question
from tests.factories.user import make_user
from tests.support import Api, RollbackDatabase


@dataclass
class Case:
    """Two questions of one point each, passed with 75 percent. The key of the first is wrong."""

    api: Api
    author: User
    quiz: Quiz

    @property
    def path(self) -> str:
        return f"/modules/{self.quiz.module.id}/versions/1/corrections"

    def payload(self, **changes: Any) -> dict[str, Any]:
        return {
            "section_id": str(self.quiz.section.id),
            "question_id": str(self.quiz.questions[0].id),
            "kind": "accept",
            "answer": "c",
            "note": "Both are right.",
            **changes,
        }

    async def correct(
        self, *, by: User | None = None, dry_run: bool = False, **changes: Any
    ) -> dict[str, Any]:
        response = await self.request(by, dry_run=dry_run, **changes)
        assert response.status_code == (200 if dry_run else 201), response.text
        report: dict[str, Any] = response.json()
        return report

    async def request(
        self, user: User | None = None, *, dry_run: bool = False, **changes: Any
    ) -> httpx.Response:
        path = f"{self.path}?dry_run=true" if dry_run else self.path
        return await self.api.post(path, user or self.author, json=self.payload(**changes))

    def answers(self, first: Any, second: Any = None) -> dict[str, Any]:
        ids = (str(each.id) for each in self.quiz.questions)
        return dict(zip(ids, (first, second), strict=True))

    async def result(self, user: User, first: Any, second: Any = None) -> dict[str, Any]:
        enrollment_id = await self.quiz.enroll(self.api, user)
        return await self.quiz.take(self.api, user, enrollment_id, self.answers(first, second))


RIGHT = ENTRIES["multiple_choice"][1]


@pytest.fixture
async def case(api: Api, author: User, session: AsyncSession, database: RollbackDatabase) -> Case:
    questions = question("single_choice"), question("multiple_choice")
    return Case(api, author, await make_quiz(session, database, *questions, pass_mark=75))


async def read(case: Case, user: User, attempt_id: str) -> dict[str, Any]:
    response = await case.api.get(f"/attempts/{attempt_id}", user)
    body: dict[str, Any] = response.json()
    return body


class TestWho:
    async def test_authors_only(self, case: Case, learner: User, manager: User) -> None:
        assert (await case.api.post(case.path, json={})).status_code == HTTPStatus.UNAUTHORIZED
        for user in (learner, manager):
            assert (await case.request(user)).status_code == HTTPStatus.FORBIDDEN
            assert (await case.api.get(case.path, user)).status_code == HTTPStatus.FORBIDDEN


class TestScope:
    @pytest.mark.parametrize("dry_run", [True, False])
    async def test_authors_learn_how_many_and_not_who(
        self, case: Case, learner: User, *, dry_run: bool
    ) -> None:
        await case.result(learner, "c", RIGHT)
        report = await case.correct(dry_run=dry_run)
        assert (report["newly_passed"], report["attempts_seen"], report["changes"]) == (1, 1, [])

    async def test_of_themselves_they_learn_it(self, case: Case) -> None:
        await case.result(case.author, "c", RIGHT)
        report = await case.correct(dry_run=True)
        assert [change["user_id"] for change in report["changes"]] == [str(case.author.id)]


class TestSecondPerson:
    """Nobody corrects a key to their own advantage."""

    @pytest.mark.parametrize(
        "changes",
        [{}, {"kind": "void", "answer": None}, {"kind": "credit", "answer": None}],
        ids=["accept", "void", "credit"],
    )
    async def test_an_author_does_not_help_themselves(
        self, case: Case, admin: User, changes: dict[str, Any]
    ) -> None:
        await case.result(case.author, "c", RIGHT)
        refused = await case.request(**changes)
        assert (refused.status_code, refused.json()["code"]) == (403, "second_person_required")
        assert (await case.api.get(case.path, case.author)).json()["items"] == []
        assert (await case.correct(by=admin, **changes))["newly_passed"] == 1

    async def test_nor_while_they_are_being_asked(self, case: Case) -> None:
        enrollment_id = await case.quiz.enroll(case.api, case.author)
        path = f"/enrollments/{enrollment_id}/sections/{case.quiz.section.id}/attempts"
        assert (await case.api.post(path, case.author)).is_success
        assert (await case.request()).json()["code"] == "second_person_required"

    async def test_what_does_not_help_them_is_theirs(self, case: Case, learner: User) -> None:
        await case.result(case.author, "b", RIGHT)
        await case.result(learner, "c", RIGHT)
        assert (await case.correct())["newly_passed"] == 1


class TestPayload:
    @pytest.mark.parametrize(
        ("changes", "pointer", "code"),
        [
            ({"section_id": str(uuid.uuid4())}, "/section_id", "unknown_section"),
            ({"question_id": str(uuid.uuid4())}, "/question_id", "unknown_question"),
            ({"answer": None}, "/answer", "answer_mismatch"),
            ({"kind": "void"}, "/answer", "answer_mismatch"),
            ({"answer": "z"}, "/answer", "unknown_id"),
            ({"note": " "}, "/note", "string_too_short"),
        ],
    )
    async def test_faults(
        self, case: Case, changes: dict[str, Any], pointer: str, code: str
    ) -> None:
        response = await case.request(**changes)
        assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert [(each["pointer"], each["code"]) for each in response.json()["errors"]] == [
            (pointer, code)
        ]

    async def test_unknown_version(self, case: Case) -> None:
        path = case.path.replace("/1/", "/2/")
        response = await case.api.post(path, case.author, json=case.payload())
        assert response.json()["code"] == "version_not_found"


class TestDryRun:
    async def test_lists_who_changes_and_writes_nothing(
        self, case: Case, learner: User, admin: User, session: AsyncSession
    ) -> None:
        failed = await case.result(learner, "c", RIGHT)
        report = await case.correct(by=admin, dry_run=True)
        assert report["changes"] == [
            {
                "attempt_id": failed["id"],
                "enrollment_id": failed["enrollment_id"],
                "user_id": str(learner.id),
                "number": 1,
                "score_before": 50,
                "score_after": 100,
                "passed_before": False,
                "passed_after": True,
                "kept_pass": False,
            }
        ]
        assert (report["correction"], report["newly_passed"]) == (None, 1)
        assert (await read(case, learner, failed["id"]))["passed"] is False
        assert len(list(await session.scalars(select(AttemptResult)))) == 1
        assert (await case.api.get(case.path, case.author)).json()["items"] == []

    async def test_a_key_names_the_preview_or_the_deed(self, case: Case) -> None:
        headers = {"Idempotency-Key": "one-key"}
        body = case.payload()
        preview = await case.api.post(
            f"{case.path}?dry_run=true", case.author, json=body, headers=headers
        )
        assert preview.status_code == HTTPStatus.OK
        deed = await case.api.post(case.path, case.author, json=body, headers=headers)
        assert deed.json()["code"] == "idempotency_key_reused"


class TestApply:
    async def test_who_passes_now_is_completed(
        self, case: Case, learner: User, session: AsyncSession
    ) -> None:
        failed = await case.result(learner, "c", RIGHT)
        report = await case.correct()
        assert (report["newly_passed"], report["records_corrected"]) == (1, 0)
        assert report["correction"]["number"] == 1
        passed = await read(case, learner, failed["id"])
        assert (passed["score_percent"], passed["passed"]) == (100, True)
        enrollment = await case.api.get(f"/enrollments/{failed['enrollment_id']}", learner)
        assert enrollment.json()["status"] == "completed"
        record = (await session.scalars(select(TrainingRecord))).one()
        assert record.score_percent == Decimal(100)
        assert record.corrects_id is None

    async def test_old_results_stay_beside_the_new(
        self, case: Case, learner: User, session: AsyncSession
    ) -> None:
        await case.result(learner, "c", RIGHT)
        report = await case.correct()
        results = list(
            await session.scalars(select(AttemptResult).order_by(AttemptResult.revision))
        )
        assert [(each.revision, each.score_percent, each.passed) for each in results] == [
            (0, Decimal(50), False),
            (1, Decimal(100), True),
        ]
        assert str(results[1].correction_id) == report["correction"]["id"]

    async def test_records_are_corrected_beside_the_wrong_ones(
        self, case: Case, learner: User, session: AsyncSession, database: RollbackDatabase
    ) -> None:
        passed = await case.result(learner, "b", ["a", "b", "c"])
        assert (passed["score_percent"], passed["passed"]) == (75, True)
        second = str(case.quiz.questions[1].id)
        report = await case.correct(question_id=second, answer=["a", "b", "c"])
        assert (report["newly_passed"], report["records_corrected"]) == (0, 1)
        first, corrected = await session.scalars(
            select(TrainingRecord).order_by(TrainingRecord.sequence)
        )
        assert (first.score_percent, corrected.score_percent) == (Decimal(75), Decimal(100))
        assert corrected.corrects_id == first.id
        assert corrected.previous_hash == first.hash
        assert corrected.completed_at == first.completed_at
        assert corrected.user_snapshot == first.user_snapshot
        verification = await TrainingRecordService(database, SYSTEM).verify()
        assert (verification.records, verification.broken) == (2, None)

    async def test_a_later_correction_corrects_the_corrected_record(
        self, case: Case, learner: User, session: AsyncSession, database: RollbackDatabase
    ) -> None:
        await case.result(learner, "b", ["a", "b", "c"])
        second = str(case.quiz.questions[1].id)
        await case.correct(question_id=second, answer=["a", "b", "c"])
        await case.correct(question_id=second, kind="void", answer=None)
        await case.correct(kind="void", answer=None)
        records = list(
            await session.scalars(select(TrainingRecord).order_by(TrainingRecord.sequence))
        )
        # Voiding the second question leaves 1 of 1 points; voiding the first as well leaves none.
        assert [each.score_percent for each in records] == [75, 100, None]
        assert records[2].corrects_id == records[1].id
        verification = await TrainingRecordService(database, SYSTEM).verify()
        assert verification.broken is None

    async def test_a_pass_is_kept(
        self, case: Case, learner: User, admin: User, session: AsyncSession
    ) -> None:
        passed = await case.result(learner, "b", ["a", "b", "c"])
        report = await case.correct(by=admin, kind="void", answer=None)
        (change,) = report["changes"]
        assert (change["score_before"], change["score_after"]) == (75, 50)
        assert (change["passed_after"], change["kept_pass"], report["kept_passes"]) == (
            True,
            True,
            1,
        )
        kept = await read(case, learner, passed["id"])
        assert (kept["score_percent"], kept["passed"]) == (50, True)

    async def test_nobody_loses_a_pass_to_a_later_correction(
        self, case: Case, learner: User
    ) -> None:
        passed = await case.result(learner, "b", ["a", "b", "c"])
        await case.correct(kind="void", answer=None)
        second = str(case.quiz.questions[1].id)
        await case.correct(question_id=second, kind="credit", answer=None)
        assert (await read(case, learner, passed["id"]))["passed"] is True

    async def test_those_who_saw_another_question_stay_as_they_are(
        self, api: Api, author: User, session: AsyncSession, database: RollbackDatabase
    ) -> None:
        quiz = await make_quiz(
            session, database, question("single_choice"), question("single_choice"), draw=1
        )
        case = Case(api, author, quiz)
        for _ in range(6):
            user = await make_user(session)
            enrollment_id = await quiz.enroll(api, user)
            await quiz.take(api, user, enrollment_id, {})
        shown = [
            attempt.snapshot["questions"][0]["id"]
            for attempt in await session.scalars(select(QuizAttempt))
        ]
        report = await case.correct(kind="credit", answer=None)
        assert report["attempts_seen"] == shown.count(str(quiz.questions[0].id))
        assert report["newly_passed"] == report["attempts_seen"]

    async def test_later_attempts_are_graded_by_the_corrected_key(
        self, case: Case, learner: User
    ) -> None:
        await case.correct()
        assert (await case.result(learner, "c", RIGHT))["score_percent"] == 100

    async def test_withdrawn_enrollments_stay_withdrawn(
        self, case: Case, learner: User, session: AsyncSession
    ) -> None:
        failed = await case.result(learner, "c", RIGHT)
        await case.api.post(f"/enrollments/{failed['enrollment_id']}/withdraw", learner)
        assert (await case.correct())["newly_passed"] == 1
        enrollment = await case.api.get(f"/enrollments/{failed['enrollment_id']}", learner)
        assert enrollment.json()["status"] == "withdrawn"
        assert list(await session.scalars(select(TrainingRecord))) == []

    async def test_audit(self, case: Case, learner: User, session: AsyncSession) -> None:
        failed = await case.result(learner, "c", RIGHT)
        report = await case.correct()
        events = {
            event.action: event
            for event in await session.scalars(
                select(AuditEvent).where(AuditEvent.actor_id == case.author.id)
            )
        }
        assert events["correction:applied"].target_id == uuid.UUID(report["correction"]["id"])
        assert "answer" not in (events["correction:applied"].after or {})
        regraded = events["attempt:regraded"]
        assert regraded.target_id == uuid.UUID(failed["id"])
        assert regraded.before == {"score_percent": 50, "passed": False}
        assert {"training_record:issued", "enrollment:completed"} <= set(events)

    async def test_is_listed(self, case: Case) -> None:
        await case.correct()
        await case.correct(kind="void", answer=None, note="Unclear.")
        listed = (await case.api.get(case.path, case.author)).json()["items"]
        assert [(each["number"], each["kind"], each["answer"]) for each in listed] == [
            (1, "accept", "c"),
            (2, "void", None),
        ]

    async def test_idempotency_key_replays(self, case: Case) -> None:
        headers = {"Idempotency-Key": "correct-once"}
        first, again = [
            await case.api.post(case.path, case.author, json=case.payload(), headers=headers)
            for _ in range(2)
        ]
        assert again.headers["Idempotency-Replayed"] == "true"
        assert again.content == first.content
