"""Examples of schemas whose fields have to fit together."""

from typing import Any, Final

_ITEMS: Final = [
    {"id": "a", "text": "Into the sharps container"},
    {"id": "b", "text": "Into the bin"},
]

WHOLES: Final[dict[str, Any]] = {
    "SingleChoiceMetadata": {"options": _ITEMS, "correct": ["a"]},
    "MultipleChoiceMetadata": {"options": _ITEMS, "correct": ["a"]},
    "ChoiceView": {
        "id": "8f14e45f-ceea-567f-a8b1-3c2d5e6f7a80",
        "prompt": "What do you do with a used needle?",
        "points": 1,
        "kind": "single_choice",
        "options": _ITEMS,
    },
    "Rule": {
        "subject": {"kind": "modules", "any_of": ["0199f0d2-7c1e-7a3b-9d55-3f1f6f6b2a10"]},
        "audience": {"departments": ["Hygiene"]},
        "first_due": {"kind": "days_after", "event": "hire", "days": 10},
        "renewal": {"anchor": "completion", "months": 12},
        "citation": "29 CFR 1910.1030(g)(2)",
    },
}
