import json
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from app.domain.actor import Role
from app.domain.compliance.audience import (
    Audience,
    PersonFacts,
)
from app.domain.compliance.requirement import (
    CalendarDay,
    Credential,
    DaysAfter,
    Modules,
    MonthsAfter,
    OnDate,
    Renewal,
    Rule,
    record_of,
    recorded_rule,
)
from app.domain.evidence.retention import RetentionClass
from app.domain.fields import EARLIEST_DAY
from app.domain.recurrence import Anchor, EarlyRenewal, Recurrence

MODULE = UUID(int=1)
OTHER_MODULE = UUID(int=2)
DOWNTOWN = UUID(int=10)
UPTOWN = UUID(int=11)
PERSON = PersonFacts(
    id=UUID(int=100),
    department="Hygiene",
    location_id=DOWNTOWN,
    role=Role.LEARNER,
    job_title="Registered dental hygienist",
    hired_on=date(2027, 3, 1),
)
BLOODBORNE: dict[str, Any] = {
    "subject": {"kind": "modules", "any_of": [str(MODULE)]},
    "audience": {"departments": ["Hygiene"], "location_ids": [str(DOWNTOWN), str(UPTOWN)]},
    "first_due": {"kind": "days_after", "event": "hire", "days": 10},
    "renewal": {"months": 12, "window_days": 30, "hard_cap_months": 12},
    "grace_days": 7,
    "citation": "29 CFR 1910.1030(g)(2)",
    "retention_class": "osha_bloodborne",
}


EVERYONE = Audience(everyone=True)


def with_(**changes: Any) -> dict[str, Any]:
    return {**BLOODBORNE, **changes}


class TestRoundTrip:
    def test_reads_json(self) -> None:
        rule = Rule.model_validate(BLOODBORNE)
        assert rule.subject == Modules(any_of=frozenset({MODULE}))
        assert rule.first_due == DaysAfter(event="hire", days=10)
        assert rule.retention_class is RetentionClass.OSHA_BLOODBORNE
        assert rule.renewal.recurrence() == Recurrence(
            Anchor.COMPLETION, 12, 30, EarlyRenewal.KEEP, 12, 90
        )

    def test_what_is_left_out_never_expires(self) -> None:
        rule = Rule(
            subject=Credential(credential_kind="bls"),
            audience=EVERYONE,
            first_due=OnDate(date=EARLIEST_DAY),
        )
        assert rule.renewal.months is None
        assert rule.retrain_days_after_material_change is None

    @given(
        st.frozensets(st.uuids(), max_size=4),
        st.frozensets(st.sampled_from(Role)),
        st.frozensets(st.sampled_from(["Hygiene", "Front desk", "Surgery"])),
        st.sampled_from([None, 12, 24]),
        st.sampled_from(
            [
                OnDate(date=date(2028, 1, 1)),
                DaysAfter(event="hire", days=3),
                MonthsAfter(event="hire", months=6),
            ]
        ),
    )
    def test_survives_json(
        self,
        people: frozenset[UUID],
        roles: frozenset[Role],
        departments: frozenset[str],
        months: int | None,
        due: OnDate | DaysAfter | MonthsAfter,
    ) -> None:
        rule = Rule(
            subject=Modules(any_of=frozenset({MODULE, OTHER_MODULE})),
            audience=Audience(
                everyone=not (roles or departments),
                include=people,
                roles=roles,
                departments=departments,
            ),
            first_due=due,
            renewal=Renewal(months=months),
        )
        assert Rule.model_validate_json(rule.model_dump_json()) == rule

    def test_sets_are_written_in_order(self) -> None:
        written = Audience(departments=frozenset({"b", "c", "a"})).model_dump(mode="json")
        assert written["departments"] == ["a", "b", "c"]


