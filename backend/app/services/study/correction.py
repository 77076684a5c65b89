"""Regrading: what authors do when a published key was wrong.

Nothing is overwritten: results, training records and corrections are added beside the old ones.
"""

import uuid
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from app.core.errors import ForbiddenError, InvalidPayloadError
from app.core.pagination import PageRequest
from app.domain.audit import AuditAction
from app.domain.content.quiz.key import QuizKey
from app.domain.content.quiz.questions import Question
from app.domain.fields import json_number
from app.domain.study.quiz.answers import AnswerError, answer_json, parse_answer
from app.domain.study.quiz.attempts import Snapshot, grade_attempt
from app.domain.study.quiz.grading import Correction, CorrectionKind, Grade, accepting
from app.domain.study.quiz.results import grade_from_json, stored_result
from app.models import ModuleVersion, QuizAttempt, QuizCorrection
from app.repositories.evidence.audit_event import Change
from app.repositories.study.correction import SecondResult
from app.schemas.base import ListOf
from app.schemas.study.correction import (
    CorrectionCreate,
    CorrectionRead,
    CorrectionReport,
    RegradeRead,
)
from app.services.answer import Answer
from app.services.base import Service, found, listed
from app.services.compliance.reconciliation import reconcile_completions
from app.services.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Case:
    """A published quiz and all corrections of its key, the newest last."""

    version_id: uuid.UUID
    section_id: uuid.UUID
    key: QuizKey
    corrections: list[Correction]


@dataclass(frozen=True, slots=True)
class Regrade:
    attempt: QuizAttempt
    old: Grade
    new: Grade
    """The new result, which keeps a pass that the attempt had before."""

    kept_pass: bool

    @property
    def newly_passed(self) -> bool:
        return self.new.passed and not self.old.passed

    @property
    def helps(self) -> bool:
        return self.newly_passed or self.new.score_percent > self.old.score_percent

    def read(self) -> RegradeRead:
        attempt = self.attempt
        return RegradeRead(
            attempt_id=attempt.id,
            enrollment_id=attempt.enrollment_id,
            user_id=attempt.user_id,
            number=attempt.number,
            score_before=self.old.score_percent,
            score_after=self.new.score_percent,
            passed_before=self.old.passed,
            passed_after=self.new.passed,
            kept_pass=self.kept_pass,
        )


class SecondPersonRequiredError(ForbiddenError):
    code = "second_person_required"
    detail = "Somebody else has to correct what you were asked yourself."


class CorrectionService(Service):
    async def preview(
        self, module_id: uuid.UUID, number: int, payload: CorrectionCreate
    ) -> Answer[CorrectionReport]:
        """Tell whom a correction would change, and write nothing."""
        async with self.snapshot() as uow:
            version = await _version(uow, module_id, number)
            case = await _case(uow, version, payload)
            seen, regrades = await _regrades(uow, case)
            shown = await self._shown(uow, regrades)
            return await uow.answer(Answer(_report(seen, regrades, shown)))

    async def apply(
        self, module_id: uuid.UUID, number: int, payload: CorrectionCreate
    ) -> Answer[CorrectionReport]:
        """Correct a key for everybody who was graded by it and for all who will be."""
        async with self.work() as uow:
            version = await _version(uow, module_id, number)
            await uow.corrections.lock_quiz(version.id, payload.section_id)
            case = await _case(uow, version, payload)
            seen, regrades = await _regrades(uow, case)
            await self._refuse_own_benefit(uow, case, regrades)
            row = await _add(uow, case, payload)
            corrected = await _keep(uow, row, regrades)
            shown = await self._shown(uow, regrades)
            report = _report(seen, regrades, shown, row=row, records_corrected=corrected)
            return await uow.answer(Answer(report, created=True))

    async def _refuse_own_benefit(
        self, uow: UnitOfWork, case: Case, regrades: list[Regrade]
    ) -> None:
        """Refuse a correction that makes the actor's own result better, or may yet do so."""
        own = [each for each in regrades if self.actor.is_one_of([each.attempt.user_id])]
        question_id = case.corrections[-1].question_id
        if any(each.helps for each in own) or await uow.corrections.is_open_for(
            self.actor.id, case.version_id, case.section_id, question_id
        ):
            raise SecondPersonRequiredError

    async def _shown(self, uow: UnitOfWork, regrades: list[Regrade]) -> list[Regrade]:
        """Leave out whose results the actor may not read: authors learn how many there are."""
        people = [each.attempt.user_id for each in regrades]
        visible = await uow.users.visible_ids(people, self.actor)
        return [each for each in regrades if each.attempt.user_id in visible]

    async def list(
        self, module_id: uuid.UUID, number: int, request: PageRequest
    ) -> ListOf[CorrectionRead]:
        async with self.reading() as uow:
            version = await _version(uow, module_id, number)
            page = await uow.corrections.list_of(version.id, request)
            return listed(page, CorrectionRead.model_validate)


async def _version(uow: UnitOfWork, module_id: uuid.UUID, number: int) -> ModuleVersion:
    return found(await uow.versions.numbered(module_id, number), "version")


