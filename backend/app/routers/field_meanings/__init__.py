"""The meaning of fields whose own schema says nothing about them.

A name means the same in every schema, or it is entered as `Schema.name` as well. What is said at
the field itself comes first. Fields whose name says everything are in `SELF_EXPLAINING`.
"""

import re
from collections import ChainMap
from typing import Any, Final

from app.routers.field_meanings import common, compliance, content, evidence, people, study

AREAS: Final = (common, people, content, study, compliance, evidence)
MEANINGS: Final = ChainMap(*(area.MEANINGS for area in AREAS))
SELF_EXPLAINING: Final = frozenset({"id", "description", "text", "question"})


_NULL = re.compile(r"; null .*")


def explain_fields(schemas: dict[str, Any]) -> None:
    """Describe the fields of schemas that are not described yet."""
    for schema_name, schema in schemas.items():
        for name, field in schema.get("properties", {}).items():
            meaning = MEANINGS.get(f"{schema_name}.{name}", MEANINGS.get(name))
            if meaning is not None:
                field.setdefault("description", _suiting(meaning, field))


def _suiting(meaning: str, field: dict[str, Any]) -> str:
    """Return the meaning without what it says of null, if the field is never null."""
    return meaning if {"type": "null"} in field.get("anyOf", ()) else _NULL.sub("", meaning)
