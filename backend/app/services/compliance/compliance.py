"""Where one person stands with every requirement, and why: straight from the engine."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from app.domain.compliance import (
    Assessment,
    ComplianceReason,
    Evidence,
    Facts,
    Missing,
    Shortfall,
    Why,
    assess,
)
from app.domain.compliance.facts import employment_on, is_about, rule_on, shortfall
from app.domain.compliance.requirement import Rule
from app.domain.compliance.words import fallen_short, summary
from app.schemas.compliance.compliance import (
    ComplianceLine,
    ComplianceRead,
    EvidenceRead,
    FallenShort,
    KnownAnswer,
    MatchedCriterion,
    MissingModule,
    MissingRead,
    PeriodRead,
    WhyRead,
)
from app.schemas.compliance.requirement import RequirementReference
from app.services.answer import Answer
from app.services.base import Service
from app.services.compliance.compliance_facts import (
    Catalogue,
    PersonHistory,
    load_catalogue,
    load_histories,
)
from app.services.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class _Names:
    requirements: Mapping[uuid.UUID, str]
    modules: Mapping[uuid.UUID, str]
    locations: Mapping[str, str]


class ComplianceService(Service):
    async def of_user(
        self, user_id: uuid.UUID, as_of: date | None, known_on: date | None
    ) -> Answer[ComplianceRead]:
        """Explain every requirement in force on `as_of`, from what was known on `known_on`.

        Both default to today. "Was this person covered on a day?" is asked with today's knowledge,
        "what did we know on that day?" with the knowledge of the day itself.
        """
        async with self.snapshot() as uow:
            await self.visible_user(uow, user_id)
            catalogue = await load_catalogue(uow)
            [history] = await load_histories(
                uow,
                catalogue,
                [user_id],
                known_on=known_on,
                announced_ends=self.actor.sees_announced,
            )
            day = as_of or history.today
            names = await _names(uow, catalogue)
            both = await _both(uow, catalogue, history, day)
            items = [
                line
                for requirement_id in catalogue.rules
                if (line := _line(catalogue, history, requirement_id, day, names))
            ]
            for item in items if both else ():
                item.why.known_now, item.why.known_then = (
                    _answer(catalogue, known, item.requirement.id, day, names) for known in both
                )
            items.sort(key=lambda item: (item.requirement.title.lower(), item.requirement.id))
            return Answer(
                ComplianceRead(
                    user_id=user_id, as_of=day, known_on=history.knows_until, items=items
                )
            )


async def _both(
    uow: UnitOfWork, catalogue: Catalogue, history: PersonHistory, day: date
) -> list[PersonHistory]:
    """Return what is known today and what was known on the day; nothing unless it is over."""
    if day >= history.today:
        return []
    return [
        known
        for known_on in (None, day)
        for known in await load_histories(uow, catalogue, [history.user_id], known_on=known_on)
    ]


def _answer(
    catalogue: Catalogue,
    history: PersonHistory,
    requirement_id: uuid.UUID,
    day: date,
    names: _Names,
) -> KnownAnswer | None:
    line = _line(catalogue, history, requirement_id, day, names)
    if line is None:
        return None
    return KnownAnswer(
        known_on=history.knows_until,
        status=line.status,
        due_on=line.due_on,
        valid_through=line.valid_through,
        summary=line.why.summary,
    )


async def _names(uow: UnitOfWork, catalogue: Catalogue) -> _Names:
    modules = frozenset[uuid.UUID]().union(*catalogue.modules.values())
    return _Names(
        await uow.requirements.titles(),
        await uow.requirements.module_titles(modules),
        await uow.employment.location_names(),
    )


def _line(
    catalogue: Catalogue,
    history: PersonHistory,
    requirement_id: uuid.UUID,
    day: date,
    names: _Names,
) -> ComplianceLine | None:
    rules = history.rules(requirement_id)
    rule = rule_on(rules, day)
    facts = history.facts(catalogue, requirement_id)
    found = assess(facts, rules, day)
    if rule is None or found.line.why.reason is ComplianceReason.NOT_EMPLOYED:
        return None
    line = found.line
    return ComplianceLine(
        requirement=RequirementReference(
            id=requirement_id, title=names.requirements[requirement_id], citation=rule.citation
        ),
        status=line.status,
        due_on=line.due_on,
        valid_through=line.valid_through,
        next_due_on=line.next_due_on,
        in_grace=line.in_grace,
        why=_why(line.why, names, rule, _fallen_short(facts, rule, line.met_by, day)),
        met_by=_evidence(facts, line.met_by),
        missing=_missing(line.missing, rule, names) if line.missing else None,
        periods=_periods(found),
    )


def _fallen_short(
    facts: Facts, rule: Rule, met_by: uuid.UUID | None, day: date
) -> list[tuple[Evidence, Shortfall]]:
    """Return the training that does not meet the rule, since that which met it last.

    That one is not among them, even if a later version of the rule asks for more.
    """
    employment = employment_on(facts.employment, day)
    if employment is None:
        return []
    since = next((item.day for item in facts.evidence if item.id == met_by), date.min)
    return [
        (item, lacks)
        for item in sorted(facts.evidence, key=lambda item: (item.day, item.id))
        if item.known_on(day) and item.day >= since and item.id != met_by and is_about(item, rule)
        if (lacks := shortfall(item, rule, employment.person))
    ]


def _why(
    why: Why, names: _Names, rule: Rule, short: Sequence[tuple[Evidence, Shortfall]]
) -> WhyRead:
    matched = why.match.matched if why.match else ()
    return WhyRead(
        summary=" ".join(
            [
                summary(why, names.locations),
                *(fallen_short(item, lacks, rule) for item, lacks in short),
            ]
        ),
        fallen_short=[
            FallenShort(
                evidence=EvidenceRead.model_validate(item),
                lacks=lacks,
                minimum_minutes=rule.minimum_minutes,
            )
            for item, lacks in short
        ],
        reason=why.reason,
        matched=[MatchedCriterion(criterion=each.criterion, value=each.value) for each in matched],
        exemption_id=why.exemption,
        opened_by=why.opened_by,
    )


def _evidence(facts: Facts, evidence_id: uuid.UUID | None) -> EvidenceRead | None:
    found = (item for item in facts.evidence if item.id == evidence_id)
    return next((EvidenceRead.model_validate(item) for item in found), None)


def _missing(missing: Missing, rule: Rule, names: _Names) -> MissingRead:
    minimum = dict(missing.minimum_versions)
    return MissingRead(
        modules=[
            MissingModule(
                id=module_id,
                title=names.modules.get(module_id),
                minimum_version=minimum.get(module_id),
            )
            for module_id in sorted(missing.modules & rule.module_ids)
        ],
        credential_kind=missing.credential_kind,
    )


def _periods(found: Assessment) -> list[PeriodRead]:
    return [PeriodRead.model_validate(period) for period in found.periods]
