"""What a requirement asks of one person on one day, as known on that day."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from app.domain.compliance.audience import MatchReason, matches
from app.domain.compliance.facts import (
    EmploymentChange,
    EmploymentState,
    Evidence,
    Exemption,
    Facts,
    Publication,
    RuleVersion,
    back_at_work,
    employment_on,
    rule_on,
)
from app.domain.compliance.requirement import OnDate, Rule
from app.domain.recurrence import Anchor, MonthDay, Validity, add_days, next_cycle_end, validity


class ComplianceReason(StrEnum):
    """Why a requirement does or does not apply to a person."""

    NO_RULE = "no_rule"
    NOT_EMPLOYED = "not_employed"
    OUTSIDE_AUDIENCE = "outside_audience"
    ON_LEAVE = "on_leave"
    WAIVER = "waiver"
    EXEMPTION = "exemption"
    MATCHED = "matched"


@dataclass(frozen=True, slots=True)
class Duty:
    """A requirement that applies to an employed person on `day`."""

    day: date
    rule: Rule
    employment: EmploymentChange
    match: MatchReason
    exemption: Exemption | None
    facts: Facts

    @property
    def on_leave(self) -> bool:
        return self.employment.state is EmploymentState.LEAVE


def duty_on(facts: Facts, rules: tuple[RuleVersion, ...], day: date) -> Duty | ComplianceReason:
    rule = rule_on(rules, day)
    if rule is None:
        return ComplianceReason.NO_RULE
    employment = employment_on(facts.employment, day)
    if employment is None or not employment.is_employed(day):
        return ComplianceReason.NOT_EMPLOYED
    match = matches(rule.audience, employment.person)
    if match is None:
        return ComplianceReason.OUTSIDE_AUDIENCE
    return Duty(day, rule, employment, match, _exemption_on(facts.exemptions, day), facts)


def _exemption_on(exemptions: tuple[Exemption, ...], day: date) -> Exemption | None:
    """Return the one that began first of those in force."""
    found = [exemption for exemption in exemptions if exemption.in_force(day)]
    return min(found, key=lambda exemption: (exemption.starts_on, exemption.id), default=None)


def first_due(duty: Duty, began: date) -> date | None:
    """Return the last day in time for a duty that began on `began`. None: nothing is published.

    It is never before the duty began, and never during a leave.
    """
    nominal = _nominal_first_due(duty, began)
    if nominal is None:
        return None
    return back_at_work(duty.facts.employment, max(nominal, began), duty.day)


def _nominal_first_due(duty: Duty, began: date) -> date | None:
    due = duty.rule.first_due
    if isinstance(due, OnDate):
        return due.date
    if due.event == "hire":
        return due.due(duty.employment.person.hired_on or began)
    if due.event == "assignment":
        return due.due(began)
    published_on = _first_publication(duty)
    return due.due(published_on) if published_on else None


def _first_publication(duty: Duty) -> date | None:
    modules = duty.rule.module_ids
    published = [
        publication.published_on
        for publication in duty.facts.publications
        if publication.module_id in modules and publication.published_on <= duty.day
    ]
    return min(published, default=None)


def retraining_due(duty: Duty, changed_on: date, began: date) -> date:
    """Return the last day to train on a material change published on `changed_on`."""
    nominal = add_days(changed_on, duty.rule.retrain_days_after_material_change or 0)
    return back_at_work(duty.facts.employment, max(nominal, began), duty.day)


def outdated_since(duty: Duty, evidence: Evidence) -> date | None:
    """Return the day of the first material change, known by now, that the evidence predates."""
    if duty.rule.retrain_days_after_material_change is None:
        return None
    changes = [
        publication.published_on
        for publication in duty.facts.publications
        if publication.material_change
        and publication.published_on <= duty.day
        and _is_newer(publication, evidence)
    ]
    return min(changes, default=None)


def outdated_when_given(duty: Duty, evidence: Evidence) -> bool:
    """Whether a material change had been published before the day of the evidence."""
    since = outdated_since(duty, evidence)
    return since is not None and since < evidence.day


def _is_newer(publication: Publication, evidence: Evidence) -> bool:
    if publication.module_id != evidence.module_id:
        return False
    if evidence.version is None:
        return publication.published_on > evidence.day
    return publication.version > evidence.version


def validity_of(
    duty: Duty, evidence: Evidence, began: date, previous: Validity | None = None
) -> Validity:
    return validity(
        duty.rule.renewal.recurrence(),
        evidence.day,
        recurring=_recurring_day(duty, evidence, began),
        printed_expiry=evidence.printed_expiry,
        previous=previous,
    )


def _licence_expiries(duty: Duty) -> tuple[date, ...]:
    """Return the expiries that end the cycles of the rule's licence; none for other anchors."""
    kind = duty.rule.renewal.licence_kind
    return tuple(
        licence.printed_expiry
        for licence in duty.facts.licences
        if licence.kind == kind and licence.known_on(duty.day)
    )


def _recurring_day(duty: Duty, evidence: Evidence, began: date) -> MonthDay | date | None:
    renewal = duty.rule.renewal
    expiries = _licence_expiries(duty)
    if renewal.months and expiries:
        return next_cycle_end(evidence.day, expiries, renewal.months)
    if renewal.fixed_date:
        return MonthDay(renewal.fixed_date.month, renewal.fixed_date.day)
    if renewal.anchor is Anchor.HIRE_ANNIVERSARY:
        return MonthDay.of(duty.employment.person.hired_on or began)
    if renewal.anchor is Anchor.POLICY_VERSION:
        return MonthDay.of(_policy_date(duty, evidence))
    return None


def _policy_date(duty: Duty, evidence: Evidence) -> date:
    """Return when the version that was taken was published; for credit, the one of its day."""
    published = [
        publication.published_on
        for publication in duty.facts.publications
        if publication.module_id == evidence.module_id
        and publication.published_on <= duty.day
        and (
            publication.published_on <= evidence.day
            if evidence.version is None
            else publication.version == evidence.version
        )
    ]
    return max(published, default=evidence.day)
