"""What all request and response models share."""

from typing import Any, Generic, TypeVar

from pydantic import MISSING, BaseModel, ConfigDict, Field, GetJsonSchemaHandler
from pydantic_core import CoreSchema

from app.schemas.docstrings import attribute_docstrings

T = TypeVar("T")


class Described(BaseModel):
    """A model whose schema has the docstrings of its fields as their descriptions.

    Pydantic's `use_attribute_docstrings` reads them when a class is made, which is a third of what
    a process takes to start; most processes never show a schema.
    """

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        schema = handler(core_schema)
        fields = handler.resolve_ref_schema(schema).get("properties", {})
        for name, docstring in attribute_docstrings(cls).items():
            if name in fields:
                fields[name].setdefault("description", docstring)
        return schema


class Payload(Described):
    """A request body. Unknown fields are refused, so that misspelt ones are noticed."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Changes(Payload):
    """A PATCH body. A field is `X | MISSING = MISSING`; one that is left out is not changed.

    MISSING does not appear in the JSON schema, so generated clients do not send it as a default.
    """


class Resource(Described):
    """A response body, read from rows by attribute."""

    model_config = ConfigDict(from_attributes=True)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Describe fields that are left out instead of being null as never null."""
        schema = super().__get_pydantic_json_schema__(core_schema, handler)
        fields = handler.resolve_ref_schema(schema).get("properties", {})
        for name in fields.keys() & {
            name for name, field in cls.model_fields.items() if field.exclude_if
        }:
            fields[name] = without_null(fields[name])
        return schema


class Versioned(Resource):
    """A response body with an ETag, which If-Match and If-None-Match are compared with."""

    etag: str
    """What If-Match takes; also the ETag header where the answer is one thing and no list."""


class ListOf(Resource, Generic[T]):
    items: list[T]
    next_cursor: str | None = None
    total: int | None = Field(None, exclude_if=lambda total: total is None)
    """Only present with `include_total=true`."""


def without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON schema of what a nullable value is otherwise."""
    kept = [each for each in schema.get("anyOf", []) if each != {"type": "null"}]
    if len(kept) != 1:
        return schema
    return {**kept[0], **{name: schema[name] for name in schema if name != "anyOf"}}


def given(value: T | MISSING) -> T | None:
    """Return the value, or None if the field was left out."""
    return None if value is MISSING else value
