"""Commands, variables, files, code and routes that README and docs name do exist."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from fastapi import FastAPI
from typer.main import get_command

from app.cli.app import cli
from app.core.config import Settings
from app.core.database import Base
from app.domain.outreach.job import JobName
from tests.contracts.routes import all_routes

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
COMMAND = re.compile(r"(?:uv run |`)training ([a-z][a-z-]+)(?: ([a-z][a-z-]+))?")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)\)")

QUOTED = re.compile(r"`([^`\n]+)`")
FENCE = re.compile(r"^ *```.*?^ *```", re.DOTALL | re.MULTILINE)

# A file or folder has a slash in it, or ends as code does. A pattern names no file.
PATH = re.compile(r"(?!\.\.\.)[\w.-]+(?:/[\w.-]+)+/?|\w+/|\w+\.(?:py|sql)")
CALL = re.compile(r"(?:[\w.]+\.)?(\w+)\(.*\)")
KIND = re.compile(r"(?:[A-Z]+[a-z]+)+")
MEMBER = re.compile(r"(\w+)\.(\w+)(?:\(.*\))?")
SNAKE = re.compile(r"(?<![\w%])[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)+(?!\w)")
ROUTE = re.compile(r"((?:[A-Z]+\\?\|)*[A-Z]+) (?:/api/v1)?((?:\.\.\.)?/[^\s?`]*)")

SYNONYMS = {"uow": "UnitOfWork", "self": "Service"}
"""Names of objects that the docs use in place of their class."""

# Names from other programs that our code does not contain, and names that are to be made up.
NOT_OURS = {
    "pg_cron",
    "defer_build",  # Pydantic
    "large_client_header_buffers",  # nginx
    "whsec_new",  # a secret to come, and one to go
    "whsec_old",
    "supabase/migrations",
    "github.com/supabase/splinter",
    "1/2",
    "content/",  # folders and files within an audit pack
    "outlines/",
    "signatures.json",
    "external_trainings.csv",
    "splinter.sql",
    "unknown_job_title",  # made of the noun of a list of words
    "Allow",  # HTTP
    "ETag",
    "Location",
    "Range",
}

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def commands() -> dict[str, set[str]]:
    """Return the names of the commands and, for groups, those of their own: "" if they are one."""
    found = getattr(get_command(cli), "commands", {})
    return {
        name: set(getattr(command, "commands", ()))
        | ({""} if getattr(command, "invoke_without_command", False) else set())
        for name, command in found.items()
    }


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


def test_every_job_is_described() -> None:
    section = (ROOT / "docs/operations.md").read_text().partition("\n## The worker\n")[2]
    rows = re.findall(r"^\| `([a-z:_]+)` \|", section.partition("\n## ")[0], re.MULTILINE)
    assert sorted(rows) == sorted(JobName)


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


@cache
def sources() -> dict[Path, str]:
    """Return the files that names may come from, without old revisions and without this test."""
    folders = [ROOT / "backend", ROOT / "supabase", ROOT / ".github"]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    kept = [
        path
        for path in [*files, ROOT / "compose.yml", ROOT / "Dockerfile", ROOT / "pyproject.toml"]
        if path.suffix in {".py", ".sql", ".toml", ".yml", ".mjs", ".html", ".ini", ""}
        and not {"node_modules", "versions", "__pycache__", ".venv"} & set(path.parts)
        and path != Path(__file__)
    ]
    return {path: path.read_text() for path in kept}


@cache
def words() -> set[str]:
    tables = Base.metadata.tables.values()
    indexes = {str(index.name) for table in tables for index in table.indexes}
    indexes |= {str(constraint.name) for table in tables for constraint in table.constraints}
    settings = {name.upper() for name in Settings.model_fields}
    written = re.findall(r"\w+", "\n".join(sources().values()))
    return {*written, *indexes, *settings, *NOT_OURS}


@cache
def definitions() -> tuple[set[str], dict[str, set[str]]]:
    """Return the functions of Python and SQL, and the classes with their members."""
    functions: set[str] = {"gen_random_uuid"}  # PostgreSQL's own
    classes: dict[str, set[str]] = defaultdict(set)
    for path, text in sources().items():
        if path.suffix == ".sql":
            functions.update(re.findall(r"CREATE FUNCTION (\w+)", text))
        if path.suffix == ".py":
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.ClassDef):
                    classes[node.name].update(members(node))
                elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    functions.add(node.name)
                elif isinstance(node, ast.Assign | ast.AnnAssign):
                    classes.update({name: set() for name in aliases(node)})
    return functions, classes


def aliases(node: ast.Assign | ast.AnnAssign) -> Iterator[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    for target in targets:
        if isinstance(target, ast.Name) and KIND.fullmatch(target.id):
            yield target.id


def members(node: ast.ClassDef) -> Iterator[str]:
    for part in node.body:
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
            yield part.name
        elif isinstance(part, ast.AnnAssign | ast.Assign):
            targets = part.targets if isinstance(part, ast.Assign) else [part.target]
            yield from (target.id for target in targets if isinstance(target, ast.Name))


def is_known_path(name: str) -> bool:
    """Look from the root, from `backend`, `app` and the tests; a bare name may stand anywhere."""
    if "/" not in name:
        return any(path.name == name for path in sources())
    roots = [ROOT, ROOT / "backend", ROOT / "backend" / "app", ROOT / "backend" / "tests"]
    return any((root / name).exists() for root in roots)


def is_known_member(owner: str, name: str) -> bool:
    """Tell whether a table has the column, or a class of ours the member."""
    tables, (functions, classes) = Base.metadata.tables, definitions()
    owner = SYNONYMS.get(owner, owner)
    if owner in tables:
        return name in tables[owner].columns
    if owner in classes:
        return name in classes[owner]
    return "_" not in name or name in words() | functions


def unknown(name: str) -> bool:
    """Tell whether a name in backticks is of a file, a function, a class or a member we lack."""
    functions, classes = definitions()
    if name in NOT_OURS:
        return False
    if PATH.fullmatch(name):
        return not is_known_path(name)
    if (member := MEMBER.fullmatch(name)) and not is_known_member(*member.groups()):
        return True
    if call := CALL.fullmatch(name):
        return call[1] not in functions | set(classes)
    if KIND.fullmatch(name):
        return name not in classes
    return any(word not in words() for word in SNAKE.findall(name))


def quoted(page: Path) -> list[str]:
    return sorted(set(QUOTED.findall(FENCE.sub("", page.read_text()))))


@pages
def test_every_name_is_there(page: Path) -> None:
    assert [name for name in quoted(page) if unknown(name)] == []


@pytest.mark.full
@pytest.mark.parametrize(
    "name",
    [
        "domain/quiz/",
        "domain/quiz/attempts.py",
        "tests/test_evidence.py",
        "exemptions.py",
        "issue_record()",
        "uow.after_rollback",
        "self.writing()",
        "Service.called_by",
        "enrollments.expired_at",
        "SectionRule",
        "Enrolled",
        "issue_training_records",
        "DATABASE_POOL_SIZES",
        "ix_users_shoe_size",
        "enrollment_was_closed",
    ],
)
def test_a_wrong_name_is_seen(name: str) -> None:
    assert unknown(name)


def named_routes(page: Path) -> Iterator[tuple[str, str]]:
    """Yield method and address; `...` stands for the beginning of an address."""
    for name in quoted(page):
        for methods, address in ROUTE.findall(name):
            for method in re.findall("[A-Z]+", methods):
                yield method, re.sub(r"{\w+}|(?<=/users/)me(?=/)", "{}", address)


def missing_routes(app: FastAPI, page: Path) -> list[tuple[str, str]]:
    labels = [route.label.replace("/api/v1", "") for route in all_routes(app.routes)]
    known = [tuple(re.sub(r"{\w+}", "{}", label).split(" ")) for label in labels]
    return [
        (method, address)
        for method, address in named_routes(page)
        if not any(
            method == theirs
            and (path == address or (address[:3] == "..." and path.endswith(address[3:])))
            for theirs, path in known
        )
    ]


@pages
def test_every_route_is_there(app: FastAPI, page: Path) -> None:
    assert missing_routes(app, page) == []


def test_a_wrong_route_is_seen(app: FastAPI, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "`GET /user/{id}`, `POST .../{id}/applaud`, `GET\\|PUT /users/{id}`, `GET /users`"
    )
    assert missing_routes(app, page) == [
        ("GET", "/user/{}"),
        ("PUT", "/users/{}"),
        ("POST", ".../{}/applaud"),
    ]
