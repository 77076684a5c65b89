"""The reasons of the compliance engine in words."""

from collections.abc import Mapping

from app.domain.compliance import ComplianceReason, Evidence, PeriodCause, Shortfall, Why
from app.domain.compliance.audience import Criterion, Matched
from app.domain.compliance.requirement import Rule

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
    PeriodCause.INCIDENT: "To be trained on again after an incident.",
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


_SHORTFALLS = {
    Shortfall.TOO_SHORT: "The training of {day} took {minutes} of the {minimum} minutes asked for.",
    Shortfall.NO_TRAINER: "On the training of {day} nobody could ask a trainer.",
    Shortfall.OTHER_STATE: "The card of {day} is not of the state of the office.",
}


def summary(why: Why, location_names: Mapping[str, str]) -> str:
    sentences = [_REASONS[why.reason]]
    if why.match:
        sentences.append(_applies(why.match.matched, location_names))
    if why.opened_by:
        sentences.append(_CAUSES[why.opened_by])
    return " ".join(filter(None, sentences))


def fallen_short(item: Evidence, lacks: Shortfall, rule: Rule) -> str:
    """Say why training for the requirement does not meet it."""
    return _SHORTFALLS[lacks].format(
        day=item.day, minutes=item.minutes or 0, minimum=rule.minimum_minutes
    )


def _applies(matched: tuple[Matched, ...], location_names: Mapping[str, str]) -> str:
    criteria = {each.criterion for each in matched}
    if Criterion.EVERYONE in criteria:
        return "Applies to everyone."
    if Criterion.INCIDENT in criteria:
        return "Applies because an incident names this person."
    if Criterion.INCLUDED in criteria:
        return "Applies because the rule names this person."
    held = [
        _CRITERIA[each.criterion].format(location_names.get(each.value, each.value))
        for each in matched
        if each.value
    ]
    return f"Applies because {' and '.join(held)}."
