"""A requirement as data: who must show what, by when, for how long, and why (the regulation)."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from app.core.errors import FieldError
from app.domain.compliance.audience import Audience, Name, RuleData, SortedSet
from app.domain.evidence.credential_kind import credential_code, credential_kind
from app.domain.evidence.retention import RetentionClass
from app.domain.fields import Day, Flag, Folded, Whole, refuse
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

SHORTEST_MONTH_DAYS = 28
LEAP_YEAR = 2000

Kind = Annotated[Name, AfterValidator(credential_code)]
Days = Annotated[int, Field(ge=0, le=3650, strict=True), Whole]
Months = Annotated[int, Field(ge=1, le=240, strict=True), Whole]
Minutes = Annotated[int, Field(ge=1, le=6000, strict=True), Whole]


class Modules(RuleData):
    """Completing any one of these modules will do."""

    kind: Literal["modules"] = "modules"
    any_of: Annotated[SortedSet[UUID], Field(min_length=1)]


class Credential(RuleData):
    """A card or licence issued elsewhere, by its kind: `bls`, `radiography`.

    With `of_office_state` only one that was issued by the state of an office counts, at which the
    rule means the person.
    """

    kind: Literal["credential"] = "credential"
    credential_kind: Kind
    of_office_state: Flag = False


Subject = Annotated[Modules | Credential, Field(discriminator="kind")]


class _AfterEvent(RuleData):
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


class OnDate(RuleData):
    kind: Literal["on_date"] = "on_date"
    date: Day


FirstDue = Annotated[DaysAfter | MonthsAfter | OnDate, Field(discriminator="kind")]


class CalendarDay(RuleData):
    """A day of every year; 29 February is 28 February in common years."""

    month: Annotated[int, Field(ge=1, le=12, strict=True), Whole]
    day: Annotated[int, Field(ge=1, le=31, strict=True), Whole]

    @field_validator("day")
    @classmethod
    def _in_month(cls, day: int, info: ValidationInfo) -> int:
        month = info.data.get("month")
        if month and MonthDay(month, day).in_year(LEAP_YEAR).day != day:
            refuse("no_such_day", "The month has no such day.")
        return day


class Renewal(RuleData):
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
            refuse("printed_expiry_is_not_computed", "A printed expiry takes no months.")
        if anchor in ANNUAL_ANCHORS and (months or 0) % MONTHS_PER_YEAR:
            refuse("whole_years_only", "This anchor recurs on a calendar day: whole years only.")
        if months is None and anchor in _NEED_MONTHS:
            refuse("months_missing", "This anchor needs a number of months.")
        return months

    @field_validator("licence_kind")
    @classmethod
    def _licence_suits_anchor(cls, kind: str | None, info: ValidationInfo) -> str | None:
        if "anchor" in info.data and (
            (info.data["anchor"] is Anchor.LICENCE_CYCLE) != (kind is not None)
        ):
            refuse("licence_kind_mismatch", "A kind of licence belongs to licence cycles alone.")
        return kind

    @field_validator("fixed_date")
    @classmethod
    def _date_suits_anchor(
        cls, fixed_date: CalendarDay | None, info: ValidationInfo
    ) -> CalendarDay | None:
        if "anchor" in info.data and (
            (info.data["anchor"] is Anchor.FIXED_DATE) != (fixed_date is not None)
        ):
            refuse("fixed_date_mismatch", "A fixed date belongs to the fixed_date anchor alone.")
        return fixed_date

    @field_validator("window_days")
    @classmethod
    def _window_within_validity(cls, days: int, info: ValidationInfo) -> int:
        months = info.data.get("months")
        if months and days >= months * SHORTEST_MONTH_DAYS:
            refuse("window_too_long", "The renewal window must be shorter than the validity.")
        return days

    @field_validator("early_renewal")
    @classmethod
    def _anchor_can_move(cls, early: EarlyRenewal, info: ValidationInfo) -> EarlyRenewal:
        if early is EarlyRenewal.REANCHOR and info.data.get("anchor") in _IMMOVABLE:
            refuse("anchor_cannot_move", "This anchor does not move when renewed early.")
        return early

    @field_validator("hard_cap_months")
    @classmethod
    def _cap_suits_months(cls, cap: int | None, info: ValidationInfo) -> int | None:
        if cap is None or "months" not in info.data:
            return cap
        months = info.data["months"]
        if months is None:
            refuse("cap_without_months", "A hard cap needs a validity in months.")
        if cap < months:
            refuse("cap_below_months", "A hard cap below the validity contradicts it.")
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


_QUESTIONS: Final = re.compile(r"1910\.1030\(g\)\(2\).*?\(vii\)(?:(?!\()|(?:\(A\)-)?\(N\))")
"""29 CFR 1910.1030(g)(2)(vii)(N): interactive questions and answers with the trainer."""

_ADDED_CRITERIA = ("countries", "states")
_ADDED_TERMS = ("minimum_minutes", "trainer_required")
_ADDED_TO_CREDENTIALS = ("of_office_state",)
_NEED_MONTHS = {
    Anchor.FIXED_DATE,
    Anchor.HIRE_ANNIVERSARY,
    Anchor.END_OF_MONTH,
    Anchor.LICENCE_CYCLE,
}
_IMMOVABLE = ANNUAL_ANCHORS | {Anchor.PRINTED_EXPIRY, Anchor.LICENCE_CYCLE}


class Rule(RuleData):
    """One requirement. `grace_days` changes reminders only, never a status or a date.

    `minimum_minutes` are the hours that a regulation asks for: training that took less does not
    meet the rule. `trainer_required`: nor does training in which nobody could ask a trainer, as in
    29 CFR 1910.1030(g)(2)(vii)(N).
    """

    subject: Subject
    audience: Audience
    first_due: FirstDue
    renewal: Renewal = Renewal()
    retrain_days_after_material_change: Days | None = None
    grace_days: Days = 0
    minimum_minutes: Minutes | None = None
    trainer_required: Flag = False
    citation: Annotated[Folded, StringConstraints(max_length=500)] = ""
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
            refuse("credential_is_not_published", "A credential has no publication date.")
        return due

    @field_validator("renewal")
    @classmethod
    def _anchor_suits_subject(cls, renewal: Renewal, info: ValidationInfo) -> Renewal:
        subject = info.data.get("subject")
        if renewal.anchor is Anchor.PRINTED_EXPIRY and isinstance(subject, Modules):
            refuse("module_has_no_printed_expiry", "A module carries no printed expiry.")
        if renewal.anchor is Anchor.POLICY_VERSION and isinstance(subject, Credential):
            refuse("credential_has_no_version", "A credential has no policy version.")
        return renewal

    @field_validator("minimum_minutes", "trainer_required")
    @classmethod
    def _taught_in_modules(cls, term: int | None, info: ValidationInfo) -> int | None:
        if term and isinstance(info.data.get("subject"), Credential):
            refuse("credential_has_no_hours", "A card does not say how long the training was.")
        return term

    @field_validator("retrain_days_after_material_change")
    @classmethod
    def _change_needs_modules(cls, days: int | None, info: ValidationInfo) -> int | None:
        if days is not None and isinstance(info.data.get("subject"), Credential):
            refuse("credential_has_no_version", "A credential has no versions that change.")
        return days


def asks_for_trainer(citation: str) -> bool:
    """Tell whether the citation names that paragraph, or (g)(2)(vii) as a whole.

    Paragraphs may be listed, as in `29 CFR 1910.1030(g)(2)(ii), (iv) and (vii)(N)`. Who cites all
    of (g)(2) may mean its dates alone, and says so by `trainer_required`.
    """
    return _QUESTIONS.search(citation.replace(" ", "")) is not None


def as_cited(rule: Rule) -> Rule:
    """Return the rule with what its citation asks for. Recorded rules are read as they are."""
    if isinstance(rule.subject, Credential) or not asks_for_trainer(rule.citation):
        return rule
    return rule.model_copy(update={"trainer_required": True})


def contradicts(rule: Rule) -> bool:
    """Tell whether a rule says that no trainer is needed where its citation asks for one."""
    said = "trainer_required" in rule.model_fields_set and not rule.trainer_required
    return said and as_cited(rule).trainer_required


def unknown_kinds(rule: Rule) -> Iterator[tuple[str, str, set[str]]]:
    """Yield where the rule names a kind of credential, with the kinds that are in no list."""
    named = {"/rule/renewal/licence_kind": rule.renewal.licence_kind}
    if isinstance(rule.subject, Credential):
        named["/rule/subject/credential_kind"] = rule.subject.credential_kind
    for pointer, kind in named.items():
        unknown = {kind} if kind and credential_kind(kind) is None else set()
        yield pointer, "unknown_credential_kind", unknown


def citation_faults(rule: Rule) -> Iterator[FieldError]:
    if contradicts(rule):
        detail = "The law that is cited asks for a trainer who answers questions"
        yield FieldError("/rule/trainer_required", "trainer_required_by_citation", detail)


def record_of(rule: Rule) -> dict[str, Any]:
    """Return the rule as it is recorded.

    What former releases do not know is left out where it asks for nothing, so that these can read
    the rule.
    """
    record = rule.model_dump(mode="json")
    _leave_out(record["audience"], _ADDED_CRITERIA)
    _leave_out(record, _ADDED_TERMS)
    if isinstance(rule.subject, Credential):
        _leave_out(record["subject"], _ADDED_TO_CREDENTIALS)
    return record


def _leave_out(record: dict[str, Any], names: Iterable[str]) -> None:
    for name in names:
        if not record[name]:
            del record[name]


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