async def _case(uow: UnitOfWork, version: ModuleVersion, payload: CorrectionCreate) -> Case:
    stored = await uow.versions.answer_key(version.id, payload.section_id)
    if stored is None:
        raise _invalid("section_id", "unknown_section", "This version has no such quiz")
    key = QuizKey.model_validate(stored.key)
    question = next((each for each in key.questions if each.id == payload.question_id), None)
    if question is None:
        raise _invalid("question_id", "unknown_question", "This quiz has no such question")
    if (payload.kind is CorrectionKind.ACCEPT) != (payload.answer is not None):
        raise _invalid("answer", "answer_mismatch", "An answer goes with accept, and with it alone")
    answer = None if payload.answer is None else _acceptable(question, payload.answer)
    correction = Correction(question_id=question.id, kind=payload.kind, answer=answer)
    rows = await uow.corrections.of_quiz(version.id, payload.section_id)
    known = [
        Correction(question_id=row.question_id, kind=row.kind, answer=row.answer) for row in rows
    ]
    return Case(version.id, payload.section_id, key, [*known, correction])


def _acceptable(question: Question, raw: object) -> Any:  # noqa: ANN401  # JSON of a shape by kind
    try:
        accepting(question, raw)
        return answer_json(parse_answer(question, raw))
    except AnswerError as error:
        raise _invalid("answer", error.code, error.detail) from None
    except ValidationError:
        raise _invalid("answer", "incomplete_key", "This answer is no complete key") from None


def _invalid(field: str, code: str, detail: str) -> InvalidPayloadError:
    return InvalidPayloadError.at(f"/{field}", code, detail)


async def _add(uow: UnitOfWork, case: Case, payload: CorrectionCreate) -> QuizCorrection:
    correction = case.corrections[-1]
    row = await uow.corrections.add(
        QuizCorrection(
            version_id=case.version_id,
            section_id=case.section_id,
            number=len(case.corrections),
            question_id=correction.question_id,
            kind=correction.kind,
            answer=correction.answer,
            note=payload.note,
            created_by_id=uow.actor_id,
        )
    )
    # The audit trail only names the question. The answer must not be readable there.
    after = {
        "version_id": row.version_id,
        "section_id": row.section_id,
        "question_id": row.question_id,
        "kind": row.kind,
    }
    await uow.audit(AuditAction.CORRECTION_APPLIED, row, after=after)
    return row


async def _regrades(uow: UnitOfWork, case: Case) -> tuple[int, list[Regrade]]:
    """Return how many attempts showed the question, and the regrades of those that change."""
    seen, regrades = 0, []
    question_id = case.corrections[-1].question_id
    async for attempt in uow.corrections.graded(case.version_id, case.section_id, question_id):
        seen += 1
        regrade = _regrade(attempt, case)
        if regrade is not None:
            regrades.append(regrade)
    return seen, regrades


def _regrade(attempt: QuizAttempt, case: Case) -> Regrade | None:
    """Return the new result of an attempt, or None where it is what it was."""
    if attempt.grades is None:
        return None
    old = grade_from_json(attempt.grades)
    snapshot = Snapshot.model_validate(attempt.snapshot)
    graded = grade_attempt(snapshot, case.key, attempt.answers, case.corrections)
    new = replace(graded, passed=graded.passed or old.passed)
    if new == old:
        return None
    return Regrade(attempt, old, new, kept_pass=new.passed and not graded.passed)


async def _keep(uow: UnitOfWork, row: QuizCorrection, regrades: list[Regrade]) -> int:
    """Write new results, audit events, completions and records; return how many records."""
    enrollment_ids = sorted({regrade.attempt.enrollment_id for regrade in regrades})
    await uow.corrections.lock_enrollments(enrollment_ids)
    results = [
        SecondResult(each.attempt.id, each.kept_pass, stored_result(each.new)) for each in regrades
    ]
    await uow.corrections.keep(row, results)
    await uow.audit_many(AuditAction.ATTEMPT_REGRADED, [_change(row, each) for each in regrades])
    records = await uow.corrections.settle(
        row, enrollment_ids, actor_id=uow.actor_id, request_id=uow.request_id
    )
    await reconcile_completions(uow, sorted({each.attempt.user_id for each in regrades}))
    return records


def _standing(grade: Grade) -> dict[str, Any]:
    return {"score_percent": json_number(grade.score_percent), "passed": grade.passed}


def _change(row: QuizCorrection, regrade: Regrade) -> Change:
    after = {**_standing(regrade.new), "kept_pass": regrade.kept_pass, "correction_id": row.id}
    return regrade.attempt.id, _standing(regrade.old), after


def _report(
    seen: int,
    regrades: list[Regrade],
    shown: list[Regrade],
    *,
    row: QuizCorrection | None = None,
    records_corrected: int | None = None,
) -> CorrectionReport:
    return CorrectionReport(
        dry_run=row is None,
        correction=None if row is None else CorrectionRead.model_validate(row),
        attempts_seen=seen,
        newly_passed=sum(regrade.newly_passed for regrade in regrades),
        kept_passes=sum(regrade.kept_pass for regrade in regrades),
        records_corrected=records_corrected,
        changes=[regrade.read() for regrade in shown],
    )
