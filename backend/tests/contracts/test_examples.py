"""Each request and response body of the document has an example that is one."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from pydantic import TypeAdapter

from app.routers.examples.samples import SAMPLES
from app.routers.examples.wholes import WHOLES

Document = dict[str, Any]


def bodies(document: Document) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Return each JSON body with the operation's name and the schema that is behind it."""
    for operations in document["paths"].values():
        for operation in operations.values():
            for answer in (operation.get("requestBody", {}), *operation["responses"].values()):
                for media_type, body in answer.get("content", {}).items():
                    if media_type.endswith("json"):
                        yield operation["operationId"], body, named(document, body["schema"])


def named(document: Document, schema: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    return document["components"]["schemas"][name] if name else schema


def examples_of(body: dict[str, Any], schema: dict[str, Any]) -> list[Any]:
    if "oneOf" in schema and "example" not in body:
        return ["one of the errors, each of which has its own"]
    return [body["example"]] if "example" in body else schema.get("examples", [])


def faults(document: Document, schema: dict[str, Any], example: Any) -> list[str]:
    whole = schema | {"components": document["components"]}
    validator = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
    return [f"{error.instance_path} {error.message}" for error in validator.iter_errors(example)]


def test_every_body_has_an_example(described: Document) -> None:
    assert {name for name, *body in bodies(described) if not examples_of(*body)} == set()


@pytest.mark.full
def test_every_example_is_one(described: Document) -> None:
    found = {}
    for name, schema in described["components"]["schemas"].items():
        for example in schema.get("examples", []):
            if wrong := faults(described, schema, example):
                found[name] = wrong
    for name, body, _ in bodies(described):
        if "example" in body and (wrong := faults(described, body["schema"], body["example"])):
            found[name] = wrong
    assert found == {}


def test_what_is_no_example_would_be_seen(described: Document) -> None:
    schema = described["components"]["schemas"]["EnrollmentRead"]
    assert faults(described, schema, schema["examples"][0] | {"due_on": "soon"})


def requests(app: FastAPI, document: Document) -> Iterator[Any]:
    sent = {
        operation["operationId"]: operation["requestBody"]["content"]
        for operations in document["paths"].values()
        for operation in operations.values()
        if "requestBody" in operation
    }
    for route in iter_route_contexts(app.routes):
        field = getattr(route, "body_field", None)
        if field is not None and route.name in sent:
            body = sent[route.name]["application/json"]
            yield route.name, field, examples_of(body, named(document, body["schema"]))[0]


def test_the_api_accepts_every_request(app: FastAPI, described: Document) -> None:
    """Beyond the schema, models check what has to fit together."""
    checked = 0
    for name, field, example in requests(app, described):
        adapter: TypeAdapter[Any] = TypeAdapter(field.field_info.annotation)
        adapter.validate_json(json.dumps(example))
        assert example != {}, name
        checked += 1
    assert checked > 50


@pytest.mark.parametrize("name", sorted(name for name in SAMPLES if name[:1].isupper()))
def test_no_sample_is_of_nothing(described: Document, name: str) -> None:
    schema, _, field = name.partition(".")
    assert field in described["components"]["schemas"][schema]["properties"]


def test_no_whole_is_of_nothing(described: Document) -> None:
    assert set(WHOLES) <= set(described["components"]["schemas"])
