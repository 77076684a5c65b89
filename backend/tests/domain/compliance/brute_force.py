"""A second model of the engine's rules: it goes day by day, and has no event days or date library.

Slow and plain on purpose: every day looks at all facts again, months are counted by walking the
calendar, and each question is a loop over days. It shares the fact and rule types with the engine
and nothing else.
"""

from calendar import isleap
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from uuid import UUID

from app.domain.compliance import (
    EmploymentChange,
    Evidence,
    Exemption,
    Facts,
    Incident,
    Publication,
    RuleVersion,
)
from app.domain.compliance.audience import PersonFacts, Post
from app.domain.compliance.facts import Position
from app.domain.compliance.requirement import (
    Credential,
    DaysAfter,
    Modules,
    MonthsAfter,
    OnDate,
    Rule,
)

DAY = timedelta(days=1)
DAYS_IN_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
NEVER = date.max


def days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += DAY


def last_day(year: int, month: int) -> int:
    return 29 if month == 2 and isleap(year) else DAYS_IN_MONTH[month - 1]


def months_later(day: date, months: int) -> date:
    year, month = day.year, day.month
    for _ in range(months):
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return date(year, month, min(day.day, last_day(year, month)))


def months_shifted(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, last_day(year, month + 1)))


def annual_day_after(after: date, month: int, day: int, times: int) -> date:
    for candidate in days(after + DAY, NEVER):
        wanted = min(day, last_day(candidate.year, month))
        if (candidate.month, candidate.day) == (month, wanted):
            times -= 1
            if not times:
                return candidate
    raise AssertionError


@dataclass
class Row:
    """What the model expects of one period, by the names that the engine uses."""

    cause: str
    window_start: date
    due_on: date | None
    outcome: str = "open"
    closed_on: date | None = None
    met_by: UUID | None = None
    waived_by: UUID | None = None
    valid_from: date | None = None
    valid_through: date | None = None
    # what an early renewal continues: the first anchor, and the months granted since then
    since: date | None = None
    granted: int = 0
    evidence: Evidence | None = None


