"""The reasons of the compliance engine in words."""

from collections.abc import Mapping

from app.domain.compliance import ComplianceReason, PeriodCause, Why
from app.domain.compliance.audience import Criterion, Matched

_REASONS = {
    ComplianceReason.NO_RULE: "No rule is in force.",
    ComplianceReason.NOT_EMPLOYED: "Not employed on this day.",
    ComplianceReason.OUTSIDE_AUDIENCE: "The rule is not meant for this person.",
    ComplianceReason.ON_LEAVE: "On leave.",
    ComplianceReason.WAIVER: "Freed by a waiver.",
    ComplianceReason.EXEMPTION: "Freed by an exemption.",
    ComplianceReason.MATCHED: "",
}
_CAUSES = {
    PeriodCause.INITIAL: "To be shown for the first time.",
    PeriodCause.RENEWAL: "The renewal window has begun.",
    PeriodCause.EARLY_RENEWAL: "Renewed early.",
    PeriodCause.MATERIAL_CHANGE: "The content has changed materially.",
}
_CRITERIA = {
    Criterion.DEPARTMENT: "the department is {}",
    Criterion.LOCATION: "the location is {}",
    Criterion.COUNTRY: "the location is in {}",
    Criterion.STATE: "the location is in {}",
    Criterion.ROLE: "the role is {}",
    Criterion.WORKER_KIND: "the kind of worker is {}",
    Criterion.JOB_TITLE: "the job title is {}",
    Criterion.HIRED_AFTER: "the date of hire is {}",
}


def summary(why: Why, location_names: Mapping[str, str]) -> str:
    sentences = [_REASONS[why.reason]]
    if why.match:
        sentences.append(_applies(why.match.matched, location_names))
    if why.opened_by:
        sentences.append(_CAUSES[why.opened_by])
    return " ".join(filter(None, sentences))


def _applies(matched: tuple[Matched, ...], location_names: Mapping[str, str]) -> str:
    criteria = {each.criterion for each in matched}
    if Criterion.EVERYONE in criteria:
        return "Applies to everyone."
    if Criterion.INCLUDED in criteria:
        return "Applies because the rule names this person."
    held = [
        _CRITERIA[each.criterion].format(location_names.get(each.value, each.value))
        for each in matched
        if each.value
    ]
    return f"Applies because {' and '.join(held)}."
