"""Linters find nothing in the document but what their files of this folder except."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients.node import run_tool

pytestmark = pytest.mark.full

HERE = Path(__file__).parent
DOCUMENT = Path(__file__).parents[4] / "docs" / "openapi.json"


def spectral(document: Path) -> list[str]:
    options = ["--format", "json", "--quiet", "--fail-severity", "hint"]
    ran = run_tool("spectral", "lint", *options, document, cwd=HERE)
    return [f"{each['code']} {each['path']}" for each in json.loads(ran.output)]


def redocly(document: Path) -> list[str]:
    ran = run_tool(
        "redocly", "lint", "--format", "json", "--max-problems", "1000", document, cwd=HERE
    )
    found = json.JSONDecoder().raw_decode(ran.output)[0]
    return [
        f"{each['ruleId']} {each['location'][0]['pointer']}"
        for each in found["problems"]
        if not each.get("ignored")
    ]


LINTERS = pytest.mark.parametrize("lint", [spectral, redocly])


@LINTERS
def test_finds_nothing(lint: Callable[[Path], list[str]]) -> None:
    assert lint(DOCUMENT) == []


@LINTERS
def test_would_find_something(lint: Callable[[Path], list[str]], tmp_path: Path) -> None:
    document = json.loads(DOCUMENT.read_text())
    for operation in document["paths"]["/api/v1/users/me"].values():
        del operation["operationId"], operation["description"], operation["summary"]
    planted = tmp_path / "openapi.json"
    planted.write_text(json.dumps(document))
    found = lint(planted)
    assert [each for each in found if each.startswith("operation-")]