class TestSchema:
    @pytest.mark.parametrize(
        ("model", "required"),
        [
            (Modules, ["kind", "any_of"]),
            (Credential, ["kind", "credential_kind"]),
            (DaysAfter, ["kind", "event", "days"]),
            (MonthsAfter, ["kind", "event", "months"]),
            (OnDate, ["kind", "date"]),
            (CalendarDay, ["month", "day"]),
        ],
    )
    def test_an_alternative_names_itself(self, model: type[BaseModel], required: list[str]) -> None:
        assert model.model_json_schema()["required"] == required

    def test_what_has_no_alternatives_asks_for_nothing(self) -> None:
        assert "required" not in Audience.model_json_schema()


class TestFirstDue:
    @pytest.mark.parametrize(
        ("due", "since", "last_day"),
        [
            (DaysAfter(event="hire", days=0), date(2026, 8, 31), date(2026, 8, 31)),
            (DaysAfter(event="hire", days=180), date(2026, 8, 31), date(2027, 2, 27)),
            (MonthsAfter(event="hire", months=6), date(2026, 8, 31), date(2027, 2, 28)),
        ],
    )
    def test_six_months_are_not_180_days(
        self, due: DaysAfter | MonthsAfter, since: date, last_day: date
    ) -> None:
        assert due.due(since) == last_day


class TestRecorded:
    @pytest.mark.parametrize(
        ("audience", "everyone"),
        [
            ({}, True),
            ({"departments": [], "include": [], "exclude": [str(PERSON.id)]}, True),
            ({"departments": ["Hygiene"]}, False),
            ({"include": [str(PERSON.id)]}, False),
            ({"everyone": True}, True),
        ],
    )
    def test_reads_rules_from_before_audiences_said_everyone(
        self, audience: dict[str, Any], *, everyone: bool
    ) -> None:
        assert recorded_rule(with_(audience=audience)).audience.everyone is everyone

    def test_former_releases_read_what_names_nothing_new(self) -> None:
        rule = Rule.model_validate(BLOODBORNE)
        record = record_of(rule)
        assert json.loads(json.dumps(record)) == record
        assert record["audience"]["departments"] == ["Hygiene"]
        assert not {"countries", "states"} & set(record["audience"])
        assert record["first_due"] == {"kind": "days_after", "event": "hire", "days": 10}
        assert recorded_rule(record) == rule

    @pytest.mark.parametrize("named", [{"states": ["US-CA"]}, {"countries": ["US"]}])
    def test_what_is_named_is_recorded(self, named: dict[str, list[str]]) -> None:
        rule = Rule.model_validate(with_(audience=named))
        record = record_of(rule)
        assert {"countries", "states"} & set(record["audience"]) == set(named)
        assert recorded_rule(record) == rule


