"""The status of a person on every day, as ranges: what `assess` says, without asking every day."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from uuid import UUID

from app.domain.compliance.audience import PersonFacts, matches
from app.domain.compliance.facts import (
    EmploymentChange,
    Facts,
    RuleVersion,
    employment_on,
    rule_on,
)
from app.domain.compliance.obligation import ComplianceReason
from app.domain.compliance.periods import CertificationPeriod, Ledger
from app.domain.compliance.status import ComplianceStatus, StatusLine, status_line
from app.domain.recurrence import add_days, window_start

FOREVER = date.max


@dataclass(frozen=True, slots=True)
class Placement:
    """Who somebody is at work from `starts_on` through `ends_on`, as known on those days."""

    starts_on: date
    ends_on: date
    person: PersonFacts


@dataclass(frozen=True, slots=True)
class Segment:
    """One status on all days from `starts_on` through `ends_on`, for one placement."""

    starts_on: date
    ends_on: date
    status: ComplianceStatus
    person: PersonFacts
    due_on: date | None = None
    valid_through: date | None = None
    met_by: UUID | None = None


@dataclass(frozen=True, slots=True)
class Timeline:
    """`periods` are those of today; `segments` reach from the first day to the end of days.

    Days to come assume that nothing else is recorded. Days without a rule or an employment have
    no segment.
    """

    periods: tuple[CertificationPeriod, ...]
    segments: tuple[Segment, ...]


def placements(changes: Sequence[EmploymentChange]) -> tuple[Placement, ...]:
    days = sorted(set(_employment_days(changes)))
    found: list[Placement] = []
    for day, following in pairwise([*days, FOREVER]):
        change = employment_on(changes, day)
        if change is None or not change.is_employed(day):
            continue
        ends_on = FOREVER if following == FOREVER else add_days(following, -1)
        last = found[-1] if found else None
        if last and last.person == change.person and add_days(last.ends_on, 1) == day:
            found[-1] = Placement(last.starts_on, ends_on, last.person)
        else:
            found.append(Placement(day, ends_on, change.person))
    return tuple(found)


def timeline(
    facts: Facts, rules: tuple[RuleVersion, ...], worked: Sequence[Placement], today: date
) -> Timeline:
    """Work out every day at once. `worked` are the placements of the same facts."""
    if not facts.incidents and not _ever_matches(rules, worked):
        return Timeline((), tuple(_outside(rules, worked)))
    recorder = _Recorder(facts, rules, today)
    recorder.run(FOREVER)
    recorder.finish()
    return Timeline(recorder.periods_today, _placed(recorder.lines, worked))


class _Recorder(Ledger):
    """Collects the ranges of days with one status, from one day of change to the next."""

    _since: date
    """The day that was settled last; there is none while nothing is asked."""

    def __init__(self, facts: Facts, rules: tuple[RuleVersion, ...], today: date) -> None:
        super().__init__(facts, rules)
        self.lines: list[tuple[date, date, StatusLine]] = []
        self._today = today
        self._kept: list[tuple[CertificationPeriod, ...]] = []

    @property
    def periods_today(self) -> tuple[CertificationPeriod, ...]:
        return self._kept[0]

    def _settle(self, day: date) -> None:
        self._write_through(add_days(day, -1))
        if day > self._today:
            self._keep_today()
        super()._settle(day)
        self._since = day

    def finish(self) -> None:
        self._write_through(FOREVER)
        self._keep_today()

    def _keep_today(self) -> None:
        if not self._kept:
            self._kept.append(self.periods)

    def _write_through(self, last: date) -> None:
        if self._is_without_duty():
            return
        turns = (max(day, self._since) for day in self._turns() if day <= last)
        starts = sorted({self._since, *turns})
        for start, following in pairwise([*starts, FOREVER]):
            ends_on = last if following == FOREVER else add_days(following, -1)
            self.lines.append((start, ends_on, status_line(self, start)))

    def _is_without_duty(self) -> bool:
        return self.duty is ComplianceReason.NO_RULE or self.duty is ComplianceReason.NOT_EMPLOYED

    def _turns(self) -> Iterator[date]:
        """Yield the days on which time alone changes the status."""
        if isinstance(self.duty, ComplianceReason):
            return
        if self.standing and self.standing.validity.valid_through:
            yield add_days(self.standing.validity.valid_through, 1)
        if self.open and self.open.due_on:
            yield add_days(self.open.due_on, 1)
            if self.standing is None:
                yield window_start(self.open.due_on, self.duty.rule.renewal.window_days)


def _ever_matches(rules: tuple[RuleVersion, ...], worked: Sequence[Placement]) -> bool:
    return any(
        matches(version.rule.audience, place.person)
        for version in rules
        if version.rule
        for place in worked
    )


def _outside(rules: tuple[RuleVersion, ...], worked: Sequence[Placement]) -> Iterator[Segment]:
    """Yield the days of somebody whom no rule ever meant."""
    for starts_on, ends_on in _ruled(rules):
        for first, last, person in _worked(worked, starts_on, ends_on):
            yield Segment(first, last, ComplianceStatus.NOT_REQUIRED, person)


def _ruled(rules: tuple[RuleVersion, ...]) -> Iterator[tuple[date, date]]:
    """Yield the ranges of days on which some rule is in force."""
    days = sorted({max(version.effective_from, version.recorded_on) for version in rules})
    since: date | None = None
    for day in days:
        in_force = rule_on(rules, day) is not None
        if in_force and since is None:
            since = day
        elif not in_force and since is not None:
            yield since, add_days(day, -1)
            since = None
    if since is not None:
        yield since, FOREVER


def _placed(
    lines: Sequence[tuple[date, date, StatusLine]], worked: Sequence[Placement]
) -> tuple[Segment, ...]:
    """Split the ranges on the days the person changed placement, then join equal neighbours."""
    found: list[Segment] = []
    for starts_on, ends_on, line in lines:
        for first, last, person in _worked(worked, starts_on, ends_on):
            segment = _segment(first, last, line, person)
            if found and _goes_on(found[-1], segment):
                found[-1] = replace(found[-1], ends_on=last)
            else:
                found.append(segment)
    return tuple(found)


def _worked(
    worked: Sequence[Placement], starts_on: date, ends_on: date
) -> Iterator[tuple[date, date, PersonFacts]]:
    """Yield the days of each placement that lie in a range of days."""
    for place in worked:
        first, last = max(starts_on, place.starts_on), min(ends_on, place.ends_on)
        if first <= last:
            yield first, last, place.person


def _goes_on(held: Segment, segment: Segment) -> bool:
    same = replace(held, starts_on=segment.starts_on, ends_on=segment.ends_on) == segment
    return same and add_days(held.ends_on, 1) == segment.starts_on


def _segment(first: date, last: date, line: StatusLine, person: PersonFacts) -> Segment:
    return Segment(first, last, line.status, person, line.due_on, line.valid_through, line.met_by)


def _employment_days(changes: Sequence[EmploymentChange]) -> Iterator[date]:
    for change in changes:
        begins = max(change.effective_on, change.recorded_on)
        yield begins
        yield max(begins, change.person.hired_on or begins)
