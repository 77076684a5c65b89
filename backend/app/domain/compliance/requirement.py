"""A requirement as data: who must show what, by when, for how long, and why (the regulation)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal, NoReturn, Self, TypeVar
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from app.domain.actor import Role
from app.domain.evidence.credential_kind import credential_code
from app.domain.evidence.retention import RetentionClass
from app.domain.fields import Day, Flag, StorableText, Whole
from app.domain.recurrence import (
    ANNUAL_ANCHORS,
    MONTHS_PER_YEAR,
    Anchor,
    EarlyRenewal,
    MonthDay,
    Recurrence,
    add_days,
    add_months,
)
from app.domain.word import comparable

SHORTEST_MONTH_DAYS = 28
LEAP_YEAR = 2000

T = TypeVar("T")


# Sorted, because a set has no order: an audit entry's before and after must differ only where the
# rule does. A lambda, because the return type of a function would take the place of the items'
# type in the JSON schema.
SortedSet = Annotated[frozenset[T], PlainSerializer(lambda values: sorted(values, key=str))]
Name = Annotated[
    StorableText, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)
]
Kind = Annotated[Name, AfterValidator(credential_code)]
Days = Annotated[int, Field(ge=0, le=3650, strict=True), Whole]
Months = Annotated[int, Field(ge=1, le=240, strict=True), Whole]


def _refuse(code: str, detail: str) -> NoReturn:
    raise PydanticCustomError(code, detail)


def _needs_kind(schema: dict[str, Any]) -> None:
    """Say that `kind` must be sent: it has a default, and yet chooses among the alternatives."""
    if "kind" in schema["properties"]:
        schema["required"] = ["kind", *schema["required"]]


class _RuleData(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, json_schema_extra=_needs_kind
    )


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """What an audience is matched against, as it was on one day."""

    id: UUID
    department: str | None = None
    location_id: UUID | None = None
    role: Role = Role.LEARNER
    job_title: str | None = None
    hired_on: date | None = None


class Criterion(StrEnum):
    EVERYONE = "everyone"
    INCLUDED = "included"
    DEPARTMENT = "department"
    LOCATION = "location"
    ROLE = "role"
    JOB_TITLE = "job_title"
    HIRED_AFTER = "hired_after"


@dataclass(frozen=True, slots=True)
class Matched:
    criterion: Criterion
    value: str | None = None


@dataclass(frozen=True, slots=True)
class MatchReason:
    """Every criterion that the rule names, with the person's own value that satisfied it."""

    matched: tuple[Matched, ...]


class Audience(_RuleData):
    """Everybody who meets all criteria that are named, and whoever is included by name.

    The rule applies to everybody only where it says so explicitly: removing the last person of a
    list must not turn it into a rule for all. Exclusion beats inclusion.
    """

    everyone: Flag = False
    departments: SortedSet[Name] = frozenset()
    location_ids: SortedSet[UUID] = frozenset()
    roles: SortedSet[Role] = frozenset()
    job_titles: SortedSet[Name] = frozenset()
    hired_after: Day | None = None
    include: SortedSet[UUID] = frozenset()
    exclude: SortedSet[UUID] = frozenset()

    @field_validator("exclude")
    @classmethod
    def _excludes_nobody_included(
        cls, exclude: frozenset[UUID], info: ValidationInfo
    ) -> frozenset[UUID]:
        if exclude & info.data.get("include", frozenset()):
            _refuse("included_and_excluded", "A person is both included and excluded.")
        return exclude

    @model_validator(mode="after")
    def _means_somebody(self) -> Self:
        if self.everyone and self.has_criteria:
            _refuse("everyone_and_criteria", "Everyone is meant, or those who meet criteria.")
        if not (self.everyone or self.has_criteria or self.include):
            _refuse("audience_missing", "Say who is meant: criteria, people, or everyone: true.")
        return self

    @property
    def has_criteria(self) -> bool:
        named = (self.departments, self.location_ids, self.roles, self.job_titles)
        return any(named) or self.hired_after is not None


def matches(audience: Audience, person: PersonFacts) -> MatchReason | None:
    if person.id in audience.exclude:
        return None
    if person.id in audience.include:
        return MatchReason((Matched(Criterion.INCLUDED, str(person.id)),))
    if audience.everyone:
        return MatchReason((Matched(Criterion.EVERYONE),))
    matched = []
    for criterion, value, holds in _criteria(audience, person):
        if not holds:
            return None
        matched.append(Matched(criterion, str(value)))
    return MatchReason(tuple(matched)) if matched else None


