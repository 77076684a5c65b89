"""Turns rows into the facts that the compliance engine decides by, and instants into local days."""

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
    counted_from,
    employment_in_hindsight,
    evidence_in_hindsight,
    exemptions_in_hindsight,
    incidents_in_hindsight,
    licences_in_hindsight,
    rules_in_hindsight,
    with_positions,
    without_announced_ends,
)
from app.domain.compliance.requirement import Credential, Rule
from app.domain.compliance.timeline import Placement, placements
from app.domain.compliance.vocabulary import Vocabulary
from app.domain.recurrence import local_day
from app.repositories.compliance.exemption import PersonAndRequirement
from app.repositories.compliance.requirement import PublishedVersion, RecordedRule
from app.repositories.people.employment import Entry
from app.services.unit_of_work import UnitOfWork

Named = TypeVar("Named", Exemption, Incident)
Owner = tuple[uuid.UUID, date | None]
Owners = dict[uuid.UUID, list[Owner]]
Merged = tuple[uuid.UUID | None, date | None]
Rules = tuple[RuleVersion, ...]
Published = dict[uuid.UUID, list[Publication]]
ZoneAt = Callable[[datetime], tzinfo]
Exemptions = dict[PersonAndRequirement, tuple[Exemption, ...]]
Incidents = dict[PersonAndRequirement, tuple[Incident, ...]]


@dataclass(frozen=True, slots=True)
class Told:
    """What was told to everybody, on the days that it was then where somebody worked."""

    rules: dict[uuid.UUID, Rules]
    published: Published


