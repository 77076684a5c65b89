"""Random histories, so dense that moves, leaves, renewals and rule edits coincide."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from uuid import UUID

from hypothesis import strategies as st

from app.domain.compliance import (
    EmploymentChange,
    EmploymentState,
    Evidence,
    Exemption,
    ExemptionKind,
    Facts,
    Incident,
    Licence,
    Publication,
    RuleVersion,
)
from app.domain.compliance.audience import Audience, PersonFacts, Post
from app.domain.compliance.facts import Position
from app.domain.compliance.requirement import (
    CalendarDay,
    Credential,
    DaysAfter,
    FirstDue,
    Modules,
    MonthsAfter,
    OnDate,
    Renewal,
    Rule,
    Subject,
)
from app.domain.recurrence import ANNUAL_ANCHORS, Anchor, EarlyRenewal

FIRST_DAY = date(2027, 9, 1)
LAST_DAY = date(2029, 12, 31)
PERSON = UUID(int=1)
MODULES = [UUID(int=11), UUID(int=12)]
MONTH_ENDS = [date(2028, 1, 31), date(2028, 2, 29), date(2028, 8, 31), date(2027, 12, 31)]


@dataclass(frozen=True)
class History:
    facts: Facts
    rules: tuple[RuleVersion, ...]


def some_days() -> st.SearchStrategy[date]:
    return st.one_of(
        st.integers(0, (LAST_DAY - FIRST_DAY).days).map(lambda n: FIRST_DAY + timedelta(days=n)),
        st.sampled_from(MONTH_ENDS),
    )


def after(day: date, lag: int) -> date:
    return day + timedelta(days=lag)


PROMPT = st.sampled_from([0, 0, 0, 0, 1, 9, 60])
"""Days between a fact and its record; negative ones are announced ahead."""


@st.composite
def employment(draw: st.DrawFn) -> tuple[EmploymentChange, ...]:
    hired_on = draw(st.one_of(st.none(), some_days().map(lambda d: after(d, -200))))
    changes = []
    day = draw(st.sampled_from([FIRST_DAY, date(2028, 1, 31)]))
    for _ in range(draw(st.sampled_from([1, 1, 2, 3, 6]))):
        state = draw(st.sampled_from([EmploymentState.ACTIVE] * 5 + [*EmploymentState]))
        department = draw(st.sampled_from(["Hygiene"] * 5 + ["Front desk"]))
        place = draw(st.sampled_from(["US-CA"] * 3 + ["US-TX", None]))
        person = PersonFacts(
            PERSON,
            department=department,
            hired_on=hired_on,
            country=place and "US",
            state=place,
        )
        recorded_on = after(day, draw(st.sampled_from([-30, 0, 0, 0, 14])))
        changes.append(EmploymentChange(day, recorded_on, state, person))
        day = after(day, draw(st.integers(0, 250)))
        if state is EmploymentState.TERMINATED:
            hired_on = day
    return tuple(changes)


GAPS = [0, 4, 20, 28, 31, 59, 85, 92, 170, 184, 340, 365, 366]
"""Days between completions: on, just before and just after the turns of usual validities."""


@st.composite
def all_evidence(draw: st.DrawFn, subject: Subject) -> tuple[Evidence, ...]:
    found: list[Evidence] = []
    day = after(FIRST_DAY, draw(st.integers(-200, 200)))
    while day <= LAST_DAY and len(found) < 10:
        found.append(draw(pieces_of_evidence(subject, len(found), day)))
        day = after(day, draw(st.sampled_from(GAPS)) + draw(st.integers(0, 5)))
        if draw(st.integers(0, 7)) == 0:
            break
    return tuple(found)


@st.composite
def pieces_of_evidence(draw: st.DrawFn, subject: Subject, number: int, day: date) -> Evidence:
    recorded_on = after(day, draw(PROMPT))
    lag = draw(st.sampled_from([None] * 8 + [0, 5, 100]))
    usual = isinstance(subject, Credential)
    credential = draw(st.sampled_from([usual] * 9 + [not usual]))
    lasts = [30, 90, 365, 365, 400, None, -10] if credential else [None] * 8 + [100]
    printed_after = draw(st.sampled_from(lasts))
    return Evidence(
        id=UUID(int=100 + number),
        day=day,
        recorded_on=recorded_on,
        module_id=None if credential else draw(st.sampled_from([*MODULES, MODULES[0]])),
        version=None if credential else draw(st.sampled_from([None, 1, 1, 2, 3])),
        credential_kind="bls" if credential else None,
        issuing_state=draw(st.sampled_from(["US-CA"] * 3 + ["US-TX", None])),
        printed_expiry=None if printed_after is None else after(day, printed_after),
        withdrawn_on=None if lag is None else after(recorded_on, lag),
        minutes=draw(st.sampled_from([None, 15, 119, 120, 120, 120, 300])),
        has_trainer=draw(st.sampled_from([True, True, True, False])),
    )


@st.composite
def exemptions(draw: st.DrawFn, number: int) -> Exemption:
    starts_on = draw(some_days())
    lasts = draw(st.sampled_from([None, 0, 30, 30, 100]))
    recorded_on = after(starts_on, draw(PROMPT))
    revoked_after = draw(st.sampled_from([None, None, 0, 40]))
    return Exemption(
        id=UUID(int=200 + number),
        kind=draw(st.sampled_from(ExemptionKind)),
        starts_on=starts_on,
        recorded_on=recorded_on,
        ends_on=None if lasts is None else after(starts_on, lasts),
        revoked_on=None if revoked_after is None else after(recorded_on, revoked_after),
    )


@st.composite
def licences(draw: st.DrawFn) -> tuple[Licence, ...]:
    found = []
    expiry = after(FIRST_DAY, draw(st.integers(-100, 400)))
    for _ in range(draw(st.sampled_from([0, 1, 2, 3]))):
        recorded_on = after(expiry, draw(st.sampled_from([-365, -365, -30, 10])))
        lag = draw(st.sampled_from([None, None, None, 40]))
        kind = draw(st.sampled_from(["rdh"] * 4 + ["dds"]))
        withdrawn_on = None if lag is None else after(recorded_on, lag)
        found.append(Licence(kind, expiry, recorded_on, withdrawn_on))
        expiry = after(expiry, draw(st.sampled_from([90, 180, 364, 365, 366, 730])))
    return tuple(found)


@st.composite
def incidents(draw: st.DrawFn, number: int) -> Incident:
    day = draw(some_days())
    recorded_on = after(day, draw(PROMPT))
    lag = draw(st.sampled_from([None, None, None, 0, 40]))
    return Incident(
        id=UUID(int=300 + number),
        day=day,
        retrain_by=after(day, draw(st.sampled_from([0, 10, 30, 90]))),
        recorded_on=recorded_on,
        withdrawn_on=None if lag is None else after(recorded_on, lag),
    )


@st.composite
def positions(draw: st.DrawFn) -> tuple[Position, ...]:
    """What was said of up to three positions: begun, corrected, ended, or taken back."""
    said = []
    for number in range(draw(st.sampled_from([1, 1, 2, 3]))):
        recorded_on = after(starts_on := draw(some_days()), draw(PROMPT))
        for _ in range(draw(st.sampled_from([1, 1, 2, 3]))):
            lasts = draw(st.sampled_from([None, None, 0, 1, 30, 180]))
            place = draw(st.sampled_from(["US-CA"] * 3 + ["US-TX", None]))
            department = draw(st.sampled_from(["Hygiene"] * 4 + ["Front desk", None]))
            country = place and "US"
            said.append(
                Position(
                    id=UUID(int=400 + number),
                    recorded_on=recorded_on,
                    starts_on=starts_on,
                    ends_on=None if lasts is None else after(starts_on, lasts),
                    post=Post(UUID(int=50), department, None, country, place),
                    withdrawn=draw(st.sampled_from([False] * 5 + [True])),
                )
            )
            recorded_on = after(recorded_on, draw(st.sampled_from([0, 5, 200])))
            starts_on = draw(st.sampled_from([starts_on, after(starts_on, 20)]))
    return tuple(said)


@st.composite
def histories_of_places(draw: st.DrawFn) -> History:
    """Histories in which mostly the further positions decide whether a rule means the person."""
    history = draw(histories())
    if draw(st.integers(0, 4)) == 0:
        return history
    hygiene = Audience(departments=frozenset({"Hygiene"}))
    employment = tuple(
        replace(change, person=replace(change.person, department="Front desk"))
        for change in history.facts.employment
    )
    rules = tuple(
        replace(
            version, rule=version.rule and version.rule.model_copy(update={"audience": hygiene})
        )
        for version in history.rules
    )
    return History(replace(history.facts, employment=employment), rules)


@st.composite
def publications(draw: st.DrawFn) -> tuple[Publication, ...]:
    found = []
    for module in MODULES:
        day = draw(st.sampled_from([after(FIRST_DAY, -100), after(FIRST_DAY, 60)]))
        for version in range(1, draw(st.integers(1, 3)) + 1):
            found.append(Publication(module, version, day, draw(st.booleans())))
            day = after(day, draw(st.integers(1, 300)))
    return tuple(found)


def subjects() -> st.SearchStrategy[Subject]:
    return st.one_of(
        st.just(Modules(any_of=frozenset(MODULES[:1]))),
        st.just(Modules(any_of=frozenset(MODULES))),
        st.just(Credential(credential_kind="bls")),
        st.just(Credential(credential_kind="bls", of_office_state=True)),
    )


@st.composite
def renewals(draw: st.DrawFn, subject: Subject) -> Renewal:
    anchors = set(Anchor) - {Anchor.POLICY_VERSION}
    if isinstance(subject, Modules):
        anchors = set(Anchor) - {Anchor.PRINTED_EXPIRY}
    anchor = draw(st.sampled_from(sorted(anchors)))
    months = draw(st.sampled_from(_months_for(anchor)))
    movable = anchor in {Anchor.COMPLETION, Anchor.END_OF_MONTH}
    windows = [0, 1, 27] if months == 1 else [0, 1, 27, 50]
    return Renewal(
        anchor=anchor,
        months=months,
        licence_kind="rdh" if anchor is Anchor.LICENCE_CYCLE else None,
        fixed_date=_fixed_date(draw(some_days())) if anchor is Anchor.FIXED_DATE else None,
        window_days=draw(st.sampled_from(windows)),
        shortest_days=draw(st.sampled_from([0, 60, 90])),
        early_renewal=draw(st.sampled_from(EarlyRenewal)) if movable else EarlyRenewal.KEEP,
        hard_cap_months=draw(st.sampled_from([None, months, months + 1])) if months else None,
    )


def _months_for(anchor: Anchor) -> list[int | None]:
    if anchor is Anchor.PRINTED_EXPIRY:
        return [None]
    if anchor is Anchor.POLICY_VERSION:
        return [None, 12]
    if anchor in ANNUAL_ANCHORS:
        return [12, 12, 24]
    if anchor in {Anchor.END_OF_MONTH, Anchor.LICENCE_CYCLE}:
        return [1, 3, 6, 12]
    return [None, 1, 3, 6, 12]


def _fixed_date(day: date) -> CalendarDay:
    return CalendarDay(month=day.month, day=day.day)


@st.composite
def rules(draw: st.DrawFn, subject: Subject) -> Rule:
    has_modules = isinstance(subject, Modules)
    return Rule(
        subject=subject,
        audience=draw(st.sampled_from(AUDIENCES)),
        first_due=draw(first_dues(has_modules=has_modules)),
        renewal=draw(renewals(subject)),
        retrain_days_after_material_change=(
            draw(st.sampled_from([None, 0, 14, 90])) if has_modules else None
        ),
        grace_days=draw(st.sampled_from([0, 7])),
        minimum_minutes=draw(st.sampled_from([None, None, 120])) if has_modules else None,
        trainer_required=has_modules and draw(st.sampled_from([False, False, True])),
    )


AUDIENCES = [
    *[Audience(everyone=True)] * 4,
    *[Audience(departments=frozenset({"Hygiene"}))] * 5,
    Audience(departments=frozenset({"Front desk"}), include=frozenset({PERSON})),
    Audience(hired_after=date(2027, 12, 1)),
    *[Audience(states=frozenset({"US-CA", "US-NY"}))] * 2,
    Audience(countries=frozenset({"US"}), departments=frozenset({"Hygiene"})),
    Audience(everyone=True, exclude=frozenset({PERSON})),
    Audience(include=frozenset({PERSON})),
    Audience(include=frozenset({UUID(int=99)})),
]


@st.composite
def first_dues(draw: st.DrawFn, *, has_modules: bool) -> FirstDue:
    event = draw(st.sampled_from(["hire", "assignment", "publication", None]))
    if event is None or (event == "publication" and not has_modules):
        return OnDate(date=draw(some_days()))
    if draw(st.booleans()):
        return MonthsAfter.model_validate({"event": event, "months": draw(st.sampled_from([1, 6]))})
    return DaysAfter.model_validate(
        {"event": event, "days": draw(st.sampled_from([0, 10, 30, 120]))}
    )


@st.composite
def rule_versions(draw: st.DrawFn, subject: Subject) -> tuple[RuleVersion, ...]:
    versions = [RuleVersion(FIRST_DAY, FIRST_DAY, draw(rules(subject)))]
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        edited = draw(
            st.one_of(rules(subject), rules(subject), st.none(), subjects().flatmap(rules))
        )
        day = draw(some_days())
        recorded_on = after(day, draw(st.sampled_from([-10, 0, 0, 30])))
        versions.append(RuleVersion(day, recorded_on, edited))
    return tuple(versions)


@st.composite
def histories(draw: st.DrawFn) -> History:
    subject = draw(subjects())
    facts = Facts(
        employment=draw(employment()),
        evidence=draw(all_evidence(subject)),
        exemptions=tuple(
            draw(exemptions(n)) for n in range(draw(st.sampled_from([0, 0, 0, 0, 1, 2])))
        ),
        publications=draw(publications()),
        licences=draw(licences()),
        incidents=tuple(draw(incidents(n)) for n in range(draw(st.sampled_from([0, 0, 0, 1, 2])))),
    )
    return History(facts, draw(rule_versions(subject)))
