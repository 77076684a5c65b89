"""What has been recorded about a person and a requirement. Append-only, as days, without I/O.

Every fact carries the local day it was recorded on, apart from the day it speaks of. On a given
day only what had been recorded by then is known; that is why the answer for yesterday does not
change when something is recorded today. Whoever builds these facts turns instants into days in
the zone of the person's location (of the record itself, for a training record).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from app.domain.compliance.audience import PersonFacts, Post, places_meant
from app.domain.compliance.requirement import Credential, Rule
from app.domain.recurrence import Anchor


class EmploymentState(StrEnum):
    ACTIVE = "active"
    LEAVE = "leave"
    TERMINATED = "terminated"


@dataclass(frozen=True, slots=True)
class EmploymentChange:
    """Everything about an employment from `effective_on` until the next change takes effect.

    A hire is the first change, a rehire one with a new `hired_on` after a termination. Nobody is
    employed before `person.hired_on`. Of two changes for one day the one recorded later holds.
    `effective_on` of a termination is the first day no longer employed.
    """

    effective_on: date
    recorded_on: date
    state: EmploymentState
    person: PersonFacts

    def is_employed(self, day: date) -> bool:
        """Whether the person is employed, at work or on leave, while this change holds."""
        hired_on = self.person.hired_on
        terminated = self.state is EmploymentState.TERMINATED
        return not terminated and (hired_on is None or hired_on <= day)


@dataclass(frozen=True, slots=True)
class Position:
    """What was said about a position on `recorded_on`. Of the same `id` the latest said holds."""

    id: UUID
    recorded_on: date
    starts_on: date
    ends_on: date | None
    post: Post
    withdrawn: bool = False


class EvidenceSource(StrEnum):
    TRAINING_RECORD = "training_record"
    EXTERNAL_TRAINING = "external_training"


@dataclass(frozen=True, slots=True)
class Evidence:
    """A completion here, or training done elsewhere. Counts from `recorded_on`, for `day`.

    External training is recorded, in this sense, on the day that it was verified. Without a
    `version` it is credit for a module: taken to equal what was published on its day.
    `withdrawn_on` is the day on which it was found wrong; a correction is a new piece of evidence
    recorded that same day.
    """

    id: UUID
    day: date
    recorded_on: date
    module_id: UUID | None = None
    version: int | None = None
    credential_kind: str | None = None
    printed_expiry: date | None = None
    withdrawn_on: date | None = None
    source: EvidenceSource = EvidenceSource.TRAINING_RECORD
    minutes: int | None = None
    """Time studied, attended or, for training elsewhere, verified. None: not known."""

    has_trainer: bool = False
    """Whether a class with a trainer was attended; a contact on file is none."""

    issuing_state: str | None = None
    """Of a card, as ISO 3166-2 has it."""

    def known_on(self, day: date) -> bool:
        if self.withdrawn_on is not None and self.withdrawn_on <= day:
            return False
        return max(self.day, self.recorded_on) <= day


@dataclass(frozen=True, slots=True)
class Licence:
    """A licence of the person's, which ends one of its cycles. Known from `recorded_on` on."""

    kind: str
    printed_expiry: date
    recorded_on: date
    withdrawn_on: date | None = None

    def known_on(self, day: date) -> bool:
        return self.recorded_on <= day and not (self.withdrawn_on and self.withdrawn_on <= day)


class ExemptionKind(StrEnum):
    WAIVER = "waiver"
    EXEMPTION = "exemption"


