"""Cards, training elsewhere, exemptions and an incident."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final
from uuid import UUID

from app.core.pagination import PageRequest
from app.domain.compliance import ExemptionKind
from app.domain.compliance.incident import IncidentKind
from app.schemas.compliance.exemption import ExemptionCreate, ExemptionRevoke
from app.schemas.compliance.incident import CorrectiveStepCreate, IncidentCreate
from app.schemas.evidence.external_evidence import ExternalEvidenceCreate, Review
from devstack.town.people import NEWCOMERS, OFFICES
from devstack.town.town import CLINICAL, UNCHANGED, Event, Town

_SEEN: Final = Review(reason="Saw the original")
_LATE_OFFICES: Final = OFFICES[5:]
"""Those whose first safety day came late: their people showed earlier certificates first."""

_EXPIRIES: Final = (None, 190, 384, 520, 640, 455, 402, 700)
"""The days on which cards expire, in turn. Some have shown none; some are not renewed."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A certificate that somebody enters for somebody."""

    email: str
    by: str
    what: ExternalEvidenceCreate


def evidence(town: Town) -> Iterator[Event]:
    for number, office in enumerate(OFFICES):
        yield Event(2 + number / 100, partial(_show_cards, town, office))
    for number, office in enumerate(_LATE_OFFICES):
        yield Event(3 + number / 100, partial(_show_earlier_training, town, office))
    yield Event(120, partial(_renew_cards, town))
    yield Event(160, partial(_withdraw, town))
    yield Event(362, partial(_wait, town))
    yield Event(110, partial(_exempt, town))
    yield Event(280, partial(_incident, town))


def _card(town: Town, expires: int) -> ExternalEvidenceCreate:
    return ExternalEvidenceCreate(
        provider="American Heart Association",
        title="Basic Life Support for healthcare providers",
        completed_on=town.day(expires - 730),
        hours=4,
        credential_kind="bls",
        printed_expiry=town.day(expires),
    )


async def _enter(town: Town, shown: Shown) -> UUID:
    service = town.services.external_evidence(town.acting(shown.by))
    what = shown.what.model_copy(update={"user_id": town.people[shown.email].id})
    return (await service.enter(what)).value.id


async def _verify(town: Town, shown: Shown) -> UUID:
    evidence_id = await _enter(town, shown)
    await town.services.external_evidence(town.as_admin).verify(evidence_id, _SEEN, UNCHANGED)
    return evidence_id


async def _show_cards(town: Town, office: str) -> None:
    manager = town.manager_of(office)
    clinicians = [each for each in town.staff_of(office) if _treats(town, each)]
    for place, email in enumerate(clinicians):
        if (expires := _EXPIRIES[place % len(_EXPIRIES)]) is not None:
            await _verify(town, Shown(email, manager, _card(town, expires)))


def _treats(town: Town, email: str) -> bool:
    return town.people[email].job_title in CLINICAL


async def _show_earlier_training(town: Town, office: str) -> None:
    """Show what people learned before the town began, from a trainer elsewhere."""
    manager = town.manager_of(office)
    for place, email in enumerate(town.staff_of(office)):
        if _treats(town, email) and place % 3 == 0:
            for slug in ("bloodborne-pathogens", "infection-control"):
                await _verify(town, Shown(email, manager, _course(town, slug, -40 - 29 * place)))


def _course(town: Town, slug: str, day: int) -> ExternalEvidenceCreate:
    return ExternalEvidenceCreate(
        provider="Western Dental Safety Institute",
        title=f"Course: {slug.replace('-', ' ')}",
        completed_on=town.day(day),
        hours=2,
        instructor_name="Paul Ostrander",
        instructor_qualification="DDS",
        module_id=town.lessons[slug].module_id,
    )


async def _renew_cards(town: Town) -> None:
    for number in (11, 14, 25):
        email = NEWCOMERS[number].email
        await _verify(town, Shown(email, email, _card(town, 120 + 720)))


async def _withdraw(town: Town) -> None:
    """Find a card to be somebody else's after it was verified."""
    email = NEWCOMERS[18].email
    evidence_id = await _verify(town, Shown(email, email, _card(town, 610)))
    service = town.services.external_evidence(town.as_admin)
    await service.withdraw(evidence_id, Review(reason="The card is a namesake's"))


async def _wait(town: Town) -> None:
    """Leave certificates to be looked at, and refuse two."""
    for number in (4, 12, 19, 26, 33, 40):
        email = NEWCOMERS[number].email
        await _enter(town, Shown(email, email, _card(town, 350 + 730 - number)))
    learner = "learner@unified.example"
    await _enter(town, Shown(learner, learner, _course(town, "radiation-safety", 352)))
    for number in (47, 54):
        email = NEWCOMERS[number].email
        refused = await _enter(town, Shown(email, email, _course(town, "hipaa-privacy", 330)))
        service = town.services.external_evidence(town.as_admin)
        await service.reject(refused, Review(reason="The page is cut off"), UNCHANGED)


async def _requirement(town: Town, title: str) -> UUID:
    service = town.services.requirements(town.as_admin)
    page = await service.list(PageRequest(100), archived=())
    return next(each.id for each in page.items if each.title == title)


async def _exempt(town: Town) -> None:
    imaging = await _requirement(town, "Radiation safety")
    cards = await _requirement(town, "Basic life support card")
    today = town.clock.now.date()
    service = town.services.exemptions(town.as_admin)
    for number, kind, requirement, days, reason in (
        (13, ExemptionKind.EXEMPTION, imaging, None, "Exposes no images in this position"),
        (28, ExemptionKind.WAIVER, cards, 300, "The course is full until next year"),
        (35, ExemptionKind.WAIVER, imaging, 90, "Trained by the previous employer"),
        (42, ExemptionKind.EXEMPTION, imaging, None, "Works at the desk for now"),
    ):
        granted = await service.grant(
            ExemptionCreate(
                kind=kind,
                user_id=town.people[NEWCOMERS[number].email].id,
                requirement_id=requirement,
                reason=reason,
                starts_on=today,
                ends_on=today + timedelta(days=days) if days else None,
            )
        )
    await service.revoke(granted.value.id, ExemptionRevoke(reason="Works with images again"))


async def _incident(town: Town) -> None:
    office = OFFICES[3]
    manager = town.manager_of(office)
    today = town.clock.now.date()
    hurt = town.staff_of(office)[0]
    happened = IncidentCreate(
        kind=IncidentKind.EXPOSURE,
        day=today,
        location_id=town.people[hurt].location_id,
        requirement_id=await _requirement(town, "Bloodborne pathogens"),
        user_ids=[town.people[hurt].id],
        retrain_by=today + timedelta(days=21),
        description="A needle was recapped with two hands. First aid at once; reported at once.",
        steps=[
            CorrectiveStepCreate(
                step="Put a recapping block beside each chair",
                owner_id=town.people[manager].id,
                due_on=today + timedelta(days=14),
            )
        ],
    )
    await town.services.incidents(town.acting(manager)).record(happened)
