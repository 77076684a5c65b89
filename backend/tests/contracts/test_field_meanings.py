"""Every field of the document is explained, in words that suit it."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from app.routers.field_meanings import AREAS, MEANINGS, SELF_EXPLAINING

# What Python calls things, which clients do not know.
PYTHON = re.compile(r"\b(None|dict|tuple|str|datetime|Decimal|Literal|MISSING)\b")

LITTLE_WORDS = {"a", "an", "is", "it", "its", "of", "the", "this"}


def fields(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for schema_name, schema in document["components"]["schemas"].items():
        for name, field in schema.get("properties", {}).items():
            yield schema_name, name, field


def is_nullable(field: dict[str, Any]) -> bool:
    return {"type": "null"} in field.get("anyOf", ())


def test_every_field_is_explained(described: dict[str, Any]) -> None:
    assert {
        f"{schema}.{name}"
        for schema, name, field in fields(described)
        if not field.get("description") and "const" not in field and name not in SELF_EXPLAINING
    } == set()


def test_what_null_means_is_said_where_there_is_null(described: dict[str, Any]) -> None:
    """In a PATCH, null takes away what the field has elsewhere."""
    silent = set()
    mistaken = set()
    for schema, name, field in fields(described):
        said = "null" in field.get("description", "").lower()
        if is_nullable(field) and not said and not schema.endswith("Update"):
            silent.add(f"{schema}.{name}")
        if said and not is_nullable(field) and "answers" not in name:
            mistaken.add(f"{schema}.{name}")
    assert (silent, mistaken) == (set(), set())


def test_no_meaning_restates_the_name(described: dict[str, Any]) -> None:
    for schema, name, field in fields(described):
        words = set(re.findall(r"[a-z]+", field.get("description", "more").lower()))
        assert words - LITTLE_WORDS - set(name.split("_")), f"{schema}.{name}"


def test_no_description_speaks_of_python(described: dict[str, Any]) -> None:
    texts = [field.get("description", "") for _, _, field in fields(described)]
    texts += [
        schema.get("description", "") for schema in described["components"]["schemas"].values()
    ]
    assert [text for text in texts if PYTHON.search(text)] == []


def test_every_meaning_is_of_a_field(described: dict[str, Any]) -> None:
    used = set()
    for schema, name, _ in fields(described):
        exact = f"{schema}.{name}"
        used.add(exact if exact in MEANINGS else name)
    assert set(MEANINGS) - used == set()


def test_every_meaning_is_entered_once() -> None:
    entered = Counter(name for area in AREAS for name in area.MEANINGS)
    assert [name for name, count in entered.items() if count > 1] == []


@pytest.mark.parametrize("name", sorted(SELF_EXPLAINING))
def test_a_name_explains_itself_somewhere(described: dict[str, Any], name: str) -> None:
    assert any(field == name for _, field, _ in fields(described))


def is_false(schema: dict[str, Any], name: str, field: dict[str, Any]) -> bool:
    said = field.get("description", "")
    siblings = schema["properties"]
    return (
        ("depend on it" in said and "const" not in field)
        or ("Counts from" in said and field.get("type") != "integer")
        or (name == "state" and "ISO 3166" in said and "country" not in siblings)
        or (name == "status" and "request_id" in siblings and "HTTP" not in said)
        or (name == "valid_through" and said.endswith("no end") and "due_on" in siblings)
    )


def test_no_meaning_is_that_of_another_field_of_the_name(described: dict[str, Any]) -> None:
    schemas = described["components"]["schemas"]
    assert {
        f"{schema}.{name}"
        for schema, name, field in fields(described)
        if is_false(schemas[schema], name, field)
    } == set()


def test_what_an_incident_always_answers_is_required(described: dict[str, Any]) -> None:
    incident = described["components"]["schemas"]["IncidentRead"]
    assert set(incident["required"]) == set(incident["properties"])
