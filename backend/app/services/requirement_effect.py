"""Whom a rule would add and release, before anybody decides on it."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from app.domain.compliance import EmploymentChange, Facts, RuleVersion
from app.domain.compliance.obligation import Duty, duty_on
from app.domain.requirement import Rule
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
    uow: UnitOfWork, before: tuple[RuleVersion, ...], rule: Rule | None, effective_from: date
) -> Effect:
    """Compare whom the requirement applies to on the first day of the new rule."""
    known_on = max([effective_from, *(version.recorded_on for version in before)])
    after = (*before, RuleVersion(effective_from, known_on, rule))
    effect = Effect()
    people = await uow.employment.people()
    for first in range(0, len(people), BATCH):
        histories = await uow.employment.of_people(people[first : first + BATCH])
        for user_id, employment in histories.items():
            _compare(effect, user_id, employment, (before, after), known_on)
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
