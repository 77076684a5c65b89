"""Column types that work on PostgreSQL and, for the core nouns, on SQLite."""

from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Enum
from sqlalchemy.dialects.postgresql import JSONB

JsonObject = dict[str, Any]
Json = JSON().with_variant(JSONB(), "postgresql")
NullableJson = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
"""None is SQL's NULL, and not the null of JSON."""


def text_enum(kind: type[StrEnum], name: str) -> Enum:
    """Store a StrEnum as text with a CHECK: adding a member needs no ALTER TYPE."""
    return Enum(
        kind,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=32,
        values_callable=lambda members: [member.value for member in members],
    )
