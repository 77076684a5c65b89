"""Continuing education hours of a licence cycle, from records and verified external evidence."""

import uuid
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import orjson

from app.core.errors import InvalidPayloadError
from app.domain.evidence.ce_credit import (
    ZERO,
    Credit,
    CycleSummary,
    Delivery,
    Figure,
    LicenceCycle,
    LicenceRule,
    licence_cycle,
    summarise,
)
from app.domain.evidence.ce_profile import LICENCE_RULES, PROFILES, Licence, LicenceProfile
from app.domain.evidence.credential import Held, standing
from app.models import ExternalEvidence, TrainingRecord
from app.schemas.evidence.ce_credit import (
    CapRead,
    CategoryRead,
    CeCredits,
    CreditRead,
    FigureRead,
    LicenceCycleRead,
    LicenceCycles,
    MinimumRead,
    ShortfallRead,
)
from app.services.base import Service
from app.services.evidence.credential import card_of
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

    async def of_licences(self, user_id: uuid.UUID, as_of: date | None) -> LicenceCycles:
        """Tell where the person stands in the cycle of each licence that has a profile."""
        async with self.reading() as uow:
            user = await self.visible_user(uow, user_id)
            earned = await _credits(uow, user_id)
            day = as_of or await local_day(uow, user)
            rows = await uow.external_evidence.credentials_of([user_id])
        credits_ = [_credit(item) for item in earned]
        found = LicenceCycles(items=[], without_profile=[])
        for card, place in standing([card_of(row) for row in rows], day):
            profile = PROFILES.get(Licence(card.kind, card.issuing_state or ""))
            if profile is None or card.printed_expiry is None:
                found.without_profile.append(card.id)
                continue
            cycle = _cycle_of(LICENCE_RULES[profile], card.printed_expiry, place)
            summary = summarise(LICENCE_RULES[profile], cycle, credits_, day)
            read = _read(user_id, profile, summary, earned, day)
            found.items.append(
                LicenceCycleRead(**dict(read), credential_id=card.id, status=place.status)
            )
        return found


def _cycle_of(rule: LicenceRule, expires_on: date, place: Held) -> LicenceCycle:
    """Return the cycle that ends with the card; the card before says when it began."""
    if place.cycle_starts_on is None or place.cycle_starts_on > expires_on:
        return licence_cycle(rule, expires_on)
    return LicenceCycle(place.cycle_starts_on, expires_on)


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
        carried=summary.carried,
        missing_hours=max(rule.total_hours - summary.counted - summary.carried, ZERO),
        by_category=[
            CategoryRead(category=category, hours=hours) for category, hours in summary.by_category
        ],
        complete=summary.complete,
        shortfalls=[ShortfallRead.model_validate(item) for item in summary.shortfalls],
        credits=[item for item in earned if item.earned_on <= as_of],
        citation=rule.citation,
        notice=rule.verify_with,
        remarks=list(rule.notes),
        figures=[_figure(figure) for figure in rule.figures],
    )


def _figure(figure: Figure) -> FigureRead:
    return FigureRead(
        name=figure.name,
        value=figure.value,
        citation=figure.citation,
        notice=figure.verify_with,
    )