def _criteria(audience: Audience, person: PersonFacts) -> Iterator[tuple[Criterion, object, bool]]:
    if audience.departments:
        held = _named(person.department, audience.departments)
        yield Criterion.DEPARTMENT, person.department, held
    if audience.location_ids:
        held = person.location_id in audience.location_ids
        yield Criterion.LOCATION, person.location_id, held
    if audience.roles:
        yield Criterion.ROLE, person.role, person.role in audience.roles
    if audience.job_titles:
        held = _named(person.job_title, audience.job_titles)
        yield Criterion.JOB_TITLE, person.job_title, held
    if audience.hired_after:
        hired_on = person.hired_on
        yield Criterion.HIRED_AFTER, hired_on, bool(hired_on and hired_on > audience.hired_after)


def _named(word: str | None, words: Iterable[str]) -> bool:
    return word is not None and comparable(word) in map(comparable, words)


class Modules(_RuleData):
    """Completing any one of these modules will do."""

    kind: Literal["modules"] = "modules"
    any_of: Annotated[SortedSet[UUID], Field(min_length=1)]


class Credential(_RuleData):
    """A card or licence issued elsewhere, by its kind: `bls`, `radiography`."""

    kind: Literal["credential"] = "credential"
    credential_kind: Kind


Subject = Annotated[Modules | Credential, Field(discriminator="kind")]


class _AfterEvent(_RuleData):
    """`hire`: the date of hire. `assignment`: the day the rule began to apply to the person.

    `publication`: the day the first of the modules was first published.
    """

    event: Literal["hire", "assignment", "publication"]


class DaysAfter(_AfterEvent):
    """0 days means due on the day itself, for evidence that is needed before the work begins."""

    kind: Literal["days_after"] = "days_after"
    days: Days

    def due(self, since: date) -> date:
        return add_days(since, self.days)


class MonthsAfter(_AfterEvent):
    """Calendar months: six of them are not 180 days."""

    kind: Literal["months_after"] = "months_after"
    months: Months

    def due(self, since: date) -> date:
        return add_months(since, self.months)


class OnDate(_RuleData):
    kind: Literal["on_date"] = "on_date"
    date: Day


FirstDue = Annotated[DaysAfter | MonthsAfter | OnDate, Field(discriminator="kind")]


class CalendarDay(_RuleData):
    """A day of every year; 29 February is 28 February in common years."""

    month: Annotated[int, Field(ge=1, le=12, strict=True), Whole]
    day: Annotated[int, Field(ge=1, le=31, strict=True), Whole]

    @field_validator("day")
    @classmethod
    def _in_month(cls, day: int, info: ValidationInfo) -> int:
        month = info.data.get("month")
        if month and MonthDay(month, day).in_year(LEAP_YEAR).day != day:
            _refuse("no_such_day", "The month has no such day.")
        return day


