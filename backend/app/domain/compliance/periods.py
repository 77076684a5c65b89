"""Certification periods: the append-only history of one person and one requirement."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from itertools import pairwise
from uuid import UUID

from app.domain.compliance.facts import Evidence, Facts, Incident, RuleVersion, counts_at, qualifies
from app.domain.compliance.obligation import (
    ComplianceReason,
    Duty,
    answers_some,
    duty_on,
    first_due,
    is_outdated,
    outdated_when_given,
    retraining,
    retraining_due,
    validity_of,
)
from app.domain.recurrence import Validity, add_days, window_start


class PeriodCause(StrEnum):
    """Why a period began."""

    INITIAL = "initial"
    RENEWAL = "renewal"
    EARLY_RENEWAL = "early_renewal"
    MATERIAL_CHANGE = "material_change"
    INCIDENT = "incident"


class PeriodOutcome(StrEnum):
    OPEN = "open"
    MET = "met"
    WAIVED = "waived"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class CertificationPeriod:
    """One cycle of a requirement for one person. `due_on` and `valid_through` are inclusive.

    `number` counts from 1 without gaps and identifies the period. `window_start` is the first day
    on which it could be met. `valid_from` is the first day that its evidence adds: the day after
    the previous validity where one was renewed in time. `closed_on` is the day on which the
    outcome was on record.
    """

    number: int
    cause: PeriodCause
    window_start: date
    due_on: date | None
    outcome: PeriodOutcome = PeriodOutcome.OPEN
    closed_on: date | None = None
    met_by: UUID | None = None
    met_on: date | None = None
    waived_by: UUID | None = None
    valid_from: date | None = None
    valid_through: date | None = None

    def covers(self, day: date) -> bool:
        if self.valid_from is None or day < self.valid_from:
            return False
        return self.valid_through is None or day <= self.valid_through


@dataclass(frozen=True, slots=True)
class Standing:
    """A period that was met, with the evidence that met it."""

    period: CertificationPeriod
    evidence: Evidence
    validity: Validity


class Ledger:
    """Carries the periods forward from one day on which something was recorded to the next."""

    def __init__(self, facts: Facts, rules: tuple[RuleVersion, ...]) -> None:
        self.facts = _relevant(facts, rules)
        self.rules = rules
        self.unused = sorted(self.facts.evidence, key=_by_day)
        self.met: list[Standing] = []
        self.closed: list[CertificationPeriod] = []
        self.open: CertificationPeriod | None = None
        self.standing: Standing | None = None
        self.began: date | None = None
        self.was_exempt = False
        self.excused_until: date | None = None
        self.duty: Duty | ComplianceReason = ComplianceReason.NO_RULE

    @property
    def periods(self) -> tuple[CertificationPeriod, ...]:
        return (*self.closed, self.open) if self.open else tuple(self.closed)

    def run(self, last: date) -> None:
        """Settle every day through `last` on which something may change."""
        first = _first_day(self.facts, self.rules)
        days = {day for day in _event_days(self.facts, self.rules) if first <= day <= last}
        if not days:
            self.duty = self._duty_on(last)
        for day, following in pairwise([*sorted(days), add_days(last, 1)]):
            self._settle(day)
            opens = self._renewal_opens()
            if opens and day < opens < following:
                self._settle(opens)

    def _settle(self, day: date) -> None:
        self.duty = self._duty_on(day)
        if isinstance(self.duty, Duty):
            began = self._begin(self.duty)
            self._reopen(self.duty, began)
            self._credit(self.duty, began)
            # Evidence of the day may have answered the only incident that the duty came from.
            self.duty = self._duty_on(day)
        if isinstance(self.duty, Duty):
            self._waive(self.duty)
        else:
            self._end(day)

    def _duty_on(self, day: date) -> Duty | ComplianceReason:
        unanswered = [each for each in self.facts.incidents if not self._is_answered(each, day)]
        return duty_on(self.facts, self.rules, day, unanswered)

    def _is_answered(self, incident: Incident, day: date) -> bool:
        """Whether a period was met by training after the incident."""
        return any(
            met.evidence.day > incident.day and met.evidence.known_on(day) for met in self.met
        )

    def _end(self, day: date) -> None:
        self._release(day)
        self.began, self.standing, self.was_exempt = None, None, False
        self.excused_until = None

    def _release(self, day: date) -> None:
        if self.open:
            self._close(replace(self.open, outcome=PeriodOutcome.RELEASED, closed_on=day))

    def _close(self, period: CertificationPeriod) -> None:
        self.closed.append(period)
        self.open = None

    def _begin(self, duty: Duty) -> date:
        """Open a new initial period when the duty begins or begins again.

        It begins again after an exemption, and when no evidence is left that it may rest on: it was
        withdrawn, or is of a state where the person no longer works.
        """
        exemption_over = self.was_exempt and duty.exemption is None
        if exemption_over:
            self.excused_until = duty.day
        if self.began is None or exemption_over or self._nothing_left(duty):
            self.began = duty.day
        self.was_exempt = duty.exemption is not None
        self.standing = self._standing_for(duty)
        return self.began

    def _nothing_left(self, duty: Duty) -> bool:
        return self.standing is not None and self._standing_for(duty) is None

    def _standing_for(self, duty: Duty) -> Standing | None:
        """Return the validity that still matters for the duty.

        Validity that lapsed before the person was first hired, or while they were exempt, is
        ignored. So entering an old card never makes somebody's due date earlier than entering
        nothing would.
        """
        last = self._last_met(duty)
        return last if last and last.validity.lasts_until(self._excused(duty.day)) else None

    def _excused(self, day: date) -> date:
        return self.excused_until or _first_worked(self.facts, day)

    def _last_met(self, duty: Duty) -> Standing | None:
        """Return the last period met by evidence that still counts where the person works."""
        person = duty.employment.person
        counting = (
            met
            for met in reversed(self.met)
            if met.evidence.known_on(duty.day) and counts_at(met.evidence, duty.rule, person)
        )
        return next(counting, None)

    def _reopen(self, duty: Duty, began: date) -> None:
        """Give the open period the dates of today's rule and facts, or release it."""
        due = self._open_period(duty, began)
        if due is None:
            self._release(duty.day)
        self.open = due

    def _open_period(self, duty: Duty, began: date) -> CertificationPeriod | None:
        number = len(self.closed) + 1
        if self._waived_already(duty):
            return None
        held = self.standing
        if held is None:
            return CertificationPeriod(number, PeriodCause.INITIAL, began, first_due(duty, began))
        valid_through = held.validity.valid_through
        asked = retraining(duty, held.evidence)
        if asked:
            due_on = retraining_due(duty, asked, began, valid_through)
            return CertificationPeriod(number, PeriodCause(asked.cause.value), asked.since, due_on)
        opens = self._window_start(duty)
        if opens is None or duty.day < opens:
            return None
        return CertificationPeriod(number, PeriodCause.RENEWAL, opens, valid_through)

    def _waived_already(self, duty: Duty) -> bool:
        last = self.closed[-1] if self.closed else None
        return bool(last and duty.exemption and last.waived_by == duty.exemption.id)

    def _is_outdated(self, duty: Duty) -> bool:
        held = self.standing
        return held is not None and is_outdated(duty, held.evidence)

    def _window_start(self, duty: Duty) -> date | None:
        """First day on which the standing evidence may be renewed: never the day it was given."""
        held = self.standing
        if held is None or held.validity.valid_through is None:
            return None
        opens = window_start(held.validity.valid_through, duty.rule.renewal.window_days)
        return max(opens, add_days(held.evidence.day, 1))

    def _renewal_opens(self) -> date | None:
        return None if isinstance(self.duty, ComplianceReason) else self._window_start(self.duty)

    def _credit(self, duty: Duty, began: date) -> None:
        known = [item for item in self.unused if item.known_on(duty.day)]
        for item in known:
            fits = qualifies(item, duty.rule, duty.employment.person)
            gained = self._gain(duty, item, began) if fits else None
            if gained:
                self._meet(duty, item, gained)
                self._reopen(duty, began)
        self._credit_what_answers_freed(duty, began)

    def _credit_what_answers_freed(self, duty: Duty, began: date) -> None:
        """Look again at evidence of before an incident, now that the incident is answered."""
        asking = tuple(each for each in duty.asking if not self._is_answered(each, duty.day))
        if asking != duty.asking:
            self._credit(replace(duty, asking=asking), began)

    def _gain(self, duty: Duty, item: Evidence, began: date) -> Validity | None:
        """Return the validity that evidence adds to what stands, None if it adds nothing."""
        held = self.standing
        if outdated_when_given(duty, item):
            return None
        if held and is_outdated(duty, item) and not answers_some(duty, item, held.evidence):
            return None
        gained = validity_of(duty, item, began, held.validity if held else None)
        if not gained.lasts_until(max(self._excused(duty.day), item.day)):
            return None
        if held is None or self._is_outdated(duty):
            return gained
        return gained if _later(gained.valid_through, held.validity.valid_through) else None

    def _meet(self, duty: Duty, item: Evidence, gained: Validity) -> None:
        period = self.open or self._early_period(duty, item)
        met = replace(
            period,
            outcome=PeriodOutcome.MET,
            closed_on=duty.day,
            met_by=item.id,
            met_on=item.day,
            valid_from=self._valid_from(duty, item),
            valid_through=gained.valid_through,
        )
        self._close(met)
        self.unused.remove(item)
        self.standing = Standing(met, item, gained)
        self.met.append(self.standing)

    def _early_period(self, duty: Duty, item: Evidence) -> CertificationPeriod:
        """Return the period that evidence opens and meets at once, outside of any window."""
        number, held = len(self.closed) + 1, self.standing
        if held is None:
            return CertificationPeriod(number, PeriodCause.INITIAL, item.day, None)
        asked = retraining(duty, held.evidence)
        cause = PeriodCause(asked.cause.value) if asked else PeriodCause.EARLY_RENEWAL
        return CertificationPeriod(number, cause, item.day, held.validity.valid_through)

    def _valid_from(self, duty: Duty, item: Evidence) -> date:
        last = self._last_met(duty)
        if last is None or last.validity.valid_through is None or self._is_outdated(duty):
            return item.day
        return max(item.day, add_days(last.validity.valid_through, 1))

    def _waive(self, duty: Duty) -> None:
        if duty.exemption and self.open:
            waived = replace(
                self.open,
                outcome=PeriodOutcome.WAIVED,
                closed_on=duty.day,
                waived_by=duty.exemption.id,
                valid_from=duty.day,
                valid_through=duty.exemption.ends_on,
            )
            self._close(waived)


