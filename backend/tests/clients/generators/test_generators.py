"""The usual generators make clients of the document, and strict compilers accept them."""

import shutil
from pathlib import Path

import pytest

from tests.clients.node import run_tool

pytestmark = pytest.mark.full

# To each, the input and the output are added.
GENERATORS = {
    "schema.ts": ("openapi-typescript",),
    "fetch.ts": ("orval", "--client", "fetch"),
    "zod.ts": ("orval", "--client", "zod"),
    "hey": ("openapi-ts", "--no-log-file"),
}


def test_typescript(project: Path) -> None:
    for output, (name, *options) in GENERATORS.items():
        source = ["openapi.json"] if name == "openapi-typescript" else ["--input", "openapi.json"]
        generated = run_tool(name, *source, "--output", output, *options, cwd=project)
        assert generated.code == 0, generated.output
        assert "warn" not in generated.output.lower()
        assert (project / output).exists()
    shutil.copy(Path(__file__).parent / "uses.ts", project)
    compiled = run_tool("tsc", "--noEmit", "--project", ".", cwd=project)
    assert (compiled.code, compiled.output) == (0, "")


def test_the_compiler_is_strict(project: Path) -> None:
    (project / "loose.ts").write_text("export const first = (items: string[] | null) => items[0]\n")
    assert "TS18047" in run_tool("tsc", "--noEmit", "--project", ".", cwd=project).output


def test_python(project: Path, python_tools: Path) -> None:
    config = Path(__file__).parent / "python" / "config.yml"
    generate = python_tools / "openapi-python-client"
    options = ["--output-path", "training_client", "--meta", "none", "--config", str(config)]
    generated = run_tool(generate, "generate", "--path", "openapi.json", *options, cwd=project)
    assert generated.code == 0, generated.output
    assert "WARNING" not in generated.output
    checked = run_tool(python_tools / "mypy", "--strict", "training_client", cwd=project)
    assert checked.code == 0, checked.output
    assert checked.output.startswith("Success")
