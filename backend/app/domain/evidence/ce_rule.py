"""The courses that boards ask for again and again, as requirements, from the profiles.

Hours have their own page (licence cycles). A requirement is made of each course that is a kind of
credential, for the people of the profession at offices in the state.
"""

from collections.abc import Iterator
from typing import Any, Final

from app.domain.evidence.ce_credit import LicenceRule, Minimum
from app.domain.evidence.ce_profile import LICENCE_RULES, PROFILES, Licence
from app.domain.evidence.credential_kind import credential_kind

_DEPARTMENTS: Final = {"dds": "Dentistry", "rdh": "Hygiene", "rda": "Dental Assisting"}


def ce_requirements() -> Iterator[dict[str, Any]]:
    """Yield the documents that the seed makes requirements of, each with its origin."""
    for licence, profile in PROFILES.items():
        rule = LICENCE_RULES[profile]
        for minimum in rule.minimums:
            kind = credential_kind(minimum.category)
            if kind is not None:
                yield {
                    "origin": f"ce-{profile}-{kind.code}",
                    "title": f"{kind.name}: {rule.name}",
                    "description": f"{rule.verify_with}. From the profile of the {rule.name}.",
                    "credential": kind.code,
                    "departments": [_DEPARTMENTS[licence.kind]],
                    "states": [licence.state],
                    "rule": _rule(licence, rule, minimum),
                }


def _rule(licence: Licence, rule: LicenceRule, minimum: Minimum) -> dict[str, Any]:
    months = minimum.within_months or rule.cycle_months
    source = rule.sources.get(f"minimum:{minimum.category}", rule.citation)
    renewal: dict[str, Any] = {"months": months, "window_days": 90}
    if minimum.within_months is None:
        renewal |= {"anchor": "licence_cycle", "licence_kind": licence.kind}
    return {
        "citation": f"{source}; {rule.verify_with}",
        "first_due": {"kind": "months_after", "event": "assignment", "months": months},
        "renewal": renewal,
    }
