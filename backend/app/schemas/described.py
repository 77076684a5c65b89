"""Describes JSON whose form depends on a kind in the OpenAPI document.

The domain validates such JSON, and it is served as it is stored. Only the document needs types for
it, so they are made when the document is asked for.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, reduce
from operator import or_
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, GetJsonSchemaHandler, TypeAdapter, create_model
from pydantic_core import CoreSchema

Form = Any
"""A type such as `list[int]` or a union; Python has no type for those."""
FormsOfKind = Callable[[Any], Mapping[str, Form]]
"""The types that fields have for a kind."""


@dataclass(frozen=True, slots=True)
class DescribedAs:
    """Describes a field by another type than the one that validates it."""

    form: Form

    def __get_pydantic_json_schema__(
        self, _: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return handler(TypeAdapter(self.form).core_schema)


@dataclass(frozen=True, slots=True)
class OneOfKinds:
    """Describes `model` as a union of one type for each kind, with `kind` as discriminator."""

    model: type[BaseModel]
    kinds: type[StrEnum]
    forms: FormsOfKind

    def __get_pydantic_json_schema__(
        self, _: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return handler(TypeAdapter(_told_apart(self)).core_schema)


@dataclass(frozen=True, slots=True)
class AnyOfKinds:
    """Describes a field by the types that it has for any kind, if the kind is not sent along."""

    field: str
    kinds: type[StrEnum]
    forms: FormsOfKind

    def __get_pydantic_json_schema__(
        self, _: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        forms = dict.fromkeys(self.forms(kind)[self.field] for kind in self.kinds)
        return handler(TypeAdapter(reduce(or_, forms)).core_schema)


@cache
def _told_apart(described: OneOfKinds) -> Form:
    """Return the union. It is cached, because two types of one name would get long names."""
    union: Form = reduce(or_, [_of_kind(described, kind) for kind in described.kinds])
    return Annotated[union, Field(discriminator="kind")]


def _of_kind(described: OneOfKinds, kind: StrEnum) -> Form:
    model = described.model
    fields: dict[str, Any] = {"kind": (Literal[kind], ...)}
    for name, form in described.forms(kind).items():
        fields[name] = (form, model.model_fields[name])
    words = "".join(word.title() for word in kind.split("_"))
    return create_model(words + model.__name__, __base__=model, **fields)
