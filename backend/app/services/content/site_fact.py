"""What each office says of itself, so that the text of modules is right there."""

import uuid
from collections.abc import Iterable, Iterator
from itertools import groupby

from app.core.concurrency import Precondition
from app.core.errors import ForbiddenError
from app.domain.audit import AuditAction
from app.domain.content.site_fact import SiteFactKind
from app.models import Location
from app.repositories.content.site_fact import AskedFact
from app.schemas.base import ListOf, given
from app.schemas.content.site_fact import (
    MissingSiteFact,
    SiteFactKindRead,
    SiteFactRead,
    SiteFacts,
    SiteFactsUpdate,
)
from app.schemas.reference import LocationReference, ModuleReference
from app.services.answer import Answer
from app.services.base import Service, found
from app.services.unit_of_work import UnitOfWork


class NotYourOfficeError(ForbiddenError):
    code = "not_your_office"
    detail = "Managers keep the facts of their own offices."


class SiteFactService(Service):
    def kinds(self) -> ListOf[SiteFactKindRead]:
        items = [SiteFactKindRead(kind=kind, question=kind.question) for kind in SiteFactKind]
        return ListOf(items=items, next_cursor=None, total=len(items))

    async def of_location(self, location_id: uuid.UUID) -> Answer[SiteFacts]:
        async with self.reading() as uow:
            location = found(await uow.locations.not_deleted(location_id), "location")
            return await _answer(uow, location)

    async def update(
        self, location_id: uuid.UUID, payload: SiteFactsUpdate, precondition: Precondition
    ) -> Answer[SiteFacts]:
        async with self.work() as uow:
            location = found(await uow.locations.not_deleted(location_id, lock=True), "location")
            await self._require_own(uow, location)
            precondition.require(location.etag)
            known = location.site_facts
            facts = given(payload.facts) or {}
            changed = {kind.value: v for kind, v in facts.items() if known.get(kind) != v}
            if changed:
                said = {**known, **changed}
                location.site_facts = {kind: value for kind, value in said.items() if value}
                await uow.locations.save(location)
                await uow.audit(
                    AuditAction.LOCATION_SITE_FACTS_CHANGED,
                    location,
                    before={kind: known.get(kind) for kind in changed},
                    after=changed,
                )
            return await _answer(uow, location)

    async def missing(
        self, location_ids: tuple[uuid.UUID, ...], module_ids: tuple[uuid.UUID, ...]
    ) -> ListOf[MissingSiteFact]:
        """List what published modules name and offices have not recorded.

        Managers are asked for their own offices; everybody else who may ask, for all.
        """
        async with self.reading() as uow:
            offices = await self._offices(uow)
            if location_ids:
                offices = [each for each in location_ids if offices is None or each in offices]
            asked = await uow.site_facts.asked(offices, list(module_ids) or None)
        return ListOf(items=list(_missing(asked)))

    async def _offices(self, uow: UnitOfWork) -> list[uuid.UUID] | None:
        if not self.actor.is_manager:
            return None
        return sorted(await uow.locations.offices_of(self.actor))

    async def _require_own(self, uow: UnitOfWork, location: Location) -> None:
        offices = await self._offices(uow)
        if offices is not None and location.id not in offices:
            raise NotYourOfficeError


def _missing(asked: Iterable[AskedFact]) -> Iterator[MissingSiteFact]:
    unanswered = (fact for fact in asked if fact.value is None)
    for (location_id, location, kind), facts in groupby(
        unanswered, lambda fact: (fact.location_id, fact.location, SiteFactKind(fact.kind))
    ):
        yield MissingSiteFact(
            location=LocationReference(id=location_id, name=location),
            kind=kind,
            question=kind.question,
            asked_by=_modules(facts),
        )


def _modules(facts: Iterable[AskedFact]) -> list[ModuleReference]:
    return [
        ModuleReference(id=fact.module_id, title=fact.module_title, category=fact.category)
        for fact in facts
    ]


async def _answer(uow: UnitOfWork, location: Location) -> Answer[SiteFacts]:
    asked = await uow.site_facts.asked([location.id])
    items = [
        SiteFactRead(
            kind=kind,
            question=kind.question,
            value=location.site_facts.get(kind),
            asked_by=_modules(fact for fact in asked if fact.kind == kind),
        )
        for kind in SiteFactKind
    ]
    return Answer(SiteFacts(location_id=location.id, items=items, etag=location.etag))
