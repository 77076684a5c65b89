"""No example contradicts itself: what it says twice is the same, and its states fit its times."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

Document = dict[str, Any]
Example = dict[str, Any]

DEADLINES = ("expires_at", "available_at")
# The first of two is never later than the second.
IN_TURN = (
    ("started_at", "submitted_at"),
    ("started_at", "expires_at"),
    ("submitted_at", "expires_at"),
    ("server_time", "expires_at"),
    ("server_time", "available_at"),
    ("starts_at", "closed_at"),
    ("enrolled_at", "completed_at"),
    ("created_at", "updated_at"),
    ("created_at", "completed_at"),
    ("starts_on", "ends_on"),
    ("starts_on", "returns_on"),
    ("cycle_start", "cycle_end"),
    ("completed_on", "printed_expiry"),
    ("issued_on", "printed_expiry"),
    ("local_date", "valid_through"),
    ("earned", "total_hours"),
    ("counted", "earned"),
    ("points", "max_points"),
)
# The fields that are there in these states alone. Others of the same field are not looked at.
STATES: dict[str, tuple[set[str], set[str]]] = {
    "submitted_at": ({"open"}, {"graded"}),
    "score_percent": ({"open"}, {"graded"}),
    "closed_at": ({"scheduled", "cancelled"}, {"closed"}),
    "completed_at": (
        {"active", "not_started", "in_progress", "open", "pending"},
        {"completed", "ready", "rejected"},
    ),
    "reviewed_at": ({"pending"}, {"verified", "rejected"}),
    "reviewed_by": ({"pending"}, {"verified", "rejected"}),
    "reviewed_by_id": ({"pending"}, {"verified", "rejected"}),
    "review_reason": ({"pending"}, {"verified", "rejected"}),
    "verified_at": ({"pending"}, set()),
    "published_at": ({"draft"}, {"published"}),
    "current_version": ({"draft"}, {"published"}),
    "rejection": ({"pending", "ready"}, {"rejected"}),
    "found_bytes": ({"pending"}, {"ready"}),
    "sha256": ({"pending"}, set()),
    "marked_at": ({"registered"}, {"attended"}),
    "valid_through": ({"due", "overdue", "never_trained", "not_required"}, set()),
    "due_on": ({"not_required", "exempt"}, set()),
}


def objects(value: Any) -> Iterator[Example]:
    if isinstance(value, list):
        for item in value:
            yield from objects(item)
    elif isinstance(value, dict):
        yield value
        for part in value.values():
            yield from objects(part)


def examples(document: Document) -> Iterator[tuple[str, Example]]:
    for name, schema in document["components"]["schemas"].items():
        for example in schema.get("examples", []):
            yield name, example


def ids(shown: Example) -> Iterator[str]:
    for name, part in shown.items():
        own = part.get("id") if isinstance(part, dict) else None
        if own is not None and shown.get(f"{name}_id", own) != own:
            yield f"{name}_id is not {name}.id"
    etag = shown.get("etag")
    if etag and "id" in shown and "content_sha256" not in shown and shown["id"] not in etag:
        yield "etag is of something else"


def people(shown: Example) -> Iterator[str]:
    """Whoever `user` is, `user_id` of the answer names the same person as all its parts do."""
    named = {part["user_id"] for part in objects(shown) if isinstance(part.get("user_id"), str)}
    named |= {part["user"]["id"] for part in objects(shown) if isinstance(part.get("user"), dict)}
    if len(named) > 1:
        yield "user_id differs"


def clocks(shown: Example) -> Iterator[str]:
    if "server_time" not in shown:
        return
    parts = [shown, *shown.get("sections", [])]
    awaited = any(part.get(name) for part in parts for name in DEADLINES)
    if awaited != (shown["server_time"] is not None):
        yield "server_time is there without a deadline, or missing beside one"


def turns(shown: Example) -> Iterator[str]:
    for first, second in IN_TURN:
        before, after = shown.get(first), shown.get(second)
        if before is not None and after is not None and _comparable(before) > _comparable(after):
            yield f"{second} is before {first}"


def _comparable(value: Any) -> Any:
    if isinstance(value, str) and "T" in value:
        return datetime.fromisoformat(value)
    return value


def states(shown: Example) -> Iterator[str]:
    state = shown.get("status", shown.get("state"))
    for name, (without, having) in STATES.items():
        if name in shown and state in without and shown[name] is not None:
            yield f"{state}, and yet {name}"
        if name in shown and state in having and shown[name] is None:
            yield f"{state} without {name}"


def figures(shown: Example) -> Iterator[str]:
    score, points = shown.get("score_percent"), shown.get("points")
    if points is not None and score not in {None, 100 * points / shown.get("max_points", points)}:
        yield "score_percent is not the share of the points"
    if score is not None and shown.get("passed", True) != (score >= shown.get("pass_mark", 0)):
        yield "passed does not follow from score_percent"
    if shown.get("state") == "not_started" and shown.get("seconds_spent"):
        yield "not_started, and yet seconds_spent"
    counted = shown.get("section_count")
    if counted and isinstance(shown.get("sections"), list) and counted != len(shown["sections"]):
        yield "section_count does not count the sections"
    if "changes" in shown and shown.get("changed") not in {None, len(shown["changes"])}:
        yield "changed does not count the changes"
    if "location_id" in shown and "location" in shown:
        known = [shown[name] is not None for name in ("location", "location_id")]
        yield from ["location without location_id"] * (len(set(known)) > 1)


RULES = (ids, clocks, turns, states, figures)


def contradictions(example: Example) -> list[str]:
    found = [fault for part in objects(example) for rule in RULES for fault in rule(part)]
    return [*found, *people(example)]


def test_no_example_contradicts_itself(described: Document) -> None:
    found = {name: contradictions(example) for name, example in examples(described)}
    assert {name: faults for name, faults in found.items() if faults} == {}


@pytest.mark.parametrize(
    ("name", "change", "fault"),
    [
        ("EnrollmentRead", {"user_id": "x"}, "user_id is not user.id"),
        ("EnrollmentRead", {"etag": '"x.1"'}, "etag is of something else"),
        ("EnrollmentRead", {"status": "completed"}, "completed without completed_at"),
        ("AttemptOpen", {"server_time": None}, "server_time is there without a deadline, or"),
        ("AttemptOpen", {"server_time": "2028-01-01T00:00:00Z"}, "expires_at is before server"),
        ("AttemptResultRead", {"score_percent": 70}, "passed does not follow from score_percent"),
        ("LiveSessionClosed", {"status": "scheduled"}, "scheduled, and yet closed_at"),
        ("ModuleDraft", {"section_count": 9}, "section_count does not count the sections"),
    ],
)
def test_a_contradiction_would_be_seen(
    described: Document, name: str, change: Example, fault: str
) -> None:
    example = dict(described["components"]["schemas"][name]["examples"][0])
    assert contradictions(example) == []
    assert any(found.startswith(fault) for found in contradictions(example | change))


def test_a_clock_that_may_be_old_says_so(described: Document) -> None:
    """Answers to POST are kept for retries, with the clock of their first time."""
    schemas = described["components"]["schemas"]
    for path, operations in described["paths"].items():
        for status, answer in operations.get("post", {}).get("responses", {}).items():
            body = answer.get("content", {}).get("application/json", {}).get("schema", {})
            for name in _named(schemas, body) if status < "300" else ():
                clock = schemas[name].get("properties", {}).get("server_time")
                assert clock is None or "Idempotency-Replayed" in clock["description"], path


def _named(schemas: Document, body: Any) -> set[str]:
    """Return the schemas that an answer is made of."""
    found: set[str] = set()
    waiting = [body]
    while waiting:
        text = json.dumps(waiting.pop())
        for part in text.split("#/components/schemas/")[1:]:
            name = part.partition('"')[0]
            if name not in found:
                found.add(name)
                waiting.append({k: v for k, v in schemas[name].items() if k != "examples"})
    return found