class TestRefused:
    @pytest.mark.parametrize(
        ("changes", "location", "code"),
        [
            ({"surprise": 1}, ("surprise",), "extra_forbidden"),
            ({"subject": {"kind": "modules", "any_of": []}}, ("subject", "modules", "any_of"),
             "too_short"),
            ({"renewal": {"anchor": "printed_expiry", "months": 24}}, ("renewal", "months"),
             "printed_expiry_is_not_computed"),
            ({"renewal": {"anchor": "printed_expiry"}}, ("renewal",),
             "module_has_no_printed_expiry"),
            ({"renewal": {"anchor": "fixed_date", "months": 12}}, ("renewal", "fixed_date"),
             "fixed_date_mismatch"),
            ({"renewal": {"months": 12, "fixed_date": {"month": 3, "day": 31}}},
             ("renewal", "fixed_date"), "fixed_date_mismatch"),
            ({"renewal": {"anchor": "hire_anniversary", "months": 18}}, ("renewal", "months"),
             "whole_years_only"),
            ({"renewal": {"anchor": "hire_anniversary"}}, ("renewal", "months"),
             "months_missing"),
            ({"renewal": {"anchor": "end_of_month"}}, ("renewal", "months"), "months_missing"),
            ({"renewal": {"months": 1, "window_days": 28}}, ("renewal", "window_days"),
             "window_too_long"),
            ({"renewal": {"anchor": "hire_anniversary", "months": 12,
                          "early_renewal": "reanchor"}}, ("renewal", "early_renewal"),
             "anchor_cannot_move"),
            ({"renewal": {"hard_cap_months": 12}}, ("renewal", "hard_cap_months"),
             "cap_without_months"),
            ({"renewal": {"months": 24, "hard_cap_months": 23}}, ("renewal", "hard_cap_months"),
             "cap_below_months"),
            ({"renewal": {"anchor": "fixed_date", "months": 12,
                          "fixed_date": {"month": 4, "day": 31}}},
             ("renewal", "fixed_date", "day"), "no_such_day"),
            ({"audience": {"include": [str(PERSON.id)], "exclude": [str(PERSON.id)]}},
             ("audience", "exclude"), "included_and_excluded"),
            ({"audience": {}}, ("audience",), "audience_missing"),
            ({"audience": {"exclude": [str(PERSON.id)]}}, ("audience",), "audience_missing"),
            ({"audience": {"everyone": True, "roles": ["learner"]}},
             ("audience",), "everyone_and_criteria"),
            ({"audience": {"everyone": 1}}, ("audience", "everyone"), "bool_type"),
            ({"first_due": {"kind": "months_after", "event": "hire", "months": 0}},
             ("first_due", "months_after", "months"), "greater_than_equal"),
            ({"subject": {"kind": "credential", "credential_kind": "bls"},
              "first_due": {"kind": "days_after", "event": "publication", "days": 1}},
             ("first_due",), "credential_is_not_published"),
            ({"subject": {"kind": "credential", "credential_kind": "bls"},
              "renewal": {"anchor": "policy_version", "months": 12}},
             ("renewal",), "credential_has_no_version"),
            ({"subject": {"kind": "credential", "credential_kind": "bls"},
              "retrain_days_after_material_change": 30},
             ("retrain_days_after_material_change",), "credential_has_no_version"),
            ({"first_due": {"kind": "days_after", "event": "hire", "days": -1}},
             ("first_due", "days_after", "days"), "greater_than_equal"),
        ],
    )  # fmt: skip
    def test_inconsistent_rules(
        self, changes: dict[str, Any], location: tuple[str, ...], code: str
    ) -> None:
        with pytest.raises(ValidationError) as refused:
            Rule.model_validate(with_(**changes))
        assert [(e["loc"], e["type"]) for e in refused.value.errors()] == [(location, code)]

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"citation": "a\0b"}, "unstorable_text"),
            ({"citation": "\ud800"}, "unstorable_text"),
            ({"audience": {"job_titles": ["a\0b"]}}, "unstorable_text"),
            ({"audience": {"departments": ["a\0b"]}}, "unstorable_text"),
            ({"subject": {"kind": "credential", "credential_kind": "a\0b"}}, "unstorable_text"),
            ({"audience": {"hired_after": 86_400}}, "not_iso_8601"),
            ({"audience": {"hired_after": "2026-01-01T00:00:00Z"}}, "not_iso_8601"),
            ({"first_due": {"kind": "on_date", "date": 86_400}}, "not_iso_8601"),
            ({"grace_days": "3"}, "int_type"),
            ({"grace_days": True}, "int_type"),
            ({"renewal": {"months": "12"}}, "int_type"),
        ],
    )
    def test_json_is_taken_at_its_word(self, changes: dict[str, Any], code: str) -> None:
        with pytest.raises(ValidationError) as refused:
            Rule.model_validate(with_(**changes))
        assert [each["type"] for each in refused.value.errors()] == [code]

    def test_a_whole_number_may_have_a_point(self) -> None:
        assert Rule.model_validate(with_(grace_days=3.0)).grace_days == 3

    def test_29_february_is_a_fixed_date(self) -> None:
        assert CalendarDay(month=2, day=29).day == 29

    def test_the_longest_window(self) -> None:
        assert Renewal(months=1, window_days=27).window_days == 27

    def test_a_cap_equal_to_the_validity(self) -> None:
        assert Renewal(months=12, hard_cap_months=12).hard_cap_months == 12
