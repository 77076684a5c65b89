"""docs/openapi.json is the application's current document, and keeps to the conventions."""

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from pydantic import MISSING
from typer.testing import CliRunner

from app.cli.app import cli
from app.domain.content.quiz.questions import QuestionKind
from app.domain.content.section_settings import SectionKind
from app.schemas.base import Changes
from tests.described import without_shared_parts

DOCUMENT = Path(__file__).parents[3] / "docs" / "openapi.json"
# An item is removed from a list that has no version of its own.
PLAIN = {"unregister_attendee"}
# As many as there are classes in the code.
SHORT = {
    "list_credential_kinds",
    "list_missing_site_facts",
    "list_retention_periods",
    "list_schedules",
    "list_signatures",
    "list_site_fact_kinds",
    "report_assignments",
}
# The primary position comes first, people's lines stand as they are stored, jobs by their age.
UNSORTED = {"list_jobs", "list_positions", "list_people"}
# What a list is asked for besides filters: a page, whose, since when, and words to look for.
SAID_ONCE = {
    *("limit", "cursor", "include_total", "sort", "scope", "q"),
    *("since", "until", "as_of", "known_on", "expires_by", "due_by"),
}
# Only what was read may be confirmed or refused, so the ETag cannot be left out.
READ_FIRST = {"confirm_name", "confirm_merge", "refuse_merge"}
REGENERATE = "run: uv run training openapi --output docs/openapi.json"


# Objects of any form: what the organisation keeps in profiles, and what events have changed.
FREE = {
    "/MyselfRead/properties/profile_metadata",
    "/UserRead/properties/profile_metadata",
    "/ProfileUpdate/properties/profile_metadata",
    "/AuditEventRead/properties/before/anyOf/0",
    "/AuditEventRead/properties/after/anyOf/0",
}


def untyped(node: Any, path: str) -> Iterator[str]:
    if isinstance(node, list):
        for place, item in enumerate(node):
            yield from untyped(item, f"{path}/{place}")
    elif isinstance(node, dict):
        members = {"properties", "patternProperties"}
        if node.get("type") == "object" and not members & node.keys():
            free = node.get("additionalProperties", True) is True
            yield from [path] * free
        if node.get("items") == {} or (node.get("type") == "array" and "items" not in node):
            yield path
        for name, value in node.items():
            yield from untyped(value, f"{path}/{name}")


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]


@pytest.fixture
def document(described: dict[str, Any]) -> dict[str, Any]:
    return deepcopy(described)