def periods(
    facts: Facts, rules: tuple[RuleVersion, ...], up_to: date
) -> tuple[CertificationPeriod, ...]:
    """Return all periods as known on `up_to`, oldest first; only the last may be open.

    Append-only: what was closed on an earlier day is returned unchanged on every later one.
    """
    ledger = Ledger(facts, rules)
    ledger.run(up_to)
    return ledger.periods


def covering(history: Sequence[CertificationPeriod], day: date) -> CertificationPeriod | None:
    """Return the one period whose validity or waiver holds on a day: the newest that reaches it.

    Closed periods are never changed, so evidence that was withdrawn without a replacement and a
    revoked waiver still cover the day here. Ask `status` for what holds after a withdrawal.
    """
    return next((period for period in reversed(history) if period.covers(day)), None)


def _by_day(item: Evidence) -> tuple[date, date, UUID]:
    return item.day, item.recorded_on, item.id


def _later(day: date | None, than: date | None) -> bool:
    """Whether one last valid day is later than another; None means that it never expires."""
    if than is None:
        return False
    return day is None or day > than


def _relevant(facts: Facts, rules: tuple[RuleVersion, ...]) -> Facts:
    ever = [version.rule for version in rules if version.rule]
    people = {change.person for change in facts.employment}
    evidence = tuple(
        item
        for item in facts.evidence
        if any(qualifies(item, rule, person) for rule in ever for person in people)
    )
    modules = frozenset[UUID]().union(*(rule.module_ids for rule in ever))
    publications = tuple(p for p in facts.publications if p.module_id in modules)
    kinds = {rule.renewal.licence_kind for rule in ever}
    licences = tuple(licence for licence in facts.licences if licence.kind in kinds)
    return replace(facts, evidence=evidence, publications=publications, licences=licences)


