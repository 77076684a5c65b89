"""Adds to the OpenAPI document what is common to operations: problems, headers, retries."""

import re
from collections.abc import Iterator
from typing import Any, get_args

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from app.core.files.download import BusyError, DiskFullError, DownloadTooLargeError
from app.routers.examples import add_examples
from app.routers.field_meanings import explain_fields
from app.routers.parameters import HEADERS, PATHS, QUERIES, TAGS
from app.routers.refusals import Schema, problems_of, refusals
from app.routers.refusals import schemas as refusals_schemas
from app.routers.shared_parts import share_parts
from app.schemas.base import Versioned, without_null

_VALUES = {"const", "default", "enum", "example", "examples"}
_MODES = re.compile("-(Input|Output)$")
_TEXT: Schema = {"type": "string"}


def _header(name: str, meaning: str, schema: Schema = _TEXT) -> Schema:
    return {name: {"description": meaning, "required": True, "schema": schema}}


_ABOUT = """Staff training and compliance of a dental group.

Sign in with Supabase Auth and send its access token as `Authorization: Bearer ...`. Errors are
`application/problem+json` with a stable `code`. Lists come in pages: send `next_cursor` as
`cursor`. What can be changed carries an `ETag`; send it back as `If-Match`. A POST that carries an
`Idempotency-Key` may be repeated. docs/api.md tells the whole of it.
"""
_LICENCE = {"name": "Private: no licence is granted", "identifier": "LicenseRef-Private"}
_MEANINGS = {"path": PATHS, "query": QUERIES, "header": HEADERS}
# Not required: of an operation with several answers, some are of what cannot be changed.
_ETAG: Schema = {
    "ETag": {
        "description": "The state that is shown: send it back as If-Match or If-None-Match",
        "schema": _TEXT,
    },
}
_REQUEST_ID = _header("X-Request-Id", "Names this request in the logs: the one sent, if it is sane")
_EXTRA_HEADERS = {
    "201": _header("Location", "Where the new resource is"),
    "401": _header("WWW-Authenticate", "`Bearer`"),
    "503": _header("Retry-After", "Seconds to wait", {"type": "integer", "minimum": 1}),
}
_REPLAYED: Schema = {
    "Idempotency-Replayed": {
        "description": "There where this is the answer to an earlier request of the same key",
        "schema": {"type": "string", "enum": ["true"]},
    },
}


class DescribedAPI(FastAPI):
    """An application whose OpenAPI document describes the conventions that operations share."""

    def openapi(self) -> Schema:
        fresh = self.openapi_schema is None
        schema = super().openapi()
        if fresh:
            schema = self.openapi_schema = _with_one_type(schema)
            _describe(schema)
            self._describe_etags(schema)
            _drop_titles(schema)
            add_examples(schema)
            share_parts(schema)
        return schema

    def _describe_etags(self, schema: Schema) -> None:
        """Describe the ETag header where one is sent. It is not in the schema of the body."""
        routes = iter_route_contexts(self.routes)
        models = {route.name: getattr(route, "response_model", None) for route in routes}
        sends = {name for name, model in models.items() if _is_versioned(model)}
        for operations in schema["paths"].values():
            for operation in operations.values():
                if operation["operationId"] in sends:
                    for status in {"200", "201"} & operation["responses"].keys():
                        operation["responses"][status]["headers"] |= _ETAG


def operation_id(route: APIRoute) -> str:
    return route.name


def file_responses(*media_types: str, **headers: str) -> dict[int | str, Schema]:
    """Describe an answer that is a file of one of the media types, and its own errors.

    `headers` describes headers besides Content-Disposition; `_` in a name stands for `-`.
    """
    told = {name.replace("_", "-"): meaning for name, meaning in headers.items()}
    told["Content-Disposition"] = "`attachment` and the name of the file"
    file: Schema = {
        "description": "The file",
        "content": {media_type: {"schema": _file(media_type)} for media_type in media_types},
        "headers": {name: {"description": told[name], "schema": _TEXT} for name in told},
    }
    return {200: file} | refusals(BusyError, DiskFullError, DownloadTooLargeError)


def _file(media_type: str) -> Schema:
    is_text = media_type.startswith("text/") or media_type.endswith("xml")
    # Generators know JSON Schema's `contentMediaType` less well than this format of OpenAPI 3.0.
    return _TEXT if is_text else _TEXT | {"format": "binary"}


