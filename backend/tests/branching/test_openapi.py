"""Our facts about the Management API against Supabase's own OpenAPI file."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from branching.api import SERVICES
from branching.resources import FAILED_PROJECTS, FAILED_RUNS, HEALTHY
from tests.branching.facts import OPERATIONS, PROJECT_STATES, RUN_STATES, SCHEMAS
from tests.branching.facts import SERVICES as KNOWN_SERVICES


@pytest.fixture(scope="session")
def official() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(Path(os.environ["SUPABASE_OPENAPI"]).read_text())
    return document


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas_agree(official: dict[str, Any], name: str) -> None:
    ours, theirs = SCHEMAS[name], official["components"]["schemas"][name]
    assert set(ours["required"]) == set(theirs["required"])
    for field, schema in ours["properties"].items():
        known = theirs["properties"][field]
        assert schema["type"] == known["type"], field
        assert set(schema.get("enum", [])) == set(known.get("enum", [])), field


@pytest.mark.parametrize(("method", "path", "status", "schema"), OPERATIONS)
def test_operations_agree(
    official: dict[str, Any], method: str, path: str, status: int, schema: str
) -> None:
    answer = official["paths"][path][method]["responses"][str(status)]
    body = answer["content"]["application/json"]["schema"]
    assert body.get("items", body) == {"$ref": f"#/components/schemas/{schema}"}


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("delete", "/v1/branches/{branch_id_or_ref}", "force"),
        ("get", "/v1/projects/{ref}/health", "services"),
        ("get", "/v1/projects/{ref}/api-keys", "reveal"),
    ],
)
def test_query_parameters_exist(
    official: dict[str, Any], method: str, path: str, name: str
) -> None:
    parameters = official["paths"][path][method]["parameters"]
    assert name in {item["name"] for item in parameters if item["in"] == "query"}


def test_the_states_we_act_on_exist() -> None:
    assert set(RUN_STATES) >= FAILED_RUNS
    assert set(PROJECT_STATES) >= FAILED_PROJECTS | {HEALTHY}
    assert set(KNOWN_SERVICES) >= set(SERVICES)
