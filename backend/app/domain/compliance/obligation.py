"""What a requirement asks of one person on one day, as known on that day."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from app.domain.compliance.audience import Criterion, Matched, MatchReason, matches
from app.domain.compliance.facts import (
    EmploymentChange,
    EmploymentState,
    Evidence,
    EvidenceSource,
    Exemption,
    Facts,
    Incident,
    Publication,
    RuleVersion,
    Shortfall,
    back_at_work,
    employment_on,
    is_about,
    rule_on,
    shortfall,
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
    asking: tuple[Incident, ...]
    """The incidents that are known and still ask for training."""

    @property
    def on_leave(self) -> bool:
        return self.employment.state is EmploymentState.LEAVE

    @property
    def is_by_incident(self) -> bool:
        """Whether an incident alone makes the rule apply."""
        return any(each.criterion is Criterion.INCIDENT for each in self.match.matched)


def duty_on(
    facts: Facts, rules: tuple[RuleVersion, ...], day: date, unanswered: Iterable[Incident] = ()
) -> Duty | ComplianceReason:
    """Return what is asked on a day; `unanswered` are the incidents not trained on since."""
    rule = rule_on(rules, day)
    if rule is None:
        return ComplianceReason.NO_RULE
    employment = employment_on(facts.employment, day)
    if employment is None or not employment.is_employed(day):
        return ComplianceReason.NOT_EMPLOYED
    asking = tuple(incident for incident in unanswered if incident.known_on(day))
    match = matches(rule.audience, employment.person) or _named_by_incident(asking)
    if match is None:
        return ComplianceReason.OUTSIDE_AUDIENCE
    return Duty(day, rule, employment, match, _exemption_on(facts.exemptions, day), facts, asking)


def _named_by_incident(asking: Sequence[Incident]) -> MatchReason | None:
    if not asking:
        return None
    last = max(asking, key=lambda incident: (incident.day, incident.id))
    return MatchReason((Matched(Criterion.INCIDENT, str(last.id)),))


def _exemption_on(exemptions: tuple[Exemption, ...], day: date) -> Exemption | None:
    """Return the one that began first of those in force."""
    found = [exemption for exemption in exemptions if exemption.in_force(day)]
    return min(found, key=lambda exemption: (exemption.starts_on, exemption.id), default=None)


def first_due(duty: Duty, began: date) -> date | None:
    """Return the last day in time for a duty that began on `began`. None: nothing is published.

    It is never before the duty began, and never during a leave. People whom the rule means only
    because an incident names them have until the day that the incident gives.
    """
    days = [incident.retrain_by for incident in duty.asking]
    usual = None if duty.is_by_incident else _nominal_first_due(duty, began)
    nominal = min((day for day in (usual, *days) if day), default=None)
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


class RetrainingCause(StrEnum):
    INCIDENT = "incident"
    MATERIAL_CHANGE = "material_change"


@dataclass(frozen=True, slots=True)
class Retraining:
    """What has to be trained on from `since` through `due_on`, whatever was trained before."""

    due_on: date
    since: date
    cause: RetrainingCause


def retraining(duty: Duty, evidence: Evidence) -> Retraining | None:
    """Return the retraining that is due first of those, known by now, that evidence predates.

    People whom only an incident names are asked nothing else.
    """
    asked = _after_incidents if duty.is_by_incident else _retrainings
    return min(asked(duty, evidence), key=_by_due_day, default=None)


def retraining_due(duty: Duty, asked: Retraining, began: date, valid_through: date | None) -> date:
    """Return the last day in time to train again, while what stands is valid if it has to be."""
    due_on = back_at_work(duty.facts.employment, max(asked.due_on, began), duty.day)
    return due_on if duty.is_by_incident else min(due_on, valid_through or date.max)


def is_outdated(duty: Duty, evidence: Evidence) -> bool:
    return next(_retrainings(duty, evidence), None) is not None


def answers_some(duty: Duty, evidence: Evidence, held: Evidence) -> bool:
    """Whether evidence leaves less to be trained on again than what is held does."""
    return {*_retrainings(duty, evidence)} < {*_retrainings(duty, held)}


def outdated_when_given(duty: Duty, evidence: Evidence) -> bool:
    """Whether a material change had been published before the day of the evidence."""
    return any(asked.since < evidence.day for asked in _after_changes(duty, evidence))


def _retrainings(duty: Duty, evidence: Evidence) -> Iterator[Retraining]:
    yield from _after_incidents(duty, evidence)
    yield from _after_changes(duty, evidence)


def _after_incidents(duty: Duty, evidence: Evidence) -> Iterator[Retraining]:
    for incident in duty.asking:
        # Evidence has a day and no hour: what was trained on the day itself may have been before.
        if evidence.day <= incident.day:
            since = add_days(incident.day, 1)
            yield Retraining(incident.retrain_by, since, RetrainingCause.INCIDENT)


def _after_changes(duty: Duty, evidence: Evidence) -> Iterator[Retraining]:
    days = duty.rule.retrain_days_after_material_change
    if days is None:
        return
    for publication in duty.facts.publications:
        published_on = publication.published_on
        known = publication.material_change and published_on <= duty.day
        if known and _is_newer(publication, evidence):
            due_on = add_days(published_on, days)
            yield Retraining(due_on, published_on, RetrainingCause.MATERIAL_CHANGE)


def _by_due_day(asked: Retraining) -> tuple[date, date, RetrainingCause]:
    return asked.due_on, asked.since, asked.cause


def _is_newer(publication: Publication, evidence: Evidence) -> bool:
    if publication.module_id != evidence.module_id:
        return False
    if evidence.version is None:
        return publication.published_on > evidence.day
    return publication.version > evidence.version


TRAINER_WITHIN_DAYS = 90
"""How long after all the rest a class still completes it; add_class_to_record.sql has the same."""


def awaits_trainer(duty: Duty, since: date) -> bool:
    """Whether training since a day lacks nothing but the trainer, who may still be asked.

    Nobody has to repeat it then. Attending the class completes it.
    """
    since = max(since, add_days(duty.day, -TRAINER_WITHIN_DAYS))
    return any(
        item.day >= since
        and item.source is EvidenceSource.TRAINING_RECORD
        and item.known_on(duty.day)
        and is_about(item, duty.rule)
        and shortfall(item, duty.rule, duty.employment.person) is Shortfall.NO_TRAINER
        and not is_outdated(duty, item)
        for item in duty.facts.evidence
    )


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
