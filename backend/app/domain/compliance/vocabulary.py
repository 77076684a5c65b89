"""What departments and job titles are called today, and where locations are."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar
from uuid import UUID

from app.domain.compliance.audience import PersonFacts, Post
from app.domain.compliance.facts import EmploymentChange, Position, RuleVersion
from app.domain.people.place import Place
from app.domain.word import comparable

Held = TypeVar("Held", PersonFacts, Post)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Maps every spelling, as `comparable` returns it, to the present name of its word.

    Employments and rules keep the words with which they were recorded. A word that has another
    name since, or was entered by an alias, is still the same word.
    """

    departments: Mapping[str, str] = field(default_factory=dict)
    job_titles: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[UUID, Place] = field(default_factory=dict)
    """Of locations. One that is corrected was wrong before, too."""

    def of_employment(self, changes: Iterable[EmploymentChange]) -> tuple[EmploymentChange, ...]:
        return tuple(replace(change, person=self._at_work(change.person)) for change in changes)

    def of_positions(self, positions: Iterable[Position]) -> tuple[Position, ...]:
        return tuple(replace(each, post=self._at_work(each.post)) for each in positions)

    def of_rules(self, versions: Iterable[RuleVersion]) -> tuple[RuleVersion, ...]:
        return tuple(self.of_rule(version) for version in versions)

    def _at_work(self, held: Held) -> Held:
        place = self.places.get(held.location_id, Place()) if held.location_id else Place()
        return replace(
            held,
            country=place.country,
            state=place.state,
            department=_called(held.department, self.departments),
            job_title=_called(held.job_title, self.job_titles),
        )

    def of_rule(self, version: RuleVersion) -> RuleVersion:
        if version.rule is None:
            return version
        audience = version.rule.audience
        called = {
            "departments": frozenset(
                _called(each, self.departments) for each in audience.departments
            ),
            "job_titles": frozenset(_called(each, self.job_titles) for each in audience.job_titles),
        }
        audience = audience.model_copy(update=called)
        return replace(version, rule=version.rule.model_copy(update={"audience": audience}))


def _called(word: str | None, names: Mapping[str, str]) -> str | None:
    return None if word is None else names.get(comparable(word), word)
