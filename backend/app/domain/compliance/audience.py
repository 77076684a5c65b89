"""Whom a requirement applies to, and which criteria a person meets."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Self, TypeVar
from uuid import UUID

from pydantic import (
    BaseModel,
    ConfigDict,
    PlainSerializer,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

from app.domain.actor import Role
from app.domain.fields import Day, Flag, Folded, refuse
from app.domain.people.place import CountryCode, StateCode
from app.domain.people.worker_kind import WorkerKind
from app.domain.word import comparable

T = TypeVar("T")


# The set is written in sorted order, so that the before and after of an audit event differ only
# where the rule does. The serializer is a lambda because Pydantic would show the return type of a
# function in the JSON schema, in place of the type of the items.
SortedSet = Annotated[frozenset[T], PlainSerializer(lambda values: sorted(values, key=str))]
Name = Annotated[Folded, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


def _needs_kind(schema: dict[str, Any]) -> None:
    """Mark `kind` as required in the schema.

    Pydantic leaves it out because it has a default, but clients must send it: it chooses among the
    alternatives.
    """
    if "kind" in schema["properties"]:
        schema["required"] = ["kind", *schema["required"]]


class RuleData(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, json_schema_extra=_needs_kind
    )


@dataclass(frozen=True, slots=True)
class Post:
    """A place at which somebody works besides the primary one."""

    location_id: UUID | None
    department: str | None = None
    job_title: str | None = None
    country: str | None = None
    state: str | None = None


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """The facts about a person on one day that audiences are compared with."""

    id: UUID
    department: str | None = None
    location_id: UUID | None = None
    role: Role = Role.LEARNER
    job_title: str | None = None
    hired_on: date | None = None
    worker_kind: WorkerKind = WorkerKind.EMPLOYEE
    country: str | None = None
    state: str | None = None
    """Of the location, as ISO 3166-2 has it: `US-CA`."""

    elsewhere: tuple[Post, ...] = ()

    @property
    def places(self) -> Iterator[Self]:
        """Yield the person as they are at each place: first the primary one, then the others."""
        yield self
        for post in self.elsewhere:
            yield replace(self, **asdict(post))


class Criterion(StrEnum):
    EVERYONE = "everyone"
    INCIDENT = "incident"
    INCLUDED = "included"
    DEPARTMENT = "department"
    LOCATION = "location"
    COUNTRY = "country"
    STATE = "state"
    ROLE = "role"
    WORKER_KIND = "worker_kind"
    JOB_TITLE = "job_title"
    HIRED_AFTER = "hired_after"


@dataclass(frozen=True, slots=True)
class Matched:
    criterion: Criterion
    value: str | None = None


@dataclass(frozen=True, slots=True)
class MatchReason:
    """The criteria of the rule, each with the value by which the person meets it."""

    matched: tuple[Matched, ...]


class Audience(RuleData):
    """The people who meet all given criteria, and those in `include`; never those in `exclude`.

    Whoever works at several places is meant where they meet all of them at one.

    An audience without criteria is refused unless `everyone` is true. Otherwise removing the last
    person from `include` would turn the rule into one for everybody.
    """

    everyone: Flag = False
    departments: SortedSet[Name] = frozenset()
    location_ids: SortedSet[UUID] = frozenset()
    countries: SortedSet[CountryCode] = frozenset()
    states: SortedSet[StateCode] = frozenset()
    """Where the location is, so that the rule means the people of new offices too."""

    roles: SortedSet[Role] = frozenset()
    worker_kinds: SortedSet[WorkerKind] = frozenset()
    job_titles: SortedSet[Name] = frozenset()
    hired_after: Day | None = None
    include: SortedSet[UUID] = frozenset()
    exclude: SortedSet[UUID] = frozenset()

    @field_validator("exclude")
    @classmethod
    def _excludes_nobody_included(
        cls, exclude: frozenset[UUID], info: ValidationInfo
    ) -> frozenset[UUID]:
        if exclude & info.data.get("include", frozenset()):
            refuse("included_and_excluded", "A person is both included and excluded.")
        return exclude

    @model_validator(mode="after")
    def _means_somebody(self) -> Self:
        if self.everyone and self.has_criteria:
            refuse("everyone_and_criteria", "Everyone is meant, or those who meet criteria.")
        if not (self.everyone or self.has_criteria or self.include):
            refuse("audience_missing", "Say who is meant: criteria, people, or everyone: true.")
        return self

    @property
    def has_criteria(self) -> bool:
        named = (
            *(self.departments, self.location_ids, self.countries, self.states),
            *(self.roles, self.worker_kinds, self.job_titles),
        )
        return any(named) or self.hired_after is not None


def matches(audience: Audience, person: PersonFacts) -> MatchReason | None:
    if person.id in audience.exclude:
        return None
    if person.id in audience.include:
        return MatchReason((Matched(Criterion.INCLUDED, str(person.id)),))
    if audience.everyone:
        return MatchReason((Matched(Criterion.EVERYONE),))
    return next(filter(None, (_meets(audience, place) for place in person.places)), None)


def places_meant(audience: Audience, person: PersonFacts) -> list[PersonFacts]:
    """Return the places at which the audience means somebody: all where it asks for none."""
    places = [*person.places]
    return [place for place in places if _meets(audience, place)] or places


def _meets(audience: Audience, person: PersonFacts) -> MatchReason | None:
    matched = []
    for criterion, value, holds in _criteria(audience, person):
        if not holds:
            return None
        matched.append(Matched(criterion, str(value)))
    return MatchReason(tuple(matched)) if matched else None


def _criteria(audience: Audience, person: PersonFacts) -> Iterator[tuple[Criterion, object, bool]]:
    if audience.departments:
        held = _named(person.department, audience.departments)
        yield Criterion.DEPARTMENT, person.department, held
    if audience.location_ids:
        held = person.location_id in audience.location_ids
        yield Criterion.LOCATION, person.location_id, held
    if audience.countries:
        yield Criterion.COUNTRY, person.country, person.country in audience.countries
    if audience.states:
        yield Criterion.STATE, person.state, person.state in audience.states
    if audience.roles:
        yield Criterion.ROLE, person.role, person.role in audience.roles
    if audience.worker_kinds:
        held = person.worker_kind in audience.worker_kinds
        yield Criterion.WORKER_KIND, person.worker_kind, held
    if audience.job_titles:
        held = _named(person.job_title, audience.job_titles)
        yield Criterion.JOB_TITLE, person.job_title, held
    if audience.hired_after:
        hired_on = person.hired_on
        yield Criterion.HIRED_AFTER, hired_on, bool(hired_on and hired_on > audience.hired_after)


def _named(word: str | None, words: Iterable[str]) -> bool:
    return word is not None and comparable(word) in map(comparable, words)