class TestOpenApi:
    def test_the_file_is_current(self) -> None:
        result = CliRunner().invoke(cli, ["openapi"])
        assert result.exit_code == 0
        assert DOCUMENT.read_bytes() == result.stdout_bytes, REGENERATE

    @pytest.mark.full
    def test_writes_a_file(self, tmp_path: Path, document: dict[str, Any]) -> None:
        path = tmp_path / "openapi.json"
        assert CliRunner().invoke(cli, ["openapi", "--output", str(path)]).exit_code == 0
        assert without_shared_parts(json.loads(path.read_bytes())) == document

    def test_every_operation_has_its_problems(self, document: dict[str, Any]) -> None:
        for method, path, operation in operations(document):
            if not operation["security"]:
                continue
            statuses = set(operation["responses"])
            assert statuses >= {"401", "403", "422", "503"}, (method, path)
            for status, response in operation["responses"].items():
                if status >= "400":
                    assert list(response["content"]) == ["application/problem+json"]

    def test_changes_of_resources_need_if_match(self, document: dict[str, Any]) -> None:
        for method, path, operation in operations(document):
            needed = {
                parameter["name"]
                for parameter in operation.get("parameters", [])
                if parameter["required"] and parameter["in"] == "header"
            }
            if method in {"patch", "delete"} and operation["operationId"] not in PLAIN:
                assert needed == {"If-Match"}, (method, path)

    def test_what_can_be_changed_is_read_with_its_etag(self, document: dict[str, Any]) -> None:
        for path, item in document["paths"].items():
            if "patch" in item and "get" in item:
                assert "ETag" in item["get"]["responses"]["200"]["headers"], path

    def test_every_body_and_every_header_is_described(self, document: dict[str, Any]) -> None:
        for method, path, operation in operations(document):
            for status, response in operation["responses"].items():
                assert all(header["description"] for header in response["headers"].values())
                bodies = response.get("content", {})
                assert bodies or status in {"204", "304"}, (method, path, status)
                assert all(body["schema"] for body in bodies.values()), (method, path)

    def test_posts_never_need_if_match(self, document: dict[str, Any]) -> None:
        for method, path, operation in operations(document):
            if method == "post" and operation["operationId"] not in READ_FIRST:
                required = [each["name"] for each in operation["parameters"] if each["required"]]
                assert "If-Match" not in required, path
                assert "428" not in operation["responses"], path

    def test_posts_take_idempotency_keys(self, document: dict[str, Any]) -> None:
        for method, path, operation in operations(document):
            names = {parameter["name"] for parameter in operation.get("parameters", [])}
            assert ("Idempotency-Key" in names) == (method == "post"), (method, path)

    def test_lists_are_pages(self, document: dict[str, Any]) -> None:
        for method, path, operation in operations(document):
            schema = operation["responses"].get("200", {}).get("content", {})
            reference = schema.get("application/json", {}).get("schema", {}).get("$ref", "")
            if "/ListOf_" in reference and operation["operationId"] not in SHORT:
                names = {parameter["name"] for parameter in operation["parameters"]}
                assert names >= {"limit", "cursor", "include_total"}, (method, path)
                assert ("sort" in names) == (operation["operationId"] not in UNSORTED), path

    def test_list_filters_may_be_repeated(self, document: dict[str, Any]) -> None:
        """So that `status=due&status=overdue` means either, in every list."""
        for _, path, operation in operations(document):
            query = [each for each in operation.get("parameters", []) if each["in"] == "query"]
            if "limit" in {each["name"] for each in query}:
                single = {each["name"] for each in query if each["schema"].get("type") != "array"}
                assert single <= SAID_ONCE, path

    def test_every_order_goes_both_ways(self, document: dict[str, Any]) -> None:
        for _, path, operation in operations(document):
            for parameter in operation.get("parameters", []):
                if parameter["name"] == "sort":
                    orders = set(parameter["schema"]["enum"])
                    assert parameter["schema"]["default"] in orders, path
                    assert {each.removeprefix("-") for each in orders} < orders, path

    def test_every_operation_says_what_it_does(self, document: dict[str, Any]) -> None:
        for method, path, operation in operations(document):
            assert operation.get("description"), (method, path)

    def test_every_parameter_says_what_it_means(self, document: dict[str, Any]) -> None:
        """The meanings are in app.routers.parameters."""
        found = {
            (parameter["in"], parameter["name"])
            for _, _, operation in operations(document)
            for parameter in operation.get("parameters", [])
            if not parameter.get("description")
        }
        assert found == set()

    def test_what_is_read_can_be_sent(self, document: dict[str, Any]) -> None:
        """Rules are read and sent as one type, of which FastAPI would make two."""
        schemas = document["components"]["schemas"]
        assert not [name for name in schemas if name.endswith(("-Input", "-Output"))]
        titles = [schema["title"] for schema in schemas.values()]
        assert len(set(titles)) == len(titles)

    def test_alternatives_are_told_apart_by_a_kind_that_is_sent(
        self, document: dict[str, Any]
    ) -> None:
        schemas = document["components"]["schemas"]
        for name in ("Modules", "Credential", "DaysAfter", "MonthsAfter", "OnDate"):
            assert "const" in schemas[name]["properties"]["kind"]
            assert "kind" in schemas[name]["required"]

    def test_no_object_and_no_list_is_of_anything(self, document: dict[str, Any]) -> None:
        assert set(untyped(document["components"]["schemas"], "")) == FREE

    @pytest.mark.parametrize("kinds", [SectionKind, QuestionKind])
    def test_what_depends_on_a_kind_is_told_apart_by_it(
        self, document: dict[str, Any], kinds: type[StrEnum]
    ) -> None:
        noun = kinds.__name__.removesuffix("Kind")
        for kind in kinds:
            words = "".join(word.title() for word in kind.split("_"))
            for form in ("Create", "Read"):
                schema = document["components"]["schemas"][f"{words}{noun}{form}"]
                assert schema["properties"]["kind"]["const"] == kind
                assert "kind" in schema["required"]

    def test_docs_tell_of_every_error_code(self, document: dict[str, Any]) -> None:
        told = set(re.findall(r"`([a-z_]+)`", (DOCUMENT.parent / "api.md").read_text()))
        codes = {
            schema["properties"]["code"]["const"]
            for name, schema in document["components"]["schemas"].items()
            if name.endswith("Problem")
        }
        assert {code for code in codes if code.removesuffix("_not_found") not in told} == set()

    def test_a_code_has_one_meaning(self, document: dict[str, Any]) -> None:
        statuses = {
            name: schema["properties"]["status"]["enum"]
            for name, schema in document["components"]["schemas"].items()
            if name.endswith("Problem")
        }
        assert {name: each for name, each in statuses.items() if len(each) != 1} == {}

    def test_every_tag_is_described(self, document: dict[str, Any]) -> None:
        used = {tag for _, _, operation in operations(document) for tag in operation["tags"]}
        assert used == {tag["name"] for tag in document["tags"] if tag["description"]}


class TestChanges:
    """A client that fills in the defaults of the document must not change anything."""

    def test_what_a_patch_leaves_out_has_no_default(self, document: dict[str, Any]) -> None:
        schemas = document["components"]["schemas"]
        bodies = {
            operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
            for method, _, operation in operations(document)
            if method == "patch"
        }
        assert bodies == {
            f"#/components/schemas/{name}" for name in schemas if name.endswith("Update")
        }
        for body in bodies:
            schema = schemas[body.rpartition("/")[2]]
            assert "required" not in schema, body
            assert not any("default" in field for field in schema["properties"].values()), body

    @pytest.mark.parametrize("changes", Changes.__subclasses__())
    def test_null_is_no_default_either(self, changes: type[Changes]) -> None:
        """OpenAPI as FastAPI writes it leaves a default of null out."""
        assert all(field.default is MISSING for field in changes.model_fields.values())
        assert changes().model_dump() == {}
