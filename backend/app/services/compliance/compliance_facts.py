"""Turns rows into the facts that the compliance engine decides by, and instants into local days."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from functools import cached_property
from typing import TypeVar
from zoneinfo import ZoneInfo

from app.domain.compliance import (
    EmploymentChange,
    Evidence,
    Exemption,
    Facts,
    Incident,
    Publication,
    RuleVersion,
)
from app.domain.compliance.facts import Licence, Position, employment_on, licences
from app.domain.compliance.hindsight import (
    employment_in_hindsight,
    evidence_in_hindsight,
    exemptions_in_hindsight,
    incidents_in_hindsight,
    licences_in_hindsight,
    rules_in_hindsight,
    with_positions,
    without_announced_ends,
)
from app.domain.compliance.requirement import Credential
from app.domain.compliance.timeline import Placement, placements
from app.domain.compliance.vocabulary import Vocabulary
from app.domain.recurrence import local_day
from app.repositories.compliance.exemption import PersonAndRequirement
from app.repositories.compliance.requirement import PublishedVersion
from app.repositories.people.employment import Workplace
from app.services.unit_of_work import UnitOfWork

Rules = tuple[RuleVersion, ...]
Published = dict[uuid.UUID, list[Publication]]
Exemptions = dict[PersonAndRequirement, tuple[Exemption, ...]]
Incidents = dict[PersonAndRequirement, tuple[Incident, ...]]


@dataclass(frozen=True)
class Catalogue:
    """The facts that are the same for all people: rules, publications and locations."""

    now: datetime
    rules: dict[uuid.UUID, Rules]
    publications: list[PublishedVersion]
    time_zones: dict[uuid.UUID, str]
    vocabulary: Vocabulary
    _by_zone: dict[tzinfo, Published] = field(default_factory=dict)

    def zone(self, location_id: uuid.UUID | None) -> tzinfo:
        name = self.time_zones.get(location_id) if location_id else None
        return ZoneInfo(name) if name else UTC

    def published(self, changes: Sequence[EmploymentChange]) -> Published:
        """Return the publications by the days that they were on where the person worked."""
        zones = {self.zone(change.person.location_id) for change in changes}
        if len(zones) <= 1:
            zone = next(iter(zones), UTC)
            if zone not in self._by_zone:
                self._by_zone[zone] = _by_module(
                    _publication(row, zone) for row in self.publications
                )
            return self._by_zone[zone]
        return _by_module(
            _publication(row, self._zone_at(row.published_at, changes)) for row in self.publications
        )

    def _zone_at(self, instant: datetime, changes: Sequence[EmploymentChange]) -> tzinfo:
        change = employment_on(changes, local_day(instant, UTC)) or changes[0]
        return self.zone(change.person.location_id)

    @cached_property
    def modules(self) -> dict[uuid.UUID, frozenset[uuid.UUID]]:
        """Return the modules that each requirement ever named."""
        return {
            requirement_id: frozenset[uuid.UUID]().union(
                *(version.rule.module_ids for version in versions if version.rule)
            )
            for requirement_id, versions in self.rules.items()
        }

    @cached_property
    def credentials(self) -> dict[uuid.UUID, frozenset[str]]:
        """Return the kinds of credential that each requirement ever named."""
        return {
            requirement_id: frozenset(
                version.rule.subject.credential_kind
                for version in versions
                if version.rule and isinstance(version.rule.subject, Credential)
            )
            for requirement_id, versions in self.rules.items()
        }

    def sharing_modules(self, requirement_ids: Iterable[uuid.UUID]) -> set[uuid.UUID]:
        """Return these requirements and all others that one of their modules may meet."""
        asked = set(requirement_ids) & self.rules.keys()
        modules = frozenset[uuid.UUID]().union(*(self.modules[asked_id] for asked_id in asked))
        return asked | {other for other, named in self.modules.items() if named & modules}


@dataclass(frozen=True, slots=True)
class PersonHistory:
    """Everything on record about a person, and the day that it is for them."""

    user_id: uuid.UUID
    today: date
    known_on: date
    """The facts are those known on this day, each counted from the day it took effect."""

    employment: tuple[EmploymentChange, ...]
    worked: tuple[Placement, ...]
    published: Published
    by_module: dict[uuid.UUID, list[Evidence]]
    by_credential: dict[str, list[Evidence]]
    licences: tuple[Licence, ...]
    exemptions: Exemptions
    incidents: Incidents

    def rules(self, catalogue: Catalogue, requirement_id: uuid.UUID) -> Rules:
        return rules_in_hindsight(catalogue.rules[requirement_id], self.known_on)

    def facts(self, catalogue: Catalogue, requirement_id: uuid.UUID) -> Facts:
        modules = catalogue.modules[requirement_id]
        kinds = catalogue.credentials[requirement_id]
        evidence = [item for module_id in modules for item in self.by_module.get(module_id, ())]
        evidence += [item for kind in kinds for item in self.by_credential.get(kind, ())]
        return Facts(
            self.employment,
            tuple(evidence),
            tuple(self.exemptions.get((self.user_id, requirement_id), ())),
            tuple(
                item
                for module_id in modules
                for item in self.published.get(module_id, ())
                if item.published_on <= self.known_on
            ),
            self.licences,
            tuple(self.incidents.get((self.user_id, requirement_id), ())),
        )


async def load_catalogue(uow: UnitOfWork) -> Catalogue:
    vocabulary = await uow.employment.vocabulary()
    rules = await uow.requirements.rules()
    return Catalogue(
        now=await uow.now(),
        rules={each: vocabulary.of_rules(versions) for each, versions in rules.items()},
        publications=await uow.requirements.publications(),
        time_zones=await uow.employment.time_zones(),
        vocabulary=vocabulary,
    )


@dataclass(frozen=True, slots=True)
class Recorded:
    """Everything that was ever recorded about some people."""

    employment: Mapping[uuid.UUID, Sequence[EmploymentChange]]
    positions: Mapping[uuid.UUID, Sequence[Position]]
    evidence: Mapping[uuid.UUID, Sequence[Evidence]]
    exemptions: Mapping[PersonAndRequirement, Sequence[Exemption]]
    incidents: Mapping[PersonAndRequirement, Sequence[Incident]]


async def load_histories(  # noqa: PLR0913  # whose, as of when, as known to whom
    uow: UnitOfWork,
    catalogue: Catalogue,
    user_ids: Sequence[uuid.UUID],
    *,
    today: date | None = None,
    known_on: date | None = None,
    announced_ends: bool = True,
) -> list[PersonHistory]:
    """Load these people's facts in six statements, however many there are.

    As they are known on `known_on`, else today; with the terminations that are announced, or as if
    there were none.
    """
    recorded = Recorded(
        employment=await uow.employment.of_people(user_ids),
        positions=await uow.positions.of_people(user_ids),
        evidence=await uow.verified_evidence.of_people(user_ids),
        exemptions=await uow.exemptions.of_people(user_ids),
        incidents=await uow.incidents.of_people(user_ids),
    )
    return [
        _history(catalogue, recorded, place, today, known_on, announced_ends=announced_ends)
        for place in await uow.employment.workplaces(user_ids)
    ]


def _history(  # noqa: PLR0913  # what load_histories is asked for
    catalogue: Catalogue,
    recorded: Recorded,
    place: Workplace,
    today: date | None,
    known_on: date | None,
    *,
    announced_ends: bool,
) -> PersonHistory:
    day = today or local_day(catalogue.now, catalogue.zone(place.location_id))
    known = min(known_on or day, day)
    changes = recorded.employment.get(place.user_id, ())
    changes = changes if announced_ends else without_announced_ends(changes, day)
    called = catalogue.vocabulary.of_employment(changes)
    further = catalogue.vocabulary.of_positions(recorded.positions.get(place.user_id, ()))
    employment = with_positions(employment_in_hindsight(called, known), further, known)
    evidence = recorded.evidence.get(place.user_id, ())
    held = evidence_in_hindsight(evidence, known)
    return PersonHistory(
        user_id=place.user_id,
        today=day,
        known_on=known,
        employment=employment,
        worked=placements(employment),
        published=catalogue.published(employment),
        by_module=_by_module(held),
        by_credential=_by_credential(held),
        licences=licences_in_hindsight(licences(evidence), known),
        exemptions={
            key: exemptions_in_hindsight(granted, known)
            for key, granted in recorded.exemptions.items()
            if key[0] == place.user_id
        },
        incidents={
            key: incidents_in_hindsight(named, known)
            for key, named in recorded.incidents.items()
            if key[0] == place.user_id
        },
    )


def _publication(row: PublishedVersion, zone: tzinfo) -> Publication:
    return Publication(
        row.module_id, row.version, local_day(row.published_at, zone), row.material_change
    )


OfModule = TypeVar("OfModule", Evidence, Publication)


def _by_module(items: Iterable[OfModule]) -> dict[uuid.UUID, list[OfModule]]:
    found: dict[uuid.UUID, list[OfModule]] = {}
    for item in items:
        if item.module_id is not None:
            found.setdefault(item.module_id, []).append(item)
    return found


def _by_credential(items: Iterable[Evidence]) -> dict[str, list[Evidence]]:
    found: dict[str, list[Evidence]] = {}
    for item in items:
        if item.credential_kind:
            found.setdefault(item.credential_kind, []).append(item)
    return found
