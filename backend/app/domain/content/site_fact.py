"""Facts of an office that the text of a module may name, as `{{exposure_control_plan}}`.

What the text says is then right at each office. Each kind has a question, which is what
the offices are asked for and what learners are told to ask where nobody has answered it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from html import escape
from typing import Annotated, Any, Final

import orjson
from pydantic import StringConstraints
from typing_extensions import TypedDict

from app.core.errors import FieldError
from app.domain.content.canonical import canonical_json
from app.domain.content.html import plain_text
from app.domain.fields import Line

LONGEST: Final = 200
SiteFactValue = Annotated[Line, StringConstraints(max_length=LONGEST)]


class SiteFactKind(StrEnum):
    EXPOSURE_CONTROL_PLAN = "exposure_control_plan"
    STANDARD_COPY = "standard_copy"
    PPE_LOCATION = "ppe_location"
    EXPOSURE_CONTACT = "exposure_contact"
    EXPOSURE_CLINIC = "exposure_clinic"
    VACCINATION_CONTACT = "vaccination_contact"
    SHARPS_LOG = "sharps_log"
    HAZARD_COMMUNICATION_PROGRAM = "hazard_communication_program"
    SAFETY_DATA_SHEETS = "safety_data_sheets"
    EYEWASH = "eyewash"
    PRIVACY_OFFICER = "privacy_officer"
    SECURITY_OFFICER = "security_officer"
    RADIATION_SAFETY_OFFICER = "radiation_safety_officer"
    EMERGENCY_KIT = "emergency_kit"
    DEFIBRILLATOR = "defibrillator"
    OXYGEN = "oxygen"
    ASSEMBLY_POINT = "assembly_point"

    @property
    def question(self) -> str:
        return _QUESTIONS[self]


_QUESTIONS: Final = {
    SiteFactKind.EXPOSURE_CONTROL_PLAN: "where the exposure control plan lies",
    SiteFactKind.STANDARD_COPY: "where the printed text of 29 CFR 1910.1030 lies",
    SiteFactKind.PPE_LOCATION: "where protective equipment is kept",
    SiteFactKind.EXPOSURE_CONTACT: "whom to tell of an exposure or a spill of blood",
    SiteFactKind.EXPOSURE_CLINIC: "where the evaluation after an exposure is made",
    SiteFactKind.VACCINATION_CONTACT: "who arranges the hepatitis B vaccination",
    SiteFactKind.SHARPS_LOG: "where the sharps injury log is kept",
    SiteFactKind.HAZARD_COMMUNICATION_PROGRAM: "where the hazard communication program lies",
    SiteFactKind.SAFETY_DATA_SHEETS: "where the safety data sheets are",
    SiteFactKind.EYEWASH: "where the eyewash stands",
    SiteFactKind.PRIVACY_OFFICER: "who the privacy officer is",
    SiteFactKind.SECURITY_OFFICER: "who the security officer is",
    SiteFactKind.RADIATION_SAFETY_OFFICER: "who answers for radiation safety",
    SiteFactKind.EMERGENCY_KIT: "where the emergency kit is",
    SiteFactKind.DEFIBRILLATOR: "where the defibrillator is",
    SiteFactKind.OXYGEN: "where the emergency oxygen is",
    SiteFactKind.ASSEMBLY_POINT: "where everybody gathers after leaving the building",
}

_OPENING: Final = "{{"
_NAMED: Final = re.compile(r"\{\{([a-z_]+)\}\}")


class OfficeFact(TypedDict):
    location: str
    value: str | None


class OfficeView(TypedDict):
    """What the content of one enrollment depends on; the database writes it (`office_view`)."""

    states: Sequence[str]
    site_facts: Mapping[str, Sequence[OfficeFact]] | None


def facts_named(body: str) -> list[str]:
    """Return the kinds that a sanitised body names, each once."""
    return sorted(name for name in {*_NAMED.findall(body)} if name in {*SiteFactKind})


def naming_faults(pointer: str, body: str) -> Iterator[FieldError]:
    """Find what would stand in the text as it is: an unknown kind, or one in an attribute."""
    names, read = _NAMED.findall(body), plain_text(body)
    if unknown := sorted({*names} - {*SiteFactKind}):
        detail = f"No such site fact: {', '.join(unknown)}"
        yield FieldError(pointer, "unknown_site_fact", detail)
    if len(names) != body.count(_OPENING) or _NAMED.findall(read) != names:
        detail = "A site fact is named in the text itself, as {{exposure_control_plan}}."
        yield FieldError(pointer, "misplaced_site_fact", detail)


def elsewhere_faults(pointer: str, text: str) -> Iterator[FieldError]:
    """Find site facts where they are not filled in, such as titles and signed documents."""
    if any(name in {*SiteFactKind} for name in _NAMED.findall(text)):
        detail = "Site facts are named in the bodies of sections that are not signed."
        yield FieldError(pointer, "misplaced_site_fact", detail)


def content_at(content: bytes, view: OfficeView) -> bytes:
    """Return a version's content as it is for somebody at these offices."""
    document = orjson.loads(content)
    document["sections"] = [
        {**section, "body": _filled_in(section["body"], view["site_facts"] or {})}
        for section in document["sections"]
        if concerns(section, view["states"])
    ]
    return canonical_json(document)


def concerns(section: Mapping[str, Any], states: Sequence[str]) -> bool:
    return "states" not in section or not set(section["states"]).isdisjoint(states)


def _filled_in(body: str, facts: Mapping[str, Sequence[OfficeFact]]) -> str:
    def said(found: re.Match[str]) -> str:
        name = found[1]
        return escape(_said(SiteFactKind(name), facts[name])) if name in facts else found[0]

    return _NAMED.sub(said, body)


def _said(kind: SiteFactKind, at_offices: Sequence[OfficeFact]) -> str:
    """Name the offices only where somebody works at several that differ."""
    if len({fact["value"] for fact in at_offices}) > 1:
        return "; ".join(f"{fact['location']}: {_value(kind, fact)}" for fact in at_offices)
    return _value(kind, at_offices[0]) if at_offices else _unanswered(kind)


def _value(kind: SiteFactKind, fact: OfficeFact) -> str:
    return fact["value"] or _unanswered(kind)


def _unanswered(kind: SiteFactKind) -> str:
    return f"(not recorded yet: ask your manager {kind.question})"
