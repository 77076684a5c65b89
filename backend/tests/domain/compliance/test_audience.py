from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from app.domain.actor import Role
from app.domain.compliance.audience import (
    Audience,
    Criterion,
    Matched,
    MatchReason,
    PersonFacts,
    matches,
)
from app.domain.fields import EARLIEST_DAY
from app.domain.people.worker_kind import WorkerKind

DOWNTOWN = UUID(int=10)
UPTOWN = UUID(int=11)
PERSON = PersonFacts(
    id=UUID(int=100),
    department="Hygiene",
    location_id=DOWNTOWN,
    role=Role.LEARNER,
    job_title="Registered dental hygienist",
    hired_on=date(2027, 3, 1),
    country="US",
    state="US-CA",
    worker_kind=WorkerKind.TEMP,
)
EVERYONE = Audience(everyone=True)


class TestMatches:
    def test_everyone(self) -> None:
        assert matches(EVERYONE, PERSON) == MatchReason((Matched(Criterion.EVERYONE),))

    def test_all_named_criteria_must_hold_and_are_told(self) -> None:
        audience = Audience(
            departments=frozenset({"Hygiene"}),
            location_ids=frozenset({UPTOWN, DOWNTOWN}),
            countries=frozenset({"US"}),
            states=frozenset({"US-CA", "US-TX"}),
            roles=frozenset({Role.LEARNER}),
            worker_kinds=frozenset({WorkerKind.TEMP}),
            job_titles=frozenset({"Registered dental hygienist"}),
            hired_after=date(2027, 2, 28),
        )
        assert matches(audience, PERSON) == MatchReason(
            (
                Matched(Criterion.DEPARTMENT, "Hygiene"),
                Matched(Criterion.LOCATION, str(DOWNTOWN)),
                Matched(Criterion.COUNTRY, "US"),
                Matched(Criterion.STATE, "US-CA"),
                Matched(Criterion.ROLE, "learner"),
                Matched(Criterion.WORKER_KIND, "temp"),
                Matched(Criterion.JOB_TITLE, "Registered dental hygienist"),
                Matched(Criterion.HIRED_AFTER, "2027-03-01"),
            )
        )

    @pytest.mark.parametrize(
        "miss",
        [
            {"departments": {"Front desk"}},
            {"location_ids": {UPTOWN}},
            {"countries": {"MX"}},
            {"states": {"US-TX"}},
            {"roles": {Role.MANAGER}},
            {"worker_kinds": {WorkerKind.EMPLOYEE}},
            {"job_titles": {"Dentist"}},
            {"hired_after": date(2027, 3, 1)},
        ],
    )
    def test_one_miss_is_enough(self, miss: dict[str, Any]) -> None:
        hit = {"departments": {"Hygiene"}, "roles": {Role.LEARNER}}
        assert matches(Audience.model_validate({**hit, **miss}), PERSON) is None

    @pytest.mark.parametrize(
        "title", ["registered DENTAL hygienist", " Registered  dental hygienist"]
    )
    def test_neither_case_nor_spaces_make_two_words_of_one(self, title: str) -> None:
        audience = Audience(job_titles=frozenset({title}), departments=frozenset({"HYGIENE"}))
        assert matches(audience, PERSON) is not None

    def test_unknown_attributes_match_no_criterion(self) -> None:
        nobody = PersonFacts(id=UUID(int=101))
        assert matches(Audience(hired_after=EARLIEST_DAY), nobody) is None
        assert matches(Audience(departments=frozenset({"Hygiene"})), nobody) is None

    def test_individual_inclusion_beats_criteria(self) -> None:
        audience = Audience(departments=frozenset({"Surgery"}), include=frozenset({PERSON.id}))
        assert matches(audience, PERSON) == MatchReason(
            (Matched(Criterion.INCLUDED, str(PERSON.id)),)
        )

    def test_individual_exclusion(self) -> None:
        audience = Audience(everyone=True, exclude=frozenset({PERSON.id}))
        assert matches(audience, PERSON) is None

    def test_named_people_alone(self) -> None:
        """An audience of two people was once taken for everybody."""
        audience = Audience(include=frozenset({PERSON.id}))
        assert matches(audience, PERSON) is not None
        assert matches(audience, replace(PERSON, id=UUID(int=101))) is None
