"""Writes what many operations of the OpenAPI document have in common once, under `components`."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from app.routers.refusals import name_of

Schema = dict[str, Any]
Place = tuple[Schema | list[Any], Any]
"""A container and the key or index in it."""


def share_parts(document: Schema) -> None:
    """Replace equal headers, parameters and refusals of several operations by references.

    Headers come first, because refusals contain them.
    """
    operations = [each for item in document["paths"].values() for each in item.values()]
    components = document["components"]
    for section, places, name in (
        ("headers", _headers, _header_name),
        ("parameters", _parameters, _parameter_name),
        ("responses", _refusals, _refusal_name),
    ):
        components[section] = _share(section, list(places(operations)), name)


def _share(section: str, places: list[Place], name_of_part: Callable[[Place], str]) -> Schema:
    """Return the parts by name. Of parts of one name the most frequent is shared."""
    parts = {_text(place): place for place in places}
    shared: Schema = {}
    names: dict[str, str] = {}
    for text, count in Counter(map(_text, places)).most_common():
        name = name_of_part(parts[text])
        if count > 1 and name not in shared:
            shared[name], names[text] = json.loads(text), name
    for container, key in places:
        text = _text((container, key))
        if text in names:
            container[key] = {"$ref": f"#/components/{section}/{names[text]}"}
    return dict(sorted(shared.items()))


def _text(place: Place) -> str:
    container, key = place
    return json.dumps(container[key])


def _headers(operations: list[Schema]) -> Iterator[Place]:
    for operation in operations:
        for response in operation["responses"].values():
            yield from ((response["headers"], name) for name in response["headers"])


def _parameters(operations: list[Schema]) -> Iterator[Place]:
    for operation in operations:
        parameters = operation.get("parameters", [])
        yield from ((parameters, place) for place in range(len(parameters)))


def _refusals(operations: list[Schema]) -> Iterator[Place]:
    for operation in operations:
        responses = operation["responses"]
        yield from ((responses, status) for status in responses if status >= "300")


def _header_name(place: Place) -> str:
    return str(place[1])


def _parameter_name(place: Place) -> str:
    container, key = place
    parameter: Schema = container[key]
    words = parameter["name"].replace("-", "_").split("_")
    return str(parameter["in"]).title() + "".join(word.capitalize() for word in words)


def _refusal_name(place: Place) -> str:
    container, status = place
    return name_of(status, container[status])