@dataclass(frozen=True, slots=True)
class Exemption:
    """Frees a person from the requirement from `starts_on` through `ends_on`, inclusive.

    `revoked_on` is the day of the revocation and the first day that is no longer free.
    """

    id: UUID
    kind: ExemptionKind
    starts_on: date
    recorded_on: date
    ends_on: date | None = None
    revoked_on: date | None = None

    def in_force(self, day: date) -> bool:
        if self.revoked_on is not None and self.revoked_on <= day:
            return False
        begun = max(self.starts_on, self.recorded_on) <= day
        return begun and (self.ends_on is None or day <= self.ends_on)


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that happened on `day` to the person, after which they have to train again.

    It asks for training once, whatever was trained before, also of people whom the rule does not
    mean.
    An incident that was entered by mistake counts no more from `withdrawn_on` on.
    """

    id: UUID
    day: date
    retrain_by: date
    recorded_on: date
    withdrawn_on: date | None = None

    def known_on(self, day: date) -> bool:
        if self.withdrawn_on is not None and self.withdrawn_on <= day:
            return False
        return max(self.day, self.recorded_on) <= day


@dataclass(frozen=True, slots=True)
class Publication:
    module_id: UUID
    version: int
    published_on: date
    material_change: bool = False


@dataclass(frozen=True, slots=True)
class RuleVersion:
    """The rule of a requirement from `effective_from` on; a `rule` of None withdraws it.

    Of several versions in force, the one recorded last holds.
    """

    effective_from: date
    recorded_on: date
    rule: Rule | None


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is recorded about one person.

    `exemptions` and `incidents` are those of the requirement asked about.
    """

    employment: tuple[EmploymentChange, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    exemptions: tuple[Exemption, ...] = ()
    publications: tuple[Publication, ...] = ()
    licences: tuple[Licence, ...] = ()
    incidents: tuple[Incident, ...] = ()


def employment_on(
    changes: Iterable[EmploymentChange], day: date, known_on: date | None = None
) -> EmploymentChange | None:
    """Return what holds on `day` as it was known on `known_on`: the latest to begin.

    Of several that begin on one day, the one recorded last.
    """
    known_on = known_on or day
    best = None
    for change in changes:
        if change.recorded_on > known_on or change.effective_on > day:
            continue
        if best is None or _order(change) >= _order(best):
            best = change
    return best


def _order(change: EmploymentChange) -> tuple[date, date]:
    return change.effective_on, change.recorded_on


def rule_on(versions: Iterable[RuleVersion], day: date) -> Rule | None:
    """Return the rule of a day as known on it: of those that had begun, the one recorded last.

    So the latest edit holds, even where it reaches back before the one that it replaces, and a
    withdrawal calls off what was planned.
    """
    best = None
    for version in versions:
        if version.recorded_on > day or version.effective_from > day:
            continue
        if best is None or version.recorded_on >= best.recorded_on:
            best = version
    return best.rule if best else None


def back_at_work(changes: Iterable[EmploymentChange], day: date, known_on: date) -> date:
    """Move a day inside a leave to the first day after it; without a known return it stays."""
    known = [change for change in changes if change.recorded_on <= known_on]
    moved: date | None = day
    while moved and (now := employment_on(known, moved, known_on)):
        if now.state is not EmploymentState.LEAVE:
            return moved
        later = [change.effective_on for change in known if change.effective_on > moved]
        moved = min(later, default=None)
    return moved or day


class Shortfall(StrEnum):
    """What training for the subject of a rule lacks, so that it does not meet the rule."""

    TOO_SHORT = "too_short"
    NO_TRAINER = "no_trainer"
    OTHER_STATE = "other_state"


def qualifies(evidence: Evidence, rule: Rule, person: PersonFacts) -> bool:
    """Whether it is evidence for what the rule asks of the person, whatever its age."""
    return is_about(evidence, rule) and shortfall(evidence, rule, person) is None


def counts_at(evidence: Evidence, rule: Rule, person: PersonFacts) -> bool:
    """Whether a card is of a state that the rule asks for while somebody works where they do."""
    if not isinstance(rule.subject, Credential) or not rule.subject.of_office_state:
        return True
    states = {place.state for place in places_meant(rule.audience, person)}
    return evidence.issuing_state is not None and evidence.issuing_state in states


def shortfall(evidence: Evidence, rule: Rule, person: PersonFacts) -> Shortfall | None:
    """Return why evidence for the subject of the rule does not meet it."""
    if not counts_at(evidence, rule, person):
        return Shortfall.OTHER_STATE
    if rule.minimum_minutes is not None and (evidence.minutes or 0) < rule.minimum_minutes:
        return Shortfall.TOO_SHORT
    if rule.trainer_required and not evidence.has_trainer:
        return Shortfall.NO_TRAINER
    return None


def is_about(evidence: Evidence, rule: Rule) -> bool:
    """Whether it is evidence for the subject of the rule, however little of it."""
    subject = rule.subject
    if isinstance(subject, Credential):
        if evidence.credential_kind != subject.credential_kind:
            return False
        return (
            rule.renewal.anchor is not Anchor.PRINTED_EXPIRY or evidence.printed_expiry is not None
        )
    return evidence.module_id in subject.any_of


def licences(evidence: Iterable[Evidence]) -> tuple[Licence, ...]:
    """Return the licences among evidence: whatever has a printed expiry."""
    return tuple(
        Licence(item.credential_kind, item.printed_expiry, item.recorded_on, item.withdrawn_on)
        for item in evidence
        if item.credential_kind and item.printed_expiry
    )
