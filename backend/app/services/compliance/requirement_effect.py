"""The people that a rule would add and release, shown before the rule is recorded."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from app.domain.compliance import EmploymentChange, Facts, RuleVersion
from app.domain.compliance.obligation import Duty, duty_on
from app.domain.compliance.requirement import Rule
from app.services.unit_of_work import UnitOfWork

BATCH = 1000


@dataclass(slots=True)
class Effect:
    added: list[uuid.UUID] = field(default_factory=list)
    released: list[uuid.UUID] = field(default_factory=list)
    unchanged: int = 0
    """People to whom it applies before and after."""

    @property
    def counts(self) -> dict[str, int]:
        return {
            "would_add": len(self.added),
            "would_release": len(self.released),
            "unchanged": self.unchanged,
        }


async def effect_of(
    uow: UnitOfWork,
    before: tuple[RuleVersion, ...],
    rule: Rule | None,
    effective_from: date | None,
) -> Effect:
    """Compare whom the requirement applies to on the first day that the new rule changes.

    For a rule that takes effect in the past this is today, because a rule changes nothing before
    the day on which it is recorded.
    """
    today = await uow.requirements.organisation_day()
    starts_on = effective_from or today
    first_day = max([starts_on, today, *(version.recorded_on for version in before)])
    vocabulary = await uow.employment.vocabulary()
    after = vocabulary.of_rules((*before, RuleVersion(starts_on, first_day, rule)))
    before = vocabulary.of_rules(before)
    effect = Effect()
    people = await uow.employment.people()
    for first in range(0, len(people), BATCH):
        histories = await uow.employment.of_people(people[first : first + BATCH])
        for user_id, employment in histories.items():
            called = vocabulary.of_employment(employment)
            _compare(effect, user_id, called, (before, after), first_day)
    return effect


def _compare(
    effect: Effect,
    user_id: uuid.UUID,
    employment: Iterable[EmploymentChange],
    rules: tuple[tuple[RuleVersion, ...], tuple[RuleVersion, ...]],
    day: date,
) -> None:
    facts = Facts(employment=tuple(employment))
    applied, applies = (isinstance(duty_on(facts, each, day), Duty) for each in rules)
    if applied and applies:
        effect.unchanged += 1
    elif applies:
        effect.added.append(user_id)
    elif applied:
        effect.released.append(user_id)