def _first_worked(facts: Facts, known_on: date) -> date:
    begun = (
        max(change.effective_on, change.person.hired_on or change.effective_on)
        for change in facts.employment
        if change.recorded_on <= known_on
    )
    return min(begun)


def _first_day(facts: Facts, rules: tuple[RuleVersion, ...]) -> date:
    """Return the first day on which both a rule and an employment may be in force.

    The requirement cannot ask anything of the person before it.
    """
    rule = min((max(v.effective_from, v.recorded_on) for v in rules), default=date.max)
    job = min((max(c.effective_on, c.recorded_on) for c in facts.employment), default=date.max)
    return max(rule, job)


def _event_days(facts: Facts, rules: tuple[RuleVersion, ...]) -> Iterator[date]:
    for version in rules:
        yield max(version.effective_from, version.recorded_on)
    for change in facts.employment:
        begins = max(change.effective_on, change.recorded_on)
        yield change.recorded_on  # an announced return moves due dates before it takes effect
        yield begins
        yield max(begins, change.person.hired_on or begins)
    events: tuple[Evidence | Incident, ...] = (*facts.evidence, *facts.incidents)
    for item in events:
        yield max(item.day, item.recorded_on)
        yield from filter(None, [item.withdrawn_on])
    for exemption in facts.exemptions:
        yield max(exemption.starts_on, exemption.recorded_on)
        if exemption.ends_on:
            yield add_days(exemption.ends_on, 1)
        if exemption.revoked_on:
            yield exemption.revoked_on
    for publication in facts.publications:
        yield publication.published_on
    for licence in facts.licences:
        yield from filter(None, (licence.recorded_on, licence.withdrawn_on))
