"""Continuing education hours of a licence cycle, from records and verified external evidence."""

import uuid
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import orjson

from app.core.errors import InvalidPayloadError
from app.domain.evidence.ce_credit import (
    LICENCE_RULES,
    Credit,
    CycleSummary,
    Delivery,
    Figure,
    LicenceCycle,
    LicenceProfile,
    LicenceRule,
    licence_cycle,
    summarise,
)
from app.models import ExternalEvidence, TrainingRecord
from app.schemas.evidence.ce_credit import (
    CapRead,
    CeCredits,
    CreditRead,
    FigureRead,
    MinimumRead,
    ShortfallRead,
)
from app.services.base import Service
from app.services.evidence.verified_evidence import local_day
from app.services.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class CycleQuery:
    """`cycle_end` is the licence's printed expiry; without a start the profile's cycle counts."""

    profile: LicenceProfile
    cycle_end: date
    cycle_start: date | None = None
    as_of: date | None = None


class CeCreditService(Service):
    async def summary(self, user_id: uuid.UUID, query: CycleQuery) -> CeCredits:
        rule = LICENCE_RULES[query.profile]
        cycle = _cycle(rule, query)
        async with self.reading() as uow:
            user = await self.visible_user(uow, user_id)
            earned = await _credits(uow, user_id)
            as_of = query.as_of or await local_day(uow, user)
        summary = summarise(rule, cycle, [_credit(item) for item in earned], as_of)
        return _read(user_id, query.profile, summary, earned, as_of)


def _cycle(rule: LicenceRule, query: CycleQuery) -> LicenceCycle:
    if query.cycle_start is None:
        return licence_cycle(rule, query.cycle_end)
    if query.cycle_start > query.cycle_end:
        raise InvalidPayloadError.at(
            "query:cycle_start", "after_end", "The cycle starts after its end"
        )
    return LicenceCycle(query.cycle_start, query.cycle_end)


async def _credits(uow: UnitOfWork, user_id: uuid.UUID) -> list[CreditRead]:
    records = await uow.training_records.with_ce_hours(user_id)
    external = await uow.external_evidence.standing(user_id)
    # A record of somebody who spent no time on it names the provider and carries no hours.
    found = [credit for record in records if (credit := _of_record(record)).hours]
    for evidence in external:
        # A CHECK of the database makes sure that all three are set or none is.
        category, delivery, number = (
            evidence.ce_category,
            evidence.ce_delivery,
            evidence.provider_number,
        )
        if category and delivery and number:
            found.append(_of_training(evidence, category, delivery, number))
    return sorted(found, key=lambda item: (item.earned_on, item.source_id))


def _of_record(record: TrainingRecord) -> CreditRead:
    payload = orjson.loads(record.payload)
    ce = payload["ce"]
    return CreditRead(
        source_id=record.id,
        title=record.module_title,
        earned_on=record.local_date,
        hours=Decimal(str(payload["ce_hours"])),
        category=ce["category"],
        delivery=Delivery(ce["delivery"]),
        provider_number=ce["provider_number"],
    )


def _of_training(
    evidence: ExternalEvidence, category: str, delivery: Delivery, number: str
) -> CreditRead:
    return CreditRead(
        source_id=evidence.id,
        title=evidence.title,
        earned_on=evidence.completed_on,
        hours=evidence.hours,
        category=category,
        delivery=delivery,
        provider_number=number,
    )


def _credit(item: CreditRead) -> Credit:
    return Credit(item.earned_on, item.hours, item.category, item.delivery)


def _read(
    user_id: uuid.UUID,
    profile: LicenceProfile,
    summary: CycleSummary,
    earned: list[CreditRead],
    as_of: date,
) -> CeCredits:
    rule = LICENCE_RULES[profile]
    return CeCredits(
        user_id=user_id,
        profile=profile,
        profile_name=rule.name,
        cycle_start=summary.cycle.first_day,
        cycle_end=summary.cycle.last_day,
        as_of=as_of,
        total_hours=rule.total_hours,
        minimums=[MinimumRead.model_validate(minimum) for minimum in rule.minimums],
        caps=[CapRead(categories=sorted(cap.categories), hours=cap.hours) for cap in rule.caps],
        self_study_cap=rule.self_study_cap,
        earned=summary.earned,
        counted=summary.counted,
        over_caps=summary.over_caps,
        complete=summary.complete,
        shortfalls=[ShortfallRead.model_validate(item) for item in summary.shortfalls],
        credits=[item for item in earned if item.earned_on <= as_of],
        citation=rule.citation,
        notice=rule.verify_with,
        figures=[_figure(figure) for figure in rule.figures],
    )


def _figure(figure: Figure) -> FigureRead:
    return FigureRead(
        name=figure.name,
        value=figure.value,
        citation=figure.citation,
        notice=figure.verify_with,
    )