@dataclass(frozen=True)
class Catalogue:
    """The facts that are the same for all people: rules, publications and locations."""

    now: datetime
    rules: dict[uuid.UUID, tuple[RecordedRule, ...]]
    publications: list[PublishedVersion]
    time_zones: dict[uuid.UUID | None, str]
    vocabulary: Vocabulary
    _by_zone: dict[tzinfo, Told] = field(default_factory=dict)

    def zone(self, location_id: uuid.UUID | None) -> tzinfo:
        return ZoneInfo(self.time_zones[location_id])

    def told(self, changes: Sequence[EmploymentChange]) -> Told:
        zones = {self.zone(change.person.location_id) for change in changes}
        if len(zones) > 1:
            return self._told(lambda instant: self._zone_at(instant, changes))
        zone = next(iter(zones), UTC)
        if zone not in self._by_zone:
            self._by_zone[zone] = self._told(lambda _: zone)
        return self._by_zone[zone]

    def _told(self, zone_at: ZoneAt) -> Told:
        publications = (_publication(row, zone_at(row.published_at)) for row in self.publications)
        rules = {each: _rules(versions, zone_at) for each, versions in self.rules.items()}
        return Told(rules, _by_module(publications))

    def _zone_at(self, instant: datetime, changes: Sequence[EmploymentChange]) -> tzinfo:
        change = employment_on(changes, local_day(instant, UTC)) or changes[0]
        return self.zone(change.person.location_id)

    @cached_property
    def modules(self) -> dict[uuid.UUID, frozenset[uuid.UUID]]:
        """Return the modules that each requirement ever named."""
        return {
            requirement_id: frozenset[uuid.UUID]().union(
                *(rule.module_ids for rule in _said(versions))
            )
            for requirement_id, versions in self.rules.items()
        }

    @cached_property
    def credentials(self) -> dict[uuid.UUID, frozenset[str]]:
        """Return the kinds of credential that each requirement ever named."""
        return {
            requirement_id: frozenset(
                rule.subject.credential_kind
                for rule in _said(versions)
                if isinstance(rule.subject, Credential)
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
    """The facts are those known on this day, each counted from the day it took effect.

    Without end where nobody asks for a day: whatever is recorded is known, whatever day it was
    recorded on elsewhere.
    """

    employment: tuple[EmploymentChange, ...]
    worked: tuple[Placement, ...]
    told: Told
    by_module: dict[uuid.UUID, list[Evidence]]
    by_credential: dict[str, list[Evidence]]
    licences: tuple[Licence, ...]
    exemptions: Exemptions
    incidents: Incidents

    @property
    def knows_until(self) -> date:
        """The last day whose knowledge this is."""
        return min(self.known_on, self.today)

    def rules(self, requirement_id: uuid.UUID) -> Rules:
        return rules_in_hindsight(self.told.rules[requirement_id], self.known_on)

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
                for item in self.told.published.get(module_id, ())
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
        rules={each: _called(versions, vocabulary) for each, versions in rules.items()},
        publications=await uow.requirements.publications(),
        time_zones=await uow.employment.time_zones(),
        vocabulary=vocabulary,
    )


@dataclass(frozen=True, slots=True)
class Recorded:
    """Everything that was ever recorded about some people, under whichever of their entries.

    Only of the entry that continues where they work: a merge records there what the other said.
    """

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

    As they are known on `known_on`, else with all that is recorded, or was by a `today` that stands
    in; with the terminations that are announced, or as if there were none.
    """
    entries = await uow.employment.entries(user_ids)
    owners = _owners(entries)
    known = list(owners)
    recorded = Recorded(
        employment=await uow.employment.of_people(user_ids),
        positions=await uow.positions.of_people(user_ids),
        evidence=_of_people(await uow.verified_evidence.of_people(known), owners),
        exemptions=_of_people_and_rules(await uow.exemptions.of_people(known), owners),
        incidents=_of_people_and_rules(await uow.incidents.of_people(known), owners),
    )
    asked = set(user_ids)
    return [
        _history(catalogue, recorded, entry, today, known_on, announced_ends=announced_ends)
        for entry in entries
        if entry.user_id in asked
    ]


def _owners(entries: Iterable[Entry]) -> Owners:
    """Return whose an entry's facts are, and since which day that is known; None for always."""
    into = {entry.user_id: (entry.merged_into_id, entry.merged_on) for entry in entries}
    return {user_id: [(user_id, None), *_followed(user_id, into)] for user_id in into}


def _followed(user_id: uuid.UUID, into: Mapping[uuid.UUID, Merged]) -> Iterator[Owner]:
    """Yield the entries that one was merged into, one after the other."""
    known: date | None = None
    continues, day = into[user_id]
    while continues is not None and day is not None:
        known = max(known or day, day)
        yield continues, known
        continues, day = into[continues]


def _of_people(
    recorded: Mapping[uuid.UUID, Sequence[Evidence]], owners: Owners
) -> dict[uuid.UUID, list[Evidence]]:
    found = defaultdict[uuid.UUID, list[Evidence]](list)
    for entry_id, items in recorded.items():
        for user_id, day in owners[entry_id]:
            found[user_id] += counted_from(items, day)
    return found


def _of_people_and_rules(
    recorded: Mapping[PersonAndRequirement, Sequence[Named]], owners: Owners
) -> dict[PersonAndRequirement, list[Named]]:
    found = defaultdict[PersonAndRequirement, list[Named]](list)
    for (entry_id, requirement_id), items in recorded.items():
        for user_id, day in owners[entry_id]:
            found[user_id, requirement_id] += counted_from(items, day)
    return found


def _history(  # noqa: PLR0913  # what load_histories is asked for
    catalogue: Catalogue,
    recorded: Recorded,
    entry: Entry,
    today: date | None,
    known_on: date | None,
    *,
    announced_ends: bool,
) -> PersonHistory:
    changes = recorded.employment.get(entry.user_id, ())
    day = today or _today(catalogue, entry, changes)
    known = known_on if known_on and known_on < day else today or date.max
    if entry.merged_on is not None and entry.merged_on <= known:
        changes = ()
    changes = changes if announced_ends else without_announced_ends(changes, day)
    called = catalogue.vocabulary.of_employment(changes)
    further = catalogue.vocabulary.of_positions(recorded.positions.get(entry.user_id, ()))
    employment = with_positions(employment_in_hindsight(called, known), further, known)
    evidence = recorded.evidence.get(entry.user_id, ())
    held = evidence_in_hindsight(evidence, known)
    return PersonHistory(
        user_id=entry.user_id,
        today=day,
        known_on=known,
        employment=employment,
        worked=placements(employment),
        told=catalogue.told(employment),
        by_module=_by_module(held),
        by_credential=_by_credential(held),
        licences=licences_in_hindsight(licences(evidence), known),
        exemptions={
            key: exemptions_in_hindsight(granted, known)
            for key, granted in recorded.exemptions.items()
            if key[0] == entry.user_id
        },
        incidents={
            key: incidents_in_hindsight(named, known)
            for key, named in recorded.incidents.items()
            if key[0] == entry.user_id
        },
    )


def _today(catalogue: Catalogue, entry: Entry, changes: Iterable[EmploymentChange]) -> date:
    """Return the day that it is for a person, as `person_day` does in the database."""
    at_office = local_day(catalogue.now, catalogue.zone(entry.location_id))
    return max([at_office, *(change.recorded_on for change in changes)])


def _called(versions: Iterable[RecordedRule], vocabulary: Vocabulary) -> tuple[RecordedRule, ...]:
    return tuple(replace(row, version=vocabulary.of_rule(row.version)) for row in versions)


def _said(versions: Iterable[RecordedRule]) -> Iterator[Rule]:
    return (row.version.rule for row in versions if row.version.rule)


def _rules(versions: Iterable[RecordedRule], zone_at: ZoneAt) -> Rules:
    """Return a rule by the days on which it was recorded where somebody worked.

    A version that began when it was recorded begins then. None is recorded before an older one,
    although whoever moved west between them may have had the same day twice.
    """
    found: list[RuleVersion] = []
    for row in versions:
        version = row.version
        day = min(version.recorded_on, local_day(row.recorded_at, zone_at(row.recorded_at)))
        day = max([day, *(older.recorded_on for older in found)])
        at_once = version.effective_from == version.recorded_on
        begins = day if at_once else version.effective_from
        found.append(replace(version, effective_from=begins, recorded_on=day))
    return tuple(found)


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
