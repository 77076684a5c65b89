"""Makes a value that a schema describes."""

import re
import uuid
from collections.abc import Iterator
from typing import Any, TypeAlias

from app.routers.examples.samples import BY_FORMAT, SAMPLES
from app.routers.examples.wholes import WHOLES
from app.routers.parameters import PATHS

Schema: TypeAlias = dict[str, Any]

_JSON = "application/json"
_TEXT: Schema = {"type": "string"}
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}
_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])|_+")
_NOUNS = frozenset(name.removesuffix("_id") for name in PATHS)
_SAME = {"credential": "evidence", "myself": "user"}


def add_examples(document: Schema) -> None:
    """Add an example to the schema of each JSON body, or to the body where it has none by name."""
    schemas = document["components"]["schemas"]
    maker = _Maker(schemas)
    for body in _bodies(document):
        name = _name_in(body["schema"])
        if name is None:
            body["example"] = maker.value("", body["schema"])
        else:
            schemas[name].setdefault("examples", [maker.whole(name)])


def _bodies(document: Schema) -> Iterator[Schema]:
    for operations in document["paths"].values():
        for operation in operations.values():
            for answer in (operation.get("requestBody", {}), *operation["responses"].values()):
                yield from (
                    body for media, body in answer.get("content", {}).items() if media == _JSON
                )


def _name_in(schema: Schema) -> str | None:
    return schema["$ref"].rpartition("/")[2] if "$ref" in schema else None


class _Maker:
    def __init__(self, schemas: Schema) -> None:
        self._schemas = schemas

    def whole(self, name: str) -> Any:  # noqa: ANN401  # JSON
        if name in WHOLES:
            return WHOLES[name]
        return self._of(name, "", self._schemas[name])

    def value(self, field: str, schema: Schema, owner: str = "") -> Any:  # noqa: ANN401  # JSON
        """Return the sample of a field, if it is of the type, or a value made of the schema."""
        name = _name_in(schema)
        if name is not None and "enum" not in self._schemas[name]:
            return self.whole(name)
        form = schema if name is None else self._schemas[name]
        for key in (f"{owner}.{field}", field):
            if key in SAMPLES and _fits(SAMPLES[key], form):
                return SAMPLES[key]
        return self._of(owner, field, form)

    def _of(self, owner: str, field: str, schema: Schema) -> Any:  # noqa: ANN401  # JSON
        if "const" in schema or "enum" in schema:
            return schema.get("const", schema.get("enum", [None])[0])
        choices = schema.get("oneOf", schema.get("anyOf"))
        if choices:
            return self._one_of(owner, field, choices)
        return self._of_type(owner, field, schema)

    def _of_type(self, owner: str, field: str, schema: Schema) -> Any:  # noqa: ANN401  # JSON
        match schema["type"]:
            case "object":
                return self._object(owner, field, schema)
            case "array":
                return [self.value(field, schema["items"], owner)]
            case "string":
                return _text(owner, field, schema)
            case "boolean":
                return schema.get("default", False)
            case _:
                return schema.get("default", schema.get("minimum", 0))

    def _one_of(self, owner: str, field: str, choices: list[Schema]) -> Any:  # noqa: ANN401  # JSON
        """Return null where null is possible, unless there is a sample or a name to make it of."""
        is_nullable = {"type": "null"} in choices
        named = next((each for each in choices if "$ref" in each), None)
        if named is not None:
            return self.value(field, named, owner)
        return None if is_nullable else self.value(field, choices[0], owner)

    def _object(self, owner: str, field: str, schema: Schema) -> Schema:
        if "properties" not in schema:
            of_each = schema.get("additionalProperties")
            key = schema.get("propertyNames", _TEXT)
            name = self.value(f"key of {field}", key)
            return {name: self.value(f"each of {field}", of_each)} if of_each else {}
        required = schema.get("required", ())
        owner = schema.get("title", owner)
        made = {
            name: self.value(name, form, owner)
            for name, form in schema["properties"].items()
            if name in required or f"{owner}.{name}" in SAMPLES
        }
        return _coherent(owner, made)


def _noun(title: str) -> str:
    """Return what a schema is about, such as `user` for `UserReference`."""
    words = [word.lower() for word in _WORDS.split(title)]
    nouns = [_SAME.get(word, word) for word in words]
    return next((noun for noun in reversed(nouns) if noun in _NOUNS), "_".join(nouns))


def _coherent(owner: str, made: Schema) -> Schema:
    """Let an id be that of what stands beside it, and an ETag be of what it comes with."""
    for name, part in made.items():
        if isinstance(part, dict) and "id" in part and f"{name}_id" in made:
            made[f"{name}_id"] = part["id"]
    if {"id", "etag"} <= made.keys() and f"{owner}.etag" not in SAMPLES:
        made["etag"] = f'"{made["id"]}.{made.get("revision", SAMPLES["revision"])}"'
    return made


def _fits(value: Any, schema: Schema) -> bool:  # noqa: ANN401  # JSON
    """Tell whether a sample is of a type that the schema allows, as far as that is easy to see."""
    if "const" in schema or "enum" in schema:
        return value in schema.get("enum", [schema.get("const")])
    choices: list[Schema] = schema.get("anyOf") or schema.get("oneOf") or [schema]
    return any(_is_of(value, choice) for choice in choices)


def _is_of(value: Any, choice: Schema) -> bool:  # noqa: ANN401  # JSON
    if type(value) not in _TYPES.get(choice.get("type", ""), ()):
        return False
    return not isinstance(value, list) or all(_fits(each, choice["items"]) for each in value)


def _text(owner: str, field: str, schema: Schema) -> str:
    form = schema.get("format")
    if form == "uuid":
        # One noun, one id: the examples of different operations speak of the same things.
        named = f"{_noun(owner)}_id" if field == "id" else field.removesuffix("s")
        return str(uuid.uuid5(uuid.NAMESPACE_OID, named))
    if form in BY_FORMAT:
        return BY_FORMAT[form]
    message = f"There is no sample text for `{field}`."
    raise LookupError(message)