class Renewal(_RuleData):
    """How long evidence is valid and what renews it. Dates here are regulatory: never grace.

    `licence_kind` is for the anchor of licence cycles: the credential of the person's own whose
    cycles count, each `months` long where its expiries are not known. `shortest_days` is for
    anchors that recur on a calendar day: evidence that renews nothing and comes that close before
    the day, or within the window, counts for the next one.
    """

    anchor: Anchor = Anchor.COMPLETION
    months: Months | None = None
    licence_kind: Kind | None = None
    fixed_date: CalendarDay | None = None
    window_days: Days = 30
    shortest_days: Days = 90
    early_renewal: EarlyRenewal = EarlyRenewal.KEEP
    hard_cap_months: Months | None = None

    @field_validator("months")
    @classmethod
    def _months_suit_anchor(cls, months: int | None, info: ValidationInfo) -> int | None:
        anchor = info.data.get("anchor")
        if anchor is Anchor.PRINTED_EXPIRY and months is not None:
            _refuse("printed_expiry_is_not_computed", "A printed expiry takes no months.")
        if anchor in ANNUAL_ANCHORS and (months or 0) % MONTHS_PER_YEAR:
            _refuse("whole_years_only", "This anchor recurs on a calendar day: whole years only.")
        if months is None and anchor in _NEED_MONTHS:
            _refuse("months_missing", "This anchor needs a number of months.")
        return months

    @field_validator("licence_kind")
    @classmethod
    def _licence_suits_anchor(cls, kind: str | None, info: ValidationInfo) -> str | None:
        if "anchor" in info.data and (
            (info.data["anchor"] is Anchor.LICENCE_CYCLE) != (kind is not None)
        ):
            _refuse("licence_kind_mismatch", "A kind of licence belongs to licence cycles alone.")
        return kind

    @field_validator("fixed_date")
    @classmethod
    def _date_suits_anchor(
        cls, fixed_date: CalendarDay | None, info: ValidationInfo
    ) -> CalendarDay | None:
        if "anchor" in info.data and (
            (info.data["anchor"] is Anchor.FIXED_DATE) != (fixed_date is not None)
        ):
            _refuse("fixed_date_mismatch", "A fixed date belongs to the fixed_date anchor alone.")
        return fixed_date

    @field_validator("window_days")
    @classmethod
    def _window_within_validity(cls, days: int, info: ValidationInfo) -> int:
        months = info.data.get("months")
        if months and days >= months * SHORTEST_MONTH_DAYS:
            _refuse("window_too_long", "The renewal window must be shorter than the validity.")
        return days

    @field_validator("early_renewal")
    @classmethod
    def _anchor_can_move(cls, early: EarlyRenewal, info: ValidationInfo) -> EarlyRenewal:
        if early is EarlyRenewal.REANCHOR and info.data.get("anchor") in _IMMOVABLE:
            _refuse("anchor_cannot_move", "This anchor does not move when renewed early.")
        return early

    @field_validator("hard_cap_months")
    @classmethod
    def _cap_suits_months(cls, cap: int | None, info: ValidationInfo) -> int | None:
        if cap is None or "months" not in info.data:
            return cap
        months = info.data["months"]
        if months is None:
            _refuse("cap_without_months", "A hard cap needs a validity in months.")
        if cap < months:
            _refuse("cap_below_months", "A hard cap below the validity contradicts it.")
        return cap

    def recurrence(self) -> Recurrence:
        return Recurrence(
            self.anchor,
            self.months,
            self.window_days,
            self.early_renewal,
            self.hard_cap_months,
            self.shortest_days,
        )


_NEED_MONTHS = {
    Anchor.FIXED_DATE,
    Anchor.HIRE_ANNIVERSARY,
    Anchor.END_OF_MONTH,
    Anchor.LICENCE_CYCLE,
}
_IMMOVABLE = ANNUAL_ANCHORS | {Anchor.PRINTED_EXPIRY, Anchor.LICENCE_CYCLE}


class Rule(_RuleData):
    """One requirement. `grace_days` changes reminders only, never a status or a date."""

    subject: Subject
    audience: Audience
    first_due: FirstDue
    renewal: Renewal = Renewal()
    retrain_days_after_material_change: Days | None = None
    grace_days: Days = 0
    citation: Annotated[StorableText, StringConstraints(max_length=500)] = ""
    retention_class: RetentionClass = RetentionClass.STANDARD

    @property
    def module_ids(self) -> frozenset[UUID]:
        """Empty for a credential."""
        return self.subject.any_of if isinstance(self.subject, Modules) else frozenset()

    @field_validator("first_due")
    @classmethod
    def _publication_needs_modules(cls, due: FirstDue, info: ValidationInfo) -> FirstDue:
        subject = info.data.get("subject")
        if getattr(due, "event", None) == "publication" and isinstance(subject, Credential):
            _refuse("credential_is_not_published", "A credential has no publication date.")
        return due

    @field_validator("renewal")
    @classmethod
    def _anchor_suits_subject(cls, renewal: Renewal, info: ValidationInfo) -> Renewal:
        subject = info.data.get("subject")
        if renewal.anchor is Anchor.PRINTED_EXPIRY and isinstance(subject, Modules):
            _refuse("module_has_no_printed_expiry", "A module carries no printed expiry.")
        if renewal.anchor is Anchor.POLICY_VERSION and isinstance(subject, Credential):
            _refuse("credential_has_no_version", "A credential has no policy version.")
        return renewal

    @field_validator("retrain_days_after_material_change")
    @classmethod
    def _change_needs_modules(cls, days: int | None, info: ValidationInfo) -> int | None:
        if days is not None and isinstance(info.data.get("subject"), Credential):
            _refuse("credential_has_no_version", "A credential has no versions that change.")
        return days


def recorded_rule(recorded: Mapping[str, Any]) -> Rule:
    """Read a rule as it was recorded; such rows are never rewritten.

    Older rows have no field that says whether the audience is everyone; there, an audience
    without any criterion is everyone.
    """
    audience = recorded["audience"]
    if "everyone" not in audience:
        named = any(value for name, value in audience.items() if name != "exclude")
        audience = {**audience, "everyone": not named}
    return Rule.model_validate({**recorded, "audience": audience})
