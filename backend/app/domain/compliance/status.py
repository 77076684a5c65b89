"""Where a person stands with a requirement on a day: one pure function for every reader."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from app.domain.compliance.audience import MatchReason
from app.domain.compliance.facts import Facts, RuleVersion, qualifies
from app.domain.compliance.obligation import ComplianceReason, Duty
from app.domain.compliance.periods import CertificationPeriod, Ledger, PeriodCause
from app.domain.compliance.requirement import Credential
from app.domain.recurrence import add_days, window_start


class ComplianceStatus(StrEnum):
    """Read in this order; the first that holds is the status.

    not_required  no rule in force, not employed, or outside the audience.
    exempt        a waiver or exemption is in force, or the person is on leave.
    With valid evidence, that is: met, `valid_through` not passed, not withdrawn:
    overdue       a material change had to be trained on by a day that has passed.
    due_soon      the renewal window has begun, or a material change waits to be trained on.
    compliant     nothing to do yet.
    Without:
    expired       there was valid evidence; its `valid_through` has passed. Of people whom only an
                  incident names nobody asked to renew it: they are `due`, then `overdue`.
    overdue       the first due date has passed, never met.
    never_trained nothing was ever shown, and the first due date is not set or lies further ahead
                  than the renewal window is long.
    due           to be shown for the first time, or again after an absence; not late yet.
    """

    NOT_REQUIRED = "not_required"
    EXEMPT = "exempt"
    COMPLIANT = "compliant"
    DUE_SOON = "due_soon"
    DUE = "due"
    OVERDUE = "overdue"
    EXPIRED = "expired"
    NEVER_TRAINED = "never_trained"


@dataclass(frozen=True, slots=True)
class Why:
    """Why the status is what it is: does the rule apply, by which criteria, why a period began."""

    reason: ComplianceReason
    match: MatchReason | None = None
    exemption: UUID | None = None
    opened_by: PeriodCause | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """What would settle the open period: any one of these modules, or this kind of credential.

    `minimum_versions` names modules of which an older version no longer counts.
    """

    modules: frozenset[UUID] = frozenset()
    credential_kind: str | None = None
    minimum_versions: tuple[tuple[UUID, int], ...] = ()


@dataclass(frozen=True, slots=True)
class StatusLine:
    """One line of the matrix. All days inclusive.

    `due_on` belongs to the period that is open, else to the one that was met last;
    `next_due_on` is the next day by which something has to be shown. `in_grace` says that a
    reminder may still be gentle; grace changes no other field.
    """

    status: ComplianceStatus
    why: Why
    due_on: date | None = None
    valid_through: date | None = None
    next_due_on: date | None = None
    met_by: UUID | None = None
    missing: Missing | None = None
    in_grace: bool = False


@dataclass(frozen=True, slots=True)
class Assessment:
    line: StatusLine
    periods: tuple[CertificationPeriod, ...]


def assess(facts: Facts, rules: tuple[RuleVersion, ...], day: date) -> Assessment:
    """Return status and periods together: one pass where both are needed."""
    ledger = Ledger(facts, rules)
    ledger.run(day)
    return Assessment(status_line(ledger, day), ledger.periods)


def status(facts: Facts, rules: tuple[RuleVersion, ...], day: date) -> StatusLine:
    """Return the status on any day, past or future, from what was on record on that day.

    What is recorded later never changes the answer for an earlier day; to ask with later
    knowledge, pass `in_hindsight(facts, known_on)`.
    """
    return assess(facts, rules, day).line


def status_line(ledger: Ledger, day: date) -> StatusLine:
    """Decide the status on `day`, from a ledger that was run through a day not after it.

    Between two days on which the ledger settles, time alone changes the answer.
    """
    duty = ledger.duty
    if isinstance(duty, ComplianceReason):
        return StatusLine(ComplianceStatus.NOT_REQUIRED, Why(duty))
    held = ledger.standing.period if ledger.standing else None
    opened = ledger.open
    current = opened or held
    next_due_on = _next_due(held, opened)
    reached = _status(ledger, duty, day)
    return StatusLine(
        status=reached,
        why=_why(duty, opened),
        due_on=current.due_on if current else None,
        valid_through=held.valid_through if held else None,
        next_due_on=next_due_on,
        met_by=held.met_by if held else None,
        missing=_missing(duty) if opened else None,
        in_grace=_in_grace(duty, next_due_on, reached, day),
    )


def _status(ledger: Ledger, duty: Duty, day: date) -> ComplianceStatus:
    if duty.exemption or duty.on_leave:
        return ComplianceStatus.EXEMPT
    held = ledger.standing
    lapsed = held is not None and not held.validity.lasts_until(day)
    if held is None or (lapsed and duty.is_by_incident):
        return _first_status(duty, _next_due(None, ledger.open), day)
    if lapsed:
        return ComplianceStatus.EXPIRED
    if ledger.open is None:
        return ComplianceStatus.COMPLIANT
    return (
        ComplianceStatus.OVERDUE if _is_past(ledger.open.due_on, day) else ComplianceStatus.DUE_SOON
    )


def _first_status(duty: Duty, due_on: date | None, day: date) -> ComplianceStatus:
    if _is_past(due_on, day):
        return ComplianceStatus.OVERDUE
    window_days = duty.rule.renewal.window_days
    if _ever_shown(duty, day) or (due_on and window_start(due_on, window_days) <= day):
        return ComplianceStatus.DUE
    return ComplianceStatus.NEVER_TRAINED


def _ever_shown(duty: Duty, day: date) -> bool:
    """Whether any evidence for today's rule is on record, however old."""
    rule, person = duty.rule, duty.employment.person
    return any(item.known_on(day) and qualifies(item, rule, person) for item in duty.facts.evidence)


def _is_past(due_on: date | None, day: date) -> bool:
    return due_on is not None and due_on < day


def _why(duty: Duty, opened: CertificationPeriod | None) -> Why:
    if duty.exemption:
        return Why(ComplianceReason(duty.exemption.kind.value), duty.match, duty.exemption.id)
    reason = ComplianceReason.ON_LEAVE if duty.on_leave else ComplianceReason.MATCHED
    return Why(reason, duty.match, opened_by=opened.cause if opened else None)


def _next_due(held: CertificationPeriod | None, opened: CertificationPeriod | None) -> date | None:
    if opened:
        return opened.due_on
    return held.valid_through if held else None


def _missing(duty: Duty) -> Missing:
    subject = duty.rule.subject
    if isinstance(subject, Credential):
        return Missing(credential_kind=subject.credential_kind)
    return Missing(subject.any_of, minimum_versions=_minimum_versions(duty))


def _minimum_versions(duty: Duty) -> tuple[tuple[UUID, int], ...]:
    if duty.rule.retrain_days_after_material_change is None:
        return ()
    latest: dict[UUID, int] = {}
    for publication in duty.facts.publications:
        if publication.material_change and publication.published_on <= duty.day:
            known = latest.get(publication.module_id, publication.version)
            latest[publication.module_id] = max(publication.version, known)
    wanted = duty.rule.module_ids
    return tuple(sorted(item for item in latest.items() if item[0] in wanted))


def _in_grace(duty: Duty, due_on: date | None, reached: ComplianceStatus, day: date) -> bool:
    if reached not in _LATE or due_on is None:
        return False
    return day <= add_days(due_on, duty.rule.grace_days)


_LATE = {ComplianceStatus.OVERDUE, ComplianceStatus.EXPIRED}
