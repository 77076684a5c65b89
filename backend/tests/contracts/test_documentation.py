"""README and docs name commands, variables and files: those that there are."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from app.cli.app import cli
from app.core.config import Settings

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
COMMAND = re.compile(r"(?:uv run |[`|] ?)training ([a-z][a-z-]+)(?: ([a-z][a-z-]+))?")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)\)")

# In backticks, with a slash in it, ending as files of ours do; a pattern names no file.
PATH = re.compile(r"`([\w.-]+(?:/[\w.<>-]+)+\.(?:py|sql|md|toml|json|yml|mjs))`")

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def commands() -> dict[str, set[str]]:
    """Return the names of the commands and, for groups, those of their own."""
    found = getattr(get_command(cli), "commands", {})
    return {name: set(getattr(command, "commands", ())) for name, command in found.items()}


def variables_of(command: str) -> list[str]:
    """Return the variables that options of a command are read from, beside the settings."""
    options = getattr(get_command(cli), "commands", {})[command].params
    return [option.envvar for option in options if option.envvar]


@pages
def test_every_command_is_there(page: Path) -> None:
    known = commands()
    for name, own in COMMAND.findall(page.read_text()):
        assert name in known
        assert not known[name] or own in known[name]


def test_what_is_to_run_regularly_is_there() -> None:
    section = (ROOT / "docs/operations.md").read_text().partition("\n## Regularly\n")[2]
    rows = re.findall(r"^\| `([a-z-]+) ([a-z-]+)` \|", section.partition("\n## ")[0], re.MULTILINE)
    known = commands()
    assert len(rows) > 1
    assert [row for row in rows if row[1] not in known[row[0]]] == []


def test_every_variable_is_described() -> None:
    table = (ROOT / "README.md").read_text().partition("\n## Configuration\n")[2]
    cells = re.findall(r"^\| (`[^|]+`) \|", table, re.MULTILINE)
    described = [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]
    settings = [name.upper() for name in Settings.model_fields]
    assert sorted(described) == sorted([*settings, *variables_of("serve")])


@pages
def test_every_link_leads_somewhere(page: Path) -> None:
    assert [
        link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()
    ] == []


@pages
def test_every_path_is_there(page: Path) -> None:
    """A file or folder may be named from the root, from `backend`, `app` or the tests."""
    roots = [ROOT, ROOT / "backend", ROOT / "backend" / "app", ROOT / "backend" / "tests"]
    named = {name for name in PATH.findall(page.read_text()) if "<" not in name}
    assert [
        name for name in sorted(named) if not any((root / name).exists() for root in roots)
    ] == []