def _is_versioned(model: Any) -> bool:  # noqa: ANN401  # a type or a union of types
    if isinstance(model, type):
        return issubclass(model, Versioned)
    return any(_is_versioned(member) for member in get_args(model))


def _with_one_type(node: Any) -> Any:  # noqa: ANN401  # a part of a JSON document
    """Merge the two schemas of each type that is both sent and answered.

    Otherwise clients could not send what they have read. Pydantic writes two, because an answer's
    schema leaves out limits of length. The one for input comes first and is kept: answers keep its
    limits, since their content was accepted as input before.
    """
    if isinstance(node, list):
        return [_with_one_type(item) for item in node]
    if isinstance(node, dict):
        found: Schema = {}
        for name, value in node.items():
            found.setdefault(_MODES.sub("", name), _with_one_type(value))
        return found
    return _MODES.sub("", node) if isinstance(node, str) else node


def _describe(schema: Schema) -> None:
    schemas = schema.setdefault("components", {}).setdefault("schemas", {})
    schema["info"]["description"] = _ABOUT
    schema["info"]["contact"] = {"name": schema["info"]["title"]}
    schema["info"]["license"] = _LICENCE
    schema["tags"] = [{"name": name, "description": text} for name, text in TAGS.items()]
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            _describe_operation(path, method, operation)
    schemas |= refusals_schemas()
    explain_fields(schemas)
    _drop_unused(schema)


def _drop_unused(schema: Schema) -> None:
    """Drop schemas without a reference: FastAPI's errors, and models replaced by one a kind."""
    schemas = schema["components"]["schemas"]
    used: set[str] = set()
    waiting = list(_references(schema["paths"]))
    while waiting:
        if (name := waiting.pop()) not in used:
            used.add(name)
            waiting += _references(schemas[name])
    schema["components"]["schemas"] = {name: schemas[name] for name in schemas if name in used}


def _references(node: Any) -> Iterator[str]:  # noqa: ANN401  # a part of a JSON document
    if isinstance(node, list):
        for item in node:
            yield from _references(item)
    elif isinstance(node, dict):
        for name, value in node.items():
            if name == "$ref":
                yield value.rpartition("/")[2]
            else:
                yield from _references(value)


def _drop_titles(schema: Schema) -> None:
    """Drop the titles that Pydantic makes of names; schemas that others refer to keep theirs."""
    schema["paths"] = _untitled(schema["paths"])
    for each in schema["components"]["schemas"].values():
        each |= {name: _untitled(value) for name, value in each.items() if name not in _VALUES}


def _untitled(node: Any) -> Any:  # noqa: ANN401  # a part of a JSON document
    if isinstance(node, list):
        return [_untitled(item) for item in node]
    if isinstance(node, dict):
        return {
            name: value if name in _VALUES else _untitled(value)
            for name, value in node.items()
            if name != "title" or not isinstance(value, str)
        }
    return node


def _describe_operation(path: str, method: str, operation: Schema) -> None:
    parameters = operation.get("parameters", [])
    if method != "post":
        parameters = [item for item in parameters if item["name"] != "Idempotency-Key"]
    for parameter in parameters:
        # A POST that accepts If-Match may mostly be sent without it; other methods require it.
        needed = method != "post" or "428" in operation["responses"]
        parameter["required"] |= parameter["name"] == "If-Match" and needed
        # Only a body can say null.
        parameter["schema"] = without_null(parameter["schema"])
        meaning = _MEANINGS[parameter["in"]].get(parameter["name"])
        if meaning is not None:
            parameter.setdefault("description", meaning)
    if "parameters" in operation:
        operation["parameters"] = parameters
    operation.setdefault("security", [])
    responses = operation["responses"]
    if any(parameter["name"] == "If-None-Match" for parameter in parameters):
        responses["304"] = {"description": "The client's copy is current"}
    responses |= problems_of(path, method, operation)
    for status, response in responses.items():
        headers = _REQUEST_ID | _EXTRA_HEADERS.get(status, {})
        if method == "post" and status in {"200", "201"}:
            headers |= _REPLAYED
        response["headers"] = headers | response.get("headers", {})
    operation["responses"] = dict(sorted(responses.items()))
