"""Compares every answer that a test gets with what the OpenAPI document announces."""

import copy
import json
import re
from functools import cache
from http import HTTPStatus
from typing import Any

import httpx
import jsonschema_rs

from app.core.problems import MEDIA_TYPE

# Of the address, the host or a fault of ours, so not of an operation.
ELSEWHERE = frozenset(
    {
        HTTPStatus.METHOD_NOT_ALLOWED,
        HTTPStatus.MISDIRECTED_REQUEST,
        HTTPStatus.INTERNAL_SERVER_ERROR,
    }
)
NOT_SHOWN = {"internal_error", "not_found"}


class Described:
    """The answers that a document announces."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._components = _closed(document["components"])
        document = without_shared_parts(document)
        paths = sorted(document["paths"].items(), key=lambda item: _parameters(item[0]))
        self._paths = [(_pattern(path), operations) for path, operations in paths]
        self._validator = cache(self._made)

    async def check(self, response: httpx.Response) -> None:
        """Fail on an unannounced status, code or member, and without an announced header."""
        announced = self._announced(response.request)
        if announced is None or response.status_code in ELSEWHERE:
            return
        media_type = response.headers.get("content-type", "").partition(";")[0]
        is_head = response.request.method == "HEAD"
        if media_type == MEDIA_TYPE and not is_head:
            await response.aread()
            if response.json()["code"] in NOT_SHOWN:
                return
        asked = f"{response.request.method} {response.request.url.path}"
        answer = announced["responses"].get(str(response.status_code))
        assert answer is not None, f"{asked}: {response.status_code} is not announced"
        self._check_headers(asked, answer, response)
        if response.status_code != HTTPStatus.NOT_MODIFIED and not is_head:
            await self._check_body(asked, answer, media_type, response)

    def _check_headers(self, asked: str, answer: dict[str, Any], response: httpx.Response) -> None:
        for name, header in answer["headers"].items():
            missing = header.get("required") and name not in response.headers
            assert not missing, f"{asked}: {response.status_code} comes without {name}"

    async def _check_body(
        self, asked: str, answer: dict[str, Any], media_type: str, response: httpx.Response
    ) -> None:
        content = answer.get("content", {})
        if not content:
            return
        assert media_type in content, f"{asked}: {media_type} is not announced"
        if media_type.endswith("json"):
            await response.aread()
            errors = list(self._validator_of(answer, media_type).iter_errors(response.json()))
            where = [f"{error.instance_path} {error.message}" for error in errors]
            assert not errors, f"{asked} {response.status_code}: {where} in {response.text[:500]}"

    def _announced(self, request: httpx.Request) -> dict[str, Any] | None:
        method = "get" if request.method == "HEAD" else request.method.lower()
        for pattern, operations in self._paths:
            if pattern.fullmatch(request.url.path) and method in operations:
                found: dict[str, Any] = operations[method]
                return found
        return None

    def _validator_of(self, answer: dict[str, Any], media_type: str) -> Any:
        return self._validator(json.dumps(answer["content"][media_type]["schema"]))

    def _made(self, schema: str) -> jsonschema_rs.Draft202012Validator:
        document = json.loads(schema) | {"components": self._components}
        return jsonschema_rs.Draft202012Validator(document, validate_formats=True)


def without_shared_parts(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with its headers, parameters and responses where they are used."""

    def inlined(node: Any) -> Any:
        if isinstance(node, list):
            return [inlined(item) for item in node]
        if not isinstance(node, dict):
            return node
        section, _, name = str(node.get("$ref", "")).removeprefix("#/components/").partition("/")
        if section in {"headers", "parameters", "responses"}:
            return inlined(document["components"][section][name])
        return {name: inlined(value) for name, value in node.items()}

    return document | {"paths": inlined(document["paths"])}


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(path)))


def _parameters(path: str) -> list[bool]:
    """Sort `/users/me` before `/users/{user_id}`."""
    return [part.startswith("{") for part in path.split("/")]


def _closed(components: dict[str, Any]) -> dict[str, Any]:
    """Return the components with objects that have no members but the announced ones."""
    closed = copy.deepcopy(components)
    for schema in closed["schemas"].values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return closed