@dataclass
class BruteForce:
    facts: Facts
    rules: tuple[RuleVersion, ...]
    rows: list[Row] = field(default_factory=list)
    began: date | None = None
    exempt_yesterday: bool = False
    excused: date | None = None
    """The day on which the last exemption ended. Evidence that lapsed before it does not count."""

    today: date = date.min
    status: str = "not_required"
    stood: bool = False
    """Whether anything stood at the end of yesterday."""

    def live(self, first: date, last: date) -> None:
        for self.today in days(first, last):
            self.status = self.live_today()
            self.stood = self.began is not None and self.stands(self.today) is not None

    # one day

    def live_today(self) -> str:
        rule, job = self.rule(), self.job(self.today)
        meant = rule and job and (wanted(rule, job) or self.unanswered())
        if rule is None or job is None or not employed(job, self.today) or not meant:
            self.release()
            self.began, self.exempt_yesterday, self.excused = None, False, None
            return "not_required"
        exemption = self.exemption()
        self.count_from_today_if_new(exemption)
        self.refresh(rule, job, exemption)
        while any(self.use(rule, job, evidence) for evidence in self.shown(rule)):
            self.refresh(rule, job, exemption)
        if not wanted(rule, job) and not self.unanswered():
            self.release()
            self.began, self.exempt_yesterday, self.excused = None, False, None
            return "not_required"
        if exemption and self.is_open():
            row = self.rows[-1]
            row.outcome, row.closed_on, row.waived_by = "waived", self.today, exemption.id
            row.valid_from, row.valid_through = self.today, exemption.ends_on
        if exemption or job.state == "leave":
            return "exempt"
        return self.where_we_stand(rule, by_rule=wanted(rule, job))

    def count_from_today_if_new(self, exemption: Exemption | None) -> None:
        if self.exempt_yesterday and not exemption:
            self.excused = self.today
        lost_all = self.stood and not self.stands(self.today)
        if self.began is None or (self.exempt_yesterday and not exemption) or lost_all:
            self.began = self.today
        self.exempt_yesterday = exemption is not None

    def where_we_stand(self, rule: Rule, *, by_rule: bool) -> str:
        held = self.stands(self.today)
        late = self.is_open() and (self.rows[-1].due_on or NEVER) < self.today
        if held and (held.valid_through or NEVER) >= self.today:
            if not self.is_open():
                return "compliant"
            return "overdue" if late else "due_soon"
        if held and by_rule:
            return "expired"
        if late:
            return "overdue"
        if self.shown(rule, ever=True):
            return "due"
        due_on = self.rows[-1].due_on
        near = due_on and self.today >= due_on - timedelta(days=rule.renewal.window_days)
        return "due" if near else "never_trained"

    # periods

    def is_open(self) -> bool:
        return bool(self.rows) and self.rows[-1].outcome == "open"

    def release(self) -> None:
        if self.is_open():
            self.rows[-1].outcome, self.rows[-1].closed_on = "released", self.today

    def refresh(self, rule: Rule, job: EmploymentChange, exemption: Exemption | None) -> None:
        wanted_row = self.to_do(rule, job, exemption)
        if wanted_row is None:
            self.release()
        elif self.is_open():
            self.rows[-1] = wanted_row
        else:
            self.rows.append(wanted_row)

    def to_do(self, rule: Rule, job: EmploymentChange, exemption: Exemption | None) -> Row | None:
        assert self.began
        if exemption and self.rows and self.rows[-1].waived_by == exemption.id:
            return None
        held = self.stands(self.today)
        if held is None:
            due_days = [self.first_due(rule, job) if wanted(rule, job) else None]
            named = [max(incident.retrain_by, self.began) for incident in self.unanswered()]
            due_days += map(self.not_on_leave, named)
            return Row("initial", self.began, min((day for day in due_days if day), default=None))
        assert held.evidence
        again = self.to_train_again(rule, held.evidence)
        if not wanted(rule, job):
            again = [reason for reason in again if reason[2] == "incident"]
        if again:
            due_on, since, cause = again[0]
            due_on = self.not_on_leave(max(due_on, self.began))
            if wanted(rule, job):
                due_on = min(due_on, held.valid_through or NEVER)
            return Row(cause, since, due_on)
        if held.valid_through is None:
            return None
        window = held.valid_through - timedelta(days=rule.renewal.window_days)
        window = max(window, held.evidence.day + DAY)
        return Row("renewal", window, held.valid_through) if window <= self.today else None

    def stands(self, day: date, excused: date | None = None) -> Row | None:
        excused = excused or self.excused or self.first_worked()
        for row in self.rows[::-1]:
            if row.evidence and not withdrawn(row.evidence, day) and self.is_of_here(row.evidence):
                return row if (row.valid_through or NEVER) >= excused else None
        return None

    def is_of_here(self, evidence: Evidence) -> bool:
        rule, job = self.rule(), self.job(self.today)
        return rule is None or job is None or of_the_state_of(job, rule, evidence)

    def first_worked(self) -> date:
        jobs = [j for j in self.facts.employment if j.recorded_on <= self.today]
        return min([max(j.effective_on, j.person.hired_on or date.min) for j in jobs] or [date.min])

    def first_due(self, rule: Rule, job: EmploymentChange) -> date | None:
        assert self.began
        if isinstance(rule.first_due, OnDate):
            due_on = rule.first_due.date
        else:
            start = self.event_day(rule.first_due, rule, job)
            if start is None:
                return None
            due_on = self.after(start, rule.first_due)
        return self.not_on_leave(max(due_on, self.began))

    def after(self, start: date, due: DaysAfter | MonthsAfter) -> date:
        if isinstance(due, MonthsAfter):
            return months_later(start, due.months)
        return start + timedelta(days=due.days)

    def event_day(
        self, due: DaysAfter | MonthsAfter, rule: Rule, job: EmploymentChange
    ) -> date | None:
        if due.event == "hire" and job.person.hired_on:
            return job.person.hired_on
        if due.event == "publication":
            published = [p.published_on for p in self.published() if counts_for(rule, p.module_id)]
            return min(published) if published else None
        return self.began

    def not_on_leave(self, day: date) -> date:
        """Walk forward day by day; a leave without a known end is never left."""
        known = [c for c in self.facts.employment if c.recorded_on <= self.today]
        horizon = max((c.effective_on for c in known), default=day)
        for later in days(day, max(day, horizon)):
            job = self.job(later)
            if job is None or job.state != "leave":
                return later
        return day

    # evidence

    def shown(self, rule: Rule, *, ever: bool = False) -> list[Evidence]:
        used = [row.met_by for row in self.rows]
        found = []
        for evidence in self.facts.evidence:
            known = evidence.recorded_on <= self.today and evidence.day <= self.today
            fits = known and not withdrawn(evidence, self.today) and fits_rule(rule, evidence)
            fits = fits and self.is_of_here(evidence)
            if fits and (ever or evidence.id not in used):
                found.append(evidence)
        return sorted(found, key=lambda e: (e.day, e.recorded_on, e.id))

    def use(self, rule: Rule, job: EmploymentChange, evidence: Evidence) -> bool:
        assert self.began
        held = self.stands(self.today)
        if any(day < evidence.day for day in self.changed(rule, evidence)):
            return False
        if held and held.evidence:
            before = self.to_train_again(rule, held.evidence)
            after = self.to_train_again(rule, evidence)
            if after and (after == before or any(reason not in before for reason in after)):
                return False
        through, since, granted = self.valid_through(rule, job, evidence, held)
        if (through or NEVER) < max(self.excused or self.first_worked(), evidence.day):
            return False
        outdated = bool(held and held.evidence and self.to_train_again(rule, held.evidence))
        if held and not outdated and (through or NEVER) <= (held.valid_through or NEVER):
            return False
        row = self.rows.pop() if self.is_open() else self.out_of_turn(rule, evidence, held)
        row.valid_from = self.first_day_added(evidence, outdated=outdated)
        row.outcome, row.closed_on, row.met_by = "met", self.today, evidence.id
        row.valid_through, row.since, row.granted = through, since, granted
        row.evidence = evidence
        self.rows.append(row)
        return True

    def out_of_turn(self, rule: Rule, evidence: Evidence, held: Row | None) -> Row:
        if held:
            again = held.evidence and self.to_train_again(rule, held.evidence)
            cause = again[0][2] if again else "early_renewal"
            return Row(cause, evidence.day, held.valid_through)
        return Row("initial", evidence.day, None)

    def first_day_added(self, evidence: Evidence, *, outdated: bool) -> date:
        last = self.stands(self.today, excused=date.min)
        if outdated or last is None or last.valid_through is None:
            return evidence.day
        return max(evidence.day, last.valid_through + DAY)

    def valid_through(
        self, rule: Rule, job: EmploymentChange, evidence: Evidence, held: Row | None
    ) -> tuple[date | None, date | None, int]:
        renewal = rule.renewal
        if renewal.anchor == "printed_expiry":
            return evidence.printed_expiry, evidence.printed_expiry, 0
        if renewal.months is None:
            return evidence.printed_expiry, None, 0
        since, granted = evidence.day, renewal.months
        keeps = renewal.early_renewal == "keep" and renewal.anchor != "licence_cycle"
        kept = held and held.since and held.valid_through and keeps
        if kept and held and held.since and held.valid_through:
            window = held.valid_through - timedelta(days=renewal.window_days)
            if window <= evidence.day <= held.valid_through:
                since, granted = held.since, held.granted + renewal.months
        cycle = self.cycle_to_repeat_in(rule, evidence)
        recurring = None if cycle else self.calendar_day(rule, job, evidence)
        if cycle:
            since, granted = cycle, 0
        if recurring:
            after = months_later(since, granted - renewal.months)
            if held is None or (held.valid_through or NEVER) < evidence.day:
                after = evidence.day + timedelta(
                    days=max(renewal.shortest_days, renewal.window_days)
                )
            years = renewal.months // 12
            since = annual_day_after(after, recurring.month, recurring.day, years)
            granted = 0
        return self.earliest_end(rule, evidence, months_later(since, granted)), since, granted

    def earliest_end(self, rule: Rule, evidence: Evidence, scheduled: date) -> date:
        renewal, ends = rule.renewal, [scheduled]
        if renewal.anchor == "end_of_month":
            ends[0] = ends[0].replace(day=last_day(ends[0].year, ends[0].month))
        if renewal.hard_cap_months:
            ends.append(months_later(evidence.day, renewal.hard_cap_months))
        if evidence.printed_expiry:
            ends.append(evidence.printed_expiry)
        return min(ends)

    def cycle_to_repeat_in(self, rule: Rule, evidence: Evidence) -> date | None:
        """Return the last day of the cycle after the one that the evidence lies in."""
        months, kind = rule.renewal.months, rule.renewal.licence_kind
        printed = {
            licence.printed_expiry
            for licence in self.facts.licences
            if licence.kind == kind
            and licence.recorded_on <= self.today < (licence.withdrawn_on or NEVER)
        }
        if not printed or not months:
            return None
        around = range(-2400 // months, 2400 // months)
        earlier = {months_shifted(min(printed), n * months) for n in around if n < 0}
        later = {months_shifted(max(printed), n * months) for n in around if n > 0}
        return sorted(end for end in earlier | printed | later if end >= evidence.day)[1]

    def calendar_day(self, rule: Rule, job: EmploymentChange, evidence: Evidence) -> date | None:
        """Return any date with the recurring month and day; leap years can hold all of them."""
        renewal = rule.renewal
        if renewal.anchor == "fixed_date" and renewal.fixed_date:
            return date(2028, renewal.fixed_date.month, renewal.fixed_date.day)
        if renewal.anchor == "hire_anniversary":
            return job.person.hired_on or self.began
        if renewal.anchor != "policy_version":
            return None
        taken = [p for p in self.published() if p.module_id == evidence.module_id]
        if evidence.version is None:
            taken = [p for p in taken if p.published_on <= evidence.day]
        else:
            taken = [p for p in taken if p.version == evidence.version]
        return max([p.published_on for p in taken] or [evidence.day])

    def changed(self, rule: Rule, evidence: Evidence) -> list[date]:
        if rule.retrain_days_after_material_change is None:
            return []
        found = []
        for publication in self.published():
            if publication.module_id != evidence.module_id or not publication.material_change:
                continue
            if evidence.version is None:
                newer = publication.published_on > evidence.day
            else:
                newer = publication.version > evidence.version
            if newer:
                found.append(publication.published_on)
        return found

    def to_train_again(self, rule: Rule, evidence: Evidence) -> list[tuple[date, date, str]]:
        """Return by when, since when and why somebody with this evidence has to train again."""
        grant = timedelta(days=rule.retrain_days_after_material_change or 0)
        asked = [(day + grant, day, "material_change") for day in self.changed(rule, evidence)]
        asked += [
            (incident.retrain_by, incident.day + DAY, "incident")
            for incident in self.unanswered()
            if evidence.day <= incident.day
        ]
        return sorted(set(asked))

    # what is in force today

    def incidents(self) -> list[Incident]:
        return [
            incident
            for incident in self.facts.incidents
            if incident.day <= self.today
            and incident.recorded_on <= self.today < (incident.withdrawn_on or NEVER)
        ]

    def unanswered(self) -> list[Incident]:
        """Return those of which the person has not yet met a period by training after them."""
        used = [row.evidence for row in self.rows if row.evidence]
        trained = [evidence.day for evidence in used if not withdrawn(evidence, self.today)]
        last = max(trained, default=date.min)
        return [incident for incident in self.incidents() if incident.day >= last]

    def published(self) -> list[Publication]:
        return [p for p in self.facts.publications if p.published_on <= self.today]

    def rule(self) -> Rule | None:
        begun = [v for v in self.rules if max(v.recorded_on, v.effective_from) <= self.today]
        begun.sort(key=lambda version: version.recorded_on)
        return begun[-1].rule if begun else None

    def job(self, day: date) -> EmploymentChange | None:
        changes = self.facts.employment
        known = [c for c in changes if c.recorded_on <= self.today and c.effective_on <= day]
        known.sort(key=lambda change: (change.effective_on, change.recorded_on))
        return known[-1] if known else None

    def exemption(self) -> Exemption | None:
        active = []
        for exemption in self.facts.exemptions:
            last = exemption.ends_on or NEVER
            if exemption.revoked_on:
                last = min(last, exemption.revoked_on - DAY)
            if exemption.recorded_on <= self.today and exemption.starts_on <= self.today <= last:
                active.append(exemption)
        return min(active, key=lambda x: (x.starts_on, x.id)) if active else None


@dataclass
class SeveralPlaces(BruteForce):
    """The same for somebody with further positions, each day of which is looked up anew."""

    said: tuple[Position, ...] = ()
    known_on: date = NEVER

    def job(self, day: date) -> EmploymentChange | None:
        job = super().job(day)
        if job is None:
            return None
        return replace(job, person=replace(job.person, elsewhere=tuple(self.posts(day))))

    def posts(self, day: date) -> Iterator[Post]:
        for position_id in dict.fromkeys(said.id for said in self.said):
            last = None
            for said in self.said:
                if said.id == position_id and said.recorded_on <= self.known_on:
                    last = said
            if last and not last.withdrawn and self.lasts(last, day):
                yield last.post

    def lasts(self, position: Position, day: date) -> bool:
        """Walk from its first day to the day asked about, unless it or the employment ended."""
        if day < position.starts_on or day > (position.ends_on or NEVER):
            return False
        ended = {c.effective_on for c in self.facts.employment if c.state == "terminated"}
        return not any(each in ended for each in days(position.starts_on, day))


def employed(job: EmploymentChange, day: date) -> bool:
    return job.state != "terminated" and (job.person.hired_on or day) <= day


def withdrawn(evidence: Evidence, day: date) -> bool:
    return (evidence.withdrawn_on or NEVER) <= day


def counts_for(rule: Rule, module_id: UUID | None) -> bool:
    return isinstance(rule.subject, Modules) and module_id in rule.subject.any_of


def fits_rule(rule: Rule, evidence: Evidence) -> bool:
    if not isinstance(rule.subject, Credential):
        long_enough = (evidence.minutes or 0) >= (rule.minimum_minutes or 0)
        taught = evidence.has_trainer or not rule.trainer_required
        return counts_for(rule, evidence.module_id) and long_enough and taught
    same_kind = evidence.credential_kind == rule.subject.credential_kind
    if rule.renewal.anchor == "printed_expiry":
        return same_kind and evidence.printed_expiry is not None
    return same_kind


def of_the_state_of(job: EmploymentChange, rule: Rule, evidence: Evidence) -> bool:
    if isinstance(rule.subject, Modules) or not rule.subject.of_office_state:
        return True
    places: tuple[PersonFacts | Post, ...] = (job.person, *job.person.elsewhere)
    meant = [place for place in places if meant_at(rule, job, place)] or places
    return evidence.issuing_state is not None and evidence.issuing_state in {
        place.state for place in meant
    }


def wanted(rule: Rule, job: EmploymentChange) -> bool:
    audience, person = rule.audience, job.person
    if person.id in audience.exclude or person.id in audience.include:
        return person.id in audience.include
    if audience.everyone:
        return True
    if not audience.has_criteria:
        return False
    places: tuple[PersonFacts | Post, ...] = (person, *person.elsewhere)
    return any(meant_at(rule, job, place) for place in places)


def meant_at(rule: Rule, job: EmploymentChange, place: PersonFacts | Post) -> bool:
    audience, person = rule.audience, job.person
    hired_late_enough = audience.hired_after is None or (
        person.hired_on is not None and person.hired_on > audience.hired_after
    )
    return (
        audience.has_criteria
        and hired_late_enough
        and all(
            not allowed or value in allowed
            for allowed, value in (
                (audience.departments, place.department),
                (audience.location_ids, place.location_id),
                (audience.countries, place.country),
                (audience.states, place.state),
                (audience.roles, person.role),
                (audience.job_titles, place.job_title),
            )
        )
    )
