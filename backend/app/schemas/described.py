"""JSON that is validated elsewhere, by kind, and what the OpenAPI document says of it."""

from collections.abc import Callable
from enum import StrEnum
from functools import reduce
from operator import or_
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, GetJsonSchemaHandler, TypeAdapter, create_model
from pydantic_core import CoreSchema

Form = Any
"""A type such as `list[int]` or a union; Python has no type for those."""


class DescribedAs:
    """Describes a field by another type than the one that validates it.

    What depends on a kind is validated where the kind is known, and served as it is stored: the
    document alone needs it spelled out.
    """

    def __init__(self, form: Form) -> None:
        self._form = form

    def __get_pydantic_json_schema__(
        self, _: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return handler(TypeAdapter(self._form).core_schema)


def one_of_kinds(
    base: type[BaseModel],
    kinds: type[StrEnum],
    fields: Callable[[Any], dict[str, Form]],
) -> Form:
    """Return the union of `base` for every kind, told apart by `kind`.

    `fields` gives the types that a kind has in place of the base's.
    """
    members = [_member(base, kind, fields(kind)) for kind in kinds]
    return Annotated[reduce(or_, members), Field(discriminator="kind")]


def any_of_kinds(
    kinds: type[StrEnum], field: str, fields: Callable[[Any], dict[str, Form]]
) -> Form:
    """Return the union of a field's types, for where the kind is not sent along."""
    return reduce(or_, dict.fromkeys(fields(kind)[field] for kind in kinds))


def _member(base: type[BaseModel], kind: StrEnum, fields: dict[str, Form]) -> Form:
    words = "".join(word.title() for word in kind.split("_"))
    definitions: dict[str, Any] = {"kind": (Literal[kind], ...)}
    definitions |= {name: (form, base.model_fields[name]) for name, form in fields.items()}
    return create_model(words + base.__name__, __base__=base, **definitions)
