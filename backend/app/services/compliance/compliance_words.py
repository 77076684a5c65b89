"""The reasons of the compliance engine in words."""

from collections.abc import Mapping

from app.domain.compliance import Cause, Reason, Why
from app.domain.compliance.requirement import Criterion, Matched

_REASONS = {
    Reason.NO_RULE: "No rule is in force.",
    Reason.NOT_EMPLOYED: "Not employed on this day.",
    Reason.OUTSIDE_AUDIENCE: "The rule is not meant for this person.",
    Reason.ON_LEAVE: "On leave.",
    Reason.WAIVER: "Freed by a waiver.",
    Reason.EXEMPTION: "Freed by an exemption.",
}
_CAUSES = {
    Cause.INITIAL: "To be shown for the first time.",
    Cause.RENEWAL: "The renewal window has begun.",
    Cause.EARLY_RENEWAL: "Renewed early.",
    Cause.MATERIAL_CHANGE: "The content has changed materially.",
}
_CRITERIA = {
    Criterion.DEPARTMENT: "the department is {}",
    Criterion.LOCATION: "the location is {}",
    Criterion.ROLE: "the role is {}",
    Criterion.JOB_TITLE: "the job title is {}",
    Criterion.HIRED_AFTER: "the date of hire is {}",
}


def summary(why: Why, location_names: Mapping[str, str]) -> str:
    sentences = [_REASONS[why.reason]] if why.reason in _REASONS else []
    if why.match:
        sentences.append(_applies(why.match.matched, location_names))
    if why.opened_by:
        sentences.append(_CAUSES[why.opened_by])
    return " ".join(sentences)


def _applies(matched: tuple[Matched, ...], location_names: Mapping[str, str]) -> str:
    criteria = {each.criterion for each in matched}
    if Criterion.EVERYONE in criteria:
        return "Applies to everyone."
    if Criterion.INCLUDED in criteria:
        return "Applies because the rule names this person."
    held = [
        _CRITERIA[each.criterion].format(location_names.get(each.value or "", each.value))
        for each in matched
    ]
    return f"Applies because {' and '.join(held)}."
