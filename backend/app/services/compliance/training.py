"""One person's trainings: what is asked of them and what they chose, in one list."""

import uuid
from collections.abc import Iterable, Mapping
from datetime import date

from cachetools import LRUCache

from app.domain.compliance import ComplianceReason, Why
from app.domain.compliance.audience import Criterion, Matched, MatchReason, matches
from app.domain.compliance.requirement import Credential, Rule, recorded_rule
from app.domain.compliance.training import Asked, Held, Training, trainings
from app.domain.compliance.words import summary
from app.domain.study.enrollment import EnrollmentSource
from app.models.study.enrollment import EnrollmentStatus
from app.repositories.compliance.training import AskedRow, HeldRow
from app.schemas.compliance.training import (
    AskingRequirement,
    TrainingCertificate,
    TrainingEnrollment,
    TrainingRead,
    Trainings,
)
from app.schemas.reference import ModuleReference, UserReference
from app.services.answer import Answer
from app.services.base import Service
from app.services.unit_of_work import UnitOfWork

MAX_RULES = 1_000

# Recorded rules are never rewritten, so none of these goes stale.
_rules: LRUCache[uuid.UUID, Rule] = LRUCache(MAX_RULES)


class TrainingService(Service):
    async def of_user(self, user_id: uuid.UUID) -> Answer[Trainings]:
        async with self.reading() as uow:
            if user_id != self.actor.id:
                await self.visible_user(uow, user_id)
            today = await uow.trainings.today_of(user_id)
            asked = {row.requirement_id: row for row in await uow.trainings.asked(user_id)}
            named = frozenset[uuid.UUID]().union(*(_rule(row).module_ids for row in asked.values()))
            held = {row.module_id: row for row in await uow.trainings.held(user_id, named)}
            found = trainings(map(_asked, asked.values()), _held(held.values()))
            left = await _attempts_left(uow, held.values())
            items = [_read(each, asked, held, today, left) for each in found]
            return Answer(Trainings(user_id=user_id, as_of=today, items=items))


def _rule(row: AskedRow) -> Rule:
    rule = _rules.get(row.rule_id)
    if rule is None:
        rule = _rules[row.rule_id] = recorded_rule(row.rule)
    return rule


def _asked(row: AskedRow) -> Asked:
    rule = _rule(row)
    kind = rule.subject.credential_kind if isinstance(rule.subject, Credential) else None
    return Asked(row.requirement_id, row.status, row.due_on, rule.module_ids, kind)


def _held(rows: Iterable[HeldRow]) -> dict[uuid.UUID, Held]:
    return {
        row.module_id: Held(
            is_published=row.is_published,
            is_open=row.status == EnrollmentStatus.ACTIVE,
            is_assigned=row.source == EnrollmentSource.ASSIGNED,
            due_on=row.due_on,
            completed_on=row.completed_on,
        )
        for row in rows
    }


async def _attempts_left(uow: UnitOfWork, rows: Iterable[HeldRow]) -> dict[uuid.UUID, int]:
    """Return the fewest attempts left at a quiz, by open enrollment; none where nothing limits."""
    open_now = [
        row.enrollment_id
        for row in rows
        if row.enrollment_id and row.status == EnrollmentStatus.ACTIVE
    ]
    left: dict[uuid.UUID, int] = {}
    for each in await uow.attempts.standings(open_now) if open_now else ():
        if each.attempts_left is not None and not each.passed:
            known = left.get(each.enrollment_id, each.attempts_left)
            left[each.enrollment_id] = min(known, each.attempts_left)
    return left


def _read(
    training: Training,
    asked: Mapping[uuid.UUID, AskedRow],
    held: Mapping[uuid.UUID, HeldRow],
    today: date,
    left: Mapping[uuid.UUID, int],
) -> TrainingRead:
    row = held.get(training.module_id) if training.module_id else None
    requirements = [
        _requirement(asked[each.requirement_id], each, training.module_id, held)
        for each in training.asked
    ]
    return TrainingRead(
        requirement=requirements[0] if requirements else None,
        other_requirements=requirements[1:],
        module=_module(row) if row else None,
        enrollment=_enrollment(row) if row else None,
        assigned_by=_assigner(row) if row else None,
        minutes=row.minutes if row else None,
        due_on=training.due_on,
        due_because=training.due_because,
        overdue=training.due_on is not None and training.due_on < today,
        attempts_left=left.get(row.enrollment_id) if row and row.enrollment_id else None,
        certificate=_certificate(row) if row else None,
    )


def _requirement(
    row: AskedRow,
    asked: Asked,
    module_id: uuid.UUID | None,
    held: Mapping[uuid.UUID, HeldRow],
) -> AskingRequirement:
    others = sorted(asked.module_ids & held.keys() - {module_id}, key=lambda each: held[each].title)
    return AskingRequirement(
        id=row.requirement_id,
        title=row.title,
        citation=_rule(row).citation,
        why=_why(row),
        status=row.status,
        due_on=row.due_on if asked.is_to_do else None,
        valid_through=row.valid_through,
        credential_kind=asked.credential_kind,
        alternatives=[_module(held[each]) for each in others],
        reconciling=row.reconciling,
    )


def _why(row: AskedRow) -> str:
    """Say why the requirement applies; whom the rule does not mean, an incident names."""
    matched = matches(_rule(row).audience, row.person) or MatchReason(
        (Matched(Criterion.INCIDENT),)
    )
    why = Why(ComplianceReason.MATCHED, matched, opened_by=row.opened_by)
    names = {str(row.person.location_id): row.location} if row.location else {}
    return summary(why, names)


def _module(row: HeldRow) -> ModuleReference:
    return ModuleReference(id=row.module_id, title=row.title, category=row.category)


def _enrollment(row: HeldRow) -> TrainingEnrollment | None:
    if row.enrollment_id is None:
        return None
    return TrainingEnrollment.model_validate(
        {name: getattr(row, name) for name in TrainingEnrollment.model_fields if name != "id"}
        | {"id": row.enrollment_id}
    )


def _assigner(row: HeldRow) -> UserReference | None:
    if row.assigner_id is None or row.assigner is None:
        return None
    return UserReference(id=row.assigner_id, display_name=row.assigner)


def _certificate(row: HeldRow) -> TrainingCertificate | None:
    if row.record_id is None or row.completed_on is None:
        return None
    return TrainingCertificate(
        training_record_id=row.record_id,
        completed_on=row.completed_on,
        score_percent=row.score_percent,
        valid_through=row.valid_through,
    )
